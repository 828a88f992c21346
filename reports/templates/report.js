"use strict";
(function () {
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var every = function (selector, within) {
    return Array.prototype.slice.call((within || document).querySelectorAll(selector));
  };

  // Light or dark: what the machine prefers, until somebody chooses.
  var theme = document.getElementById("theme");
  if (theme) {
    theme.hidden = false;
    theme.addEventListener("click", function () {
      var now = root.getAttribute("data-theme") || (dark.matches ? "dark" : "light");
      root.setAttribute("data-theme", now === "dark" ? "light" : "dark");
    });
  }

  // One tip for all drawings: the nearest mark with something to say, by pointer or by keys.
  var tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  var spoken = document.createElement("div");
  spoken.className = "hidden-text";
  spoken.setAttribute("role", "status");
  document.body.appendChild(spoken);

  function marksOf(canvas) {
    if (canvas.marks && canvas.marksWidth === canvas.clientWidth) return canvas.marks;
    var frame = canvas.getBoundingClientRect();
    canvas.marks = every("[data-tip]", canvas).map(function (element) {
      var box = element.getBoundingClientRect();
      return { element: element, left: box.left - frame.left, right: box.right - frame.left,
        top: box.top - frame.top, bottom: box.bottom - frame.top };
    });
    canvas.marksWidth = canvas.clientWidth;
    return canvas.marks;
  }

  function away(low, high, at) { return at < low ? low - at : at > high ? at - high : 0; }

  function nearest(canvas, x, y, reach) {
    var best = null, least = reach * reach;
    marksOf(canvas).forEach(function (mark) {
      var dx = away(mark.left, mark.right, x), dy = away(mark.top, mark.bottom, y);
      var far = dx * dx + dy * dy;
      if (far < least || (best === null && far <= least)) { best = mark; least = far; }
    });
    return best;
  }

  function hide(canvas) {
    if (canvas.current) canvas.current.element.classList.remove("at");
    canvas.current = null;
    tip.hidden = true;
  }

  function show(canvas, mark) {
    if (canvas.current === mark) return;
    hide(canvas);
    if (!mark) return;
    canvas.current = mark;
    mark.element.classList.add("at");
    tip.textContent = mark.element.getAttribute("data-tip");
    canvas.appendChild(tip);
    tip.hidden = false;
    var room = canvas.clientWidth - tip.offsetWidth;
    var left = (mark.left + mark.right) / 2 - tip.offsetWidth / 2;
    tip.style.left = Math.max(0, Math.min(room, left)) + "px";
    var above = mark.top - tip.offsetHeight - 8;
    tip.style.top = (above > -tip.offsetHeight / 2 ? above : mark.bottom + 8) + "px";
  }

  function step(canvas, by) {
    var marks = marksOf(canvas);
    if (!marks.length) return;
    var at = marks.indexOf(canvas.current);
    var next = at < 0 ? (by > 0 ? 0 : marks.length - 1) : at + by;
    show(canvas, marks[Math.max(0, Math.min(marks.length - 1, next))]);
    spoken.textContent = tip.textContent;
  }

  every(".canvas[data-figure]").forEach(function (canvas) {
    if (!canvas.querySelector("[data-tip]")) return;
    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", function (event) {
      var frame = canvas.getBoundingClientRect();
      var reach = event.pointerType === "touch" ? 26 : 14;
      show(canvas, nearest(canvas, event.clientX - frame.left, event.clientY - frame.top, reach));
    });
    canvas.addEventListener("pointerdown", function (event) {
      var frame = canvas.getBoundingClientRect();
      show(canvas, nearest(canvas, event.clientX - frame.left, event.clientY - frame.top, 26));
    });
    canvas.addEventListener("pointerleave", function () { hide(canvas); });
    canvas.addEventListener("blur", function () { hide(canvas); });
    canvas.addEventListener("keydown", function (event) {
      if (event.target !== canvas) return;
      if (event.key === "ArrowRight" || event.key === "ArrowDown") step(canvas, 1);
      else if (event.key === "ArrowLeft" || event.key === "ArrowUp") step(canvas, -1);
      else if (event.key === "Escape") { hide(canvas); return; }
      else return;
      event.preventDefault();
    });
  });

  // A tip under the pointer can be put away, too.
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") every(".canvas[data-figure]").forEach(hide);
  });

  // On paper what is folded away is opened, and folded again, but for what is printed only if the reader opened it.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = every("details:not([open]):not(.long):not(.whatif)").filter(function (one) { return !one.matches("figure.plot > .numbers"); });
    opened.forEach(function (one) { one.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (one) { one.open = false; });
  });
})();
