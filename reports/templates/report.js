"use strict";
(function () {
  var drawings = JSON.parse(document.getElementById("drawings").textContent);
  var canvases = Array.prototype.slice.call(document.querySelectorAll("[data-figure]"));
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var config = { responsive: true, displaylogo: false, showTips: false, displayModeBar: false };

  // Colours are names in the figures and values only in the style sheet: one figure, any theme.
  function coloured(value, style) {
    if (typeof value === "string") {
      var name = /^var\((--[a-z]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map(function (part) { return coloured(part, style); });
    if (value === null || typeof value !== "object") return value;
    var copy = {};
    Object.keys(value).forEach(function (key) { copy[key] = coloured(value[key], style); });
    return copy;
  }

  // Labels above the rows are shortened where the page is narrow; the numbers after them never.
  function labelled(note, width) {
    var rest = note.name ? " · " + note.name : "";
    var room = Math.max(12, Math.floor(width / 7) - rest.length);
    var label = note.text;
    if (label.length > room) label = label.slice(0, room - 1).replace(/&[#a-z0-9]*$/, "") + "…";
    return label + rest;
  }

  function layout(figure, canvas, style) {
    var width = canvas.clientWidth;
    var paper = style.getPropertyValue(canvas.closest(".card") ? "--card" : "--paper").trim();
    var full = coloured(figure.layout, style);
    var ink = style.getPropertyValue("--ink").trim();
    var line = style.getPropertyValue("--line").trim();
    var soft = style.getPropertyValue("--soft").trim();
    full.paper_bgcolor = full.plot_bgcolor = "rgba(0,0,0,0)";
    full.font = { color: ink, size: 13, family: window.getComputedStyle(document.body).fontFamily };
    full.dragmode = false;
    full.hoverlabel = { align: "left" };
    Object.keys(full).forEach(function (key) {
      if (!/^[xy]axis\d*$/.test(key)) return;
      var axis = full[key];
      axis.gridcolor = line;
      axis.zerolinecolor = soft;
      axis.fixedrange = true;
      axis.tickfont = { size: 12, color: soft };
      if (axis.title) axis.title.font = { size: 13, color: soft };
    });
    (full.annotations || []).forEach(function (note) {
      note.text = labelled(note, width - 24);
      note.bgcolor = paper;
      note.borderpad = 0;
    });
    return full;
  }

  function draw(canvas) {
    var figure = drawings[canvas.getAttribute("data-figure")];
    var style = window.getComputedStyle(root);
    canvas.setAttribute("data-drawn", "yes");
    window.Plotly.react(canvas, coloured(figure.data, style),
      layout(figure, canvas, style), config);
  }

  function drawAll(onlyDrawn) {
    canvases.forEach(function (canvas) {
      if (!onlyDrawn || canvas.hasAttribute("data-drawn")) draw(canvas);
    });
  }

  // Space is kept from the start, so that the page does not jump while it is read.
  canvases.forEach(function (canvas) {
    canvas.style.minHeight = canvas.getAttribute("data-height") + "px";
  });
  // What is in sight comes first; the rest follows one by one, with room for clicks in between.
  function later(call) { window.setTimeout(call, 40); }
  function drawNext() {
    var next = canvases.find(function (canvas) { return !canvas.hasAttribute("data-drawn"); });
    if (!next) return;
    draw(next);
    later(drawNext);
  }
  if ("IntersectionObserver" in window) {
    var seen = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (!entry.isIntersecting) return;
        seen.unobserve(entry.target);
        if (!entry.target.hasAttribute("data-drawn")) draw(entry.target);
      });
    }, { rootMargin: "300px" });
    canvases.forEach(function (canvas) { seen.observe(canvas); });
  }
  later(drawNext);

  document.getElementById("theme").addEventListener("click", function () {
    var now = root.getAttribute("data-theme") || (dark.matches ? "dark" : "light");
    root.setAttribute("data-theme", now === "dark" ? "light" : "dark");
    drawAll(true);
  });
  dark.addEventListener("change", function () { drawAll(true); });

  var before = null;
  window.addEventListener("beforeprint", function () {
    before = root.getAttribute("data-theme");
    root.setAttribute("data-theme", "light");
    drawAll(false);
  });
  window.addEventListener("afterprint", function () {
    if (before) root.setAttribute("data-theme", before);
    else root.removeAttribute("data-theme");
    drawAll(true);
  });
})();
