"use strict";
(function () {
  var root = document.documentElement;
  var moments = JSON.parse(document.getElementById("moments").textContent);
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  root.classList.add("scripted");

  document.getElementById("theme").addEventListener("click", function () {
    var now = root.getAttribute("data-theme") || (dark.matches ? "dark" : "light");
    root.setAttribute("data-theme", now === "dark" ? "light" : "dark");
  });

  function all(selector, within) {
    return Array.prototype.slice.call((within || document).querySelectorAll(selector));
  }

  // One moment of the clip: a cursor over the curves, the picture shown then, the values then.
  var lanes = document.getElementById("lanes");
  var cursor = document.getElementById("cursor");
  var readout = document.getElementById("readout");
  var now = document.getElementById("now");
  var frames = all("#film button");
  var at = 0;

  function nearest(curve, seconds) {
    var best = 0;
    curve[0].forEach(function (time, place) {
      if (Math.abs(time - seconds) < Math.abs(curve[0][best] - seconds)) best = place;
    });
    return curve[1][best];
  }

  function filled(word, value) { return moments.words[word].replace("{value}", value); }

  function signed(value, digits) { return value.toFixed(digits).replace("-", "\u2212"); }

  function said(seconds) {
    var parts = [filled("at", seconds.toFixed(1))];
    if (moments.level) parts.push(filled("level", signed(nearest(moments.level, seconds), 0)));
    if (moments.motion) parts.push(filled("motion", (100 * nearest(moments.motion, seconds)).toFixed(0)));
    if (moments.speech) {
      var speaks = moments.speech.some(function (span) {
        return seconds >= span[0] && seconds < span[1];
      });
      parts.push(moments.words[speaks ? "speaks" : "silent"]);
    }
    return parts.join("  ·  ");
  }

  function shown(seconds) {
    var place = 0;
    moments.stills.forEach(function (time, index) { if (time <= seconds + 0.001) place = index; });
    return place;
  }

  function show(seconds) {
    at = Math.min(moments.end, Math.max(0, seconds));
    var text = said(at);
    readout.textContent = text;
    cursor.hidden = false;
    cursor.style.left = 100 * at / moments.end + "%";
    cursor.setAttribute("aria-valuenow", at.toFixed(2));
    cursor.setAttribute("aria-valuetext", text);
    if (!frames.length) return;
    var place = shown(at);
    frames.forEach(function (frame, index) { frame.classList.toggle("on", index === place); });
    var picture = frames[place].querySelector("img");
    if (now.firstChild && now.firstChild.src === picture.src) return;
    var copy = picture.cloneNode();
    copy.alt = "";
    now.replaceChildren(copy);
  }

  if (lanes) {
    cursor.setAttribute("aria-valuemax", moments.end);
    function follow(event) {
      var box = lanes.getBoundingClientRect();
      show(moments.end * (event.clientX - box.left) / box.width);
    }
    lanes.addEventListener("pointermove", follow);
    lanes.addEventListener("pointerdown", follow);
    cursor.addEventListener("keydown", function (event) {
      var step = event.shiftKey ? 1 : 0.1;
      var moves = { ArrowLeft: at - step, ArrowDown: at - step, ArrowRight: at + step,
        ArrowUp: at + step, PageUp: at + 3, PageDown: at - 3, Home: 0, End: moments.end };
      if (!(event.key in moves)) return;
      event.preventDefault();
      show(moves[event.key]);
    });
    frames.forEach(function (frame) {
      frame.addEventListener("click", function () { show(Number(frame.getAttribute("data-at"))); });
    });
    show(0);
  }

  // Features: what does not hold every word that is sought is hidden, what does is opened.
  var search = document.getElementById("search");
  var found = document.getElementById("found");
  var button = document.getElementById("all");
  var groups = all("details.group");

  function toggle(open) {
    groups.forEach(function (group) { group.open = open; });
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? moments.close : moments.open;
  }
  button.addEventListener("click", function () {
    toggle(button.getAttribute("aria-expanded") !== "true");
  });

  function seek() {
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var count = 0;
    groups.forEach(function (group) {
      var title = group.querySelector(".group-title").textContent.toLowerCase();
      var hits = 0;
      all("tbody tr", group).forEach(function (row) {
        var text = title + " " + row.cells[0].textContent.toLowerCase();
        var hit = words.every(function (word) { return text.indexOf(word) >= 0; });
        row.hidden = !hit;
        hits += hit ? 1 : 0;
      });
      group.hidden = !hits;
      group.open = Boolean(words.length && hits);
      count += hits;
    });
    all(".part").forEach(function (part) {
      part.hidden = !part.querySelector("details.group:not([hidden])");
    });
    found.textContent = words.length ? moments.found.replace("{count}", count) : "";
  }
  search.addEventListener("input", seek);

  // On paper it is light; groups stay as the reader has left them, else it would be 35 pages.
  var before = null;
  window.addEventListener("beforeprint", function () {
    before = root.getAttribute("data-theme");
    root.setAttribute("data-theme", "light");
  });
  window.addEventListener("afterprint", function () {
    if (before) root.setAttribute("data-theme", before);
    else root.removeAttribute("data-theme");
  });
})();
