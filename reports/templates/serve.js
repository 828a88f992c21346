"use strict";
(function () {
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var words = {};
  var told = document.getElementById("words");
  if (told) words = JSON.parse(told.textContent);
  root.classList.add("scripted");

  function find(id) { return document.getElementById(id); }

  function all(selector, within) {
    return Array.prototype.slice.call((within || document).querySelectorAll(selector));
  }

  function filled(text, values) {
    return text.replace(/\{(\w+)\}/g, function (whole, name) { return name in values ? values[name] : whole; });
  }

  // The choice of a theme outlives the page: results are pages of their own.
  function themed(name) { if (name) root.setAttribute("data-theme", name); }
  try { themed(window.localStorage.getItem("theme")); } catch (error) { themed(""); }
  find("theme").addEventListener("click", function () {
    var now = root.getAttribute("data-theme") || (dark.matches ? "dark" : "light");
    var next = now === "dark" ? "light" : "dark";
    themed(next);
    try { window.localStorage.setItem("theme", next); } catch (error) { return; }
  });

  // Told again, a screen reader would read out again what has not changed.
  function tell(place, text) { if (place.textContent !== text) place.textContent = text; }

  function reason(request) {
    try {
      return filled(words.refused, { why: JSON.parse(request.responseText).error.message });
    } catch (error) { // a proxy's own answer, such as to a clip beyond its limit
      return filled(words.between, { status: request.status });
    }
  }

  function carries(event) { return Array.prototype.indexOf.call(event.dataTransfer.types, "Files") >= 0; }

  // The form: clips are listed, checked and sent with a bar that shows how far they are.
  function ask(form) {
    var input = find("clip");
    var chosen = find("chosen");
    var trouble = find("trouble");
    var most = Number(form.getAttribute("data-size"));
    var clips = Number(form.getAttribute("data-clips"));
    var files = [];
    var request = null;

    function show() {
      chosen.textContent = "";
      files.forEach(function (file, place) {
        var row = document.createElement("li");
        var name = document.createElement("span");
        var gone = document.createElement("button");
        name.textContent = file.name;
        gone.type = "button";
        gone.textContent = "\u00d7";
        gone.setAttribute("aria-label", filled(words.remove, { name: file.name }));
        gone.addEventListener("click", function () {
          files.splice(place, 1);
          show();
          var left = all("button", chosen); // the button that was pressed is gone: keys go on from its place
          (left[Math.min(place, left.length - 1)] || input).focus();
        });
        row.append(name, gone);
        chosen.append(row);
      });
      keep();
    }

    // Beside the button, which may be out of sight when clips are dropped or the form is back.
    function complain(text) {
      trouble.textContent = text;
      if (text) trouble.scrollIntoView({ block: "nearest" });
    }

    function add(list) {
      var wrong = "";
      Array.prototype.forEach.call(list, function (file) {
        if (file.size > most) wrong = filled(words.big, { name: file.name, size: words.size });
        else if (files.length >= clips) wrong = filled(words.many, { clips: clips });
        else files.push(file);
      });
      show();
      complain(wrong);
      leaveOut("");
    }

    // A folder, or a file that was moved or changed since, would break the sending off as a lost connection does.
    function leaveOut(otherwise) {
      Promise.all(files.map(function (file) {
        return file.slice(0, 1).arrayBuffer().then(function () { return null; }, function () { return file; });
      })).then(function (unread) {
        unread = unread.filter(Boolean);
        if (unread.length) {
          files = files.filter(function (file) { return unread.indexOf(file) < 0; });
          show();
          complain(filled(words.unread, { names: unread.map(function (file) { return file.name; }).join(", ") }));
        } else if (otherwise) complain(otherwise);
      });
    }

    input.addEventListener("change", function () { add(input.files); input.value = ""; });
    // Beside the box too: there a browser would leave the form and open the clip.
    ["dragenter", "dragover", "drop"].forEach(function (kind) {
      document.addEventListener(kind, function (event) {
        if (!carries(event) && !find("drop").contains(event.target)) return; // words go into a field
        event.preventDefault();
        find("drop").classList.toggle("over", kind !== "drop");
        if (form.hidden) event.dataTransfer.dropEffect = "none";
        else if (kind === "drop") add(event.dataTransfer.files);
      });
    });
    document.addEventListener("dragleave", function (event) {
      if (!event.relatedTarget) find("drop").classList.remove("over");
    });

    function offer() { find("another").hidden = all(".field", find("captions")).length >= Number(form.getAttribute("data-captions")); }
    offer();

    function another(text) {
      var fields = all(".field", find("captions"));
      var copy = fields[0].cloneNode(true);
      var number = fields.length + 1;
      copy.querySelector("label").textContent = filled(words.caption, { number: number });
      copy.querySelector("label").htmlFor = copy.querySelector("textarea").id = "caption-" + number;
      copy.querySelector("textarea").value = text;
      find("captions").append(copy);
      offer();
      return copy.querySelector("textarea");
    }
    find("another").addEventListener("click", function () { another("").focus(); });

    function texts() { return all("textarea", find("captions")).map(function (one) { return one.value; }); }

    // A browser that has not kept the page fills in its fields, but neither those that were added nor the clips.
    function keep() {
      window.history.replaceState({ captions: texts(), clips: files.map(function (one) { return one.name; }) }, "");
    }
    function restore(state) {
      if (!state || !state.captions) return;
      state.captions.slice(all("textarea", find("captions")).length).forEach(another);
      all("textarea", find("captions")).forEach(function (one, place) { if (place in state.captions) one.value = state.captions[place]; });
      if (state.clips.length) trouble.textContent = filled(words.gone, { names: state.clips.join(", ") });
    }
    restore(window.history.state);
    find("captions").addEventListener("change", keep);

    // What is hidden loses the focus; it goes to what is shown instead, but not on to "Stop", lest Enter pressed twice stops.
    function busy(on) {
      find("progress").hidden = !on;
      form.hidden = on;
      (on ? find("progress") : form.querySelector("[type=submit]")).focus();
    }

    // A browser may bring the page back as it was left, in the middle of sending.
    window.addEventListener("pageshow", function (event) { if (event.persisted) busy(false); });

    find("stop").addEventListener("click", function () { if (request) request.abort(); });

    form.addEventListener("submit", function (event) {
      event.preventDefault();
      keep();
      var captions = texts().map(function (one) { return one.trim(); }).filter(Boolean);
      if (!files.length && !captions.length) { complain(words.nothing); return; }
      // Said before clips are sent, which may take minutes; the same caption twice counts once.
      var asked = Math.max(files.length, 1) * Math.max(new Set(captions).size, 1);
      var candidates = Number(form.getAttribute("data-candidates"));
      if (asked > candidates) { complain(filled(words.crossed, { asked: asked, most: candidates })); return; }
      find("utc_offset").value = find("posted_at").value ? -new Date(find("posted_at").value).getTimezoneOffset() : "";
      var body = new FormData(form);
      body.delete("clip");
      files.forEach(function (file) { body.append("clip", file, file.name); });
      complain("");
      find("sent").value = 0;
      request = new XMLHttpRequest();
      request.upload.addEventListener("progress", function (sent) {
        if (sent.lengthComputable) find("sent").value = sent.loaded / sent.total;
      });
      request.addEventListener("load", function () {
        if (request.status === 202) window.location.assign("/results/" + JSON.parse(request.responseText).id);
        else { busy(false); complain(reason(request)); }
      });
      request.addEventListener("error", function () { busy(false); leaveOut(words.lost); });
      request.addEventListener("abort", function () { busy(false); });
      request.open("POST", "/api/v1/jobs");
      request.send(body);
      busy(true);
    });
  }

  // Progress: stages tick off as the server reaches them.
  function wait(box) {
    var job = box.getAttribute("data-job");
    var rows = all("[data-stage]", box);
    var stopped = false;

    function mark(state) {
      var order = rows.map(function (row) { return row.getAttribute("data-stage"); });
      var now = order.indexOf(state.stage);
      rows.forEach(function (row, place) {
        row.className = place < now ? "past" : place === now ? "now" : "";
        if (place === now) row.setAttribute("aria-current", "step");
        else row.removeAttribute("aria-current");
      });
      if (now >= 0) tell(find("stage"), rows[now].textContent);
      tell(find("measured"), state.total ? filled(words.measured, state) : "");
    }

    function look() {
      window.fetch("/api/v1/jobs/" + job + "?brief=true").then(function (answer) {
        if (stopped) return null; // a job that is gone would be loaded again, over the form
        if (!answer.ok) { window.location.reload(); return null; }
        return answer.json();
      }).then(function (state) {
        if (!state || stopped) return;
        if (state.state === "done" || state.state === "failed") { window.location.reload(); return; }
        mark(state);
        window.setTimeout(look, 300);
      }).catch(function () {
        if (stopped) return;
        tell(find("measured"), words.lost);
        window.setTimeout(look, 2000);
      });
    }

    // To the form that was sent, with all that was chosen and typed, where this page came from it.
    function leave() {
      if (document.referrer === window.location.origin + "/" && window.history.length > 1) window.history.back();
      else window.location.assign("/");
    }

    find("stop").addEventListener("click", function () {
      stopped = true;
      window.fetch("/api/v1/jobs/" + job, { method: "DELETE" }).then(leave, leave);
    });
    window.setTimeout(look, 300);
  }

  // Two ways to see the stack: part by part, or weighed together.
  function modes(group) {
    var buttons = all("button", group);
    function show(mode) {
      buttons.forEach(function (one) {
        var on = one.getAttribute("data-mode") === mode;
        one.setAttribute("aria-pressed", String(on));
        find(one.getAttribute("data-mode")).hidden = !on;
      });
    }
    buttons.forEach(function (one) {
      one.addEventListener("click", function () { show(one.getAttribute("data-mode")); });
    });
    show("apart");
  }

  // What-if: every change is asked of the model itself; only the newest answer counts.
  function whatIf(form) {
    var then = find("then");
    var effect = find("effect");
    var box = then.closest(".then");
    var timer = 0;
    var newest = 0;
    var under = null;

    // A slider stands on the step that is nearest to what the page gave it: that is no change of it.
    function moved(one) {
      var rest = one.cloneNode(true);
      rest.value = one.defaultValue;
      return one.value !== rest.value;
    }

    function asked() {
      var body = { levers: {} };
      all("[name]", form).forEach(function (one) { body[one.name] = one.value; });
      all("[data-column]", form).filter(moved).forEach(function (one) { body.levers[one.getAttribute("data-column")] = Number(one.value); });
      return body;
    }

    function look() {
      var number = newest += 1;
      box.classList.add("busy");
      effect.textContent = words.busy;
      if (under) under.abort(); // nobody waits for that answer any more
      under = new AbortController();
      window.fetch(form.getAttribute("data-url"), {
        method: "POST", signal: under.signal, headers: { "content-type": "application/json" }, body: JSON.stringify(asked())
      }).then(function (answer) {
        return answer.json().then(function (value) { return { ok: answer.ok, value: value }; });
      }).catch(function () {
        throw new Error(); // without the browser's own words, which say nothing to a reader
      }).then(function (got) {
        var value = got.value;
        if (!got.ok) throw new Error(value.error.message);
        if (number !== newest) return;
        then.textContent = value.words.prediction;
        if (find("beside")) find("beside").textContent = value.words.beside;
        effect.textContent = value.words.effect;
        all("[data-column]", form).forEach(function (one) {
          var said = value.words.levers[one.getAttribute("data-column")];
          if (!said) return;
          tell(form.querySelector("label[for='" + one.id + "'] output"), said);
          one.setAttribute("aria-valuetext", said);
        });
        box.classList.remove("busy");
      }).catch(function (error) {
        if (number !== newest) return;
        box.classList.remove("busy");
        then.textContent = "\u2013"; // what was said before was of other values
        if (find("beside")) find("beside").textContent = "";
        effect.textContent = error.message ? filled(words.failed, { why: error.message }) : words.lost;
      });
    }

    function later() { window.clearTimeout(timer); timer = window.setTimeout(look, 250); }
    form.addEventListener("input", function (event) {
      event.target.removeAttribute("aria-valuetext"); // it said where the slider stood before
      later();
    });
    form.addEventListener("submit", function (event) { event.preventDefault(); look(); });
    form.addEventListener("reset", function () { window.setTimeout(look, 0); });
    // Coming back, browsers fill in again what was typed: the answer has to be of that.
    window.addEventListener("pageshow", function () { if (all("[name], [data-column]", form).some(moved)) look(); });
  }

  // What is copied by hand or printed needs the whole address.
  all("a.keep").forEach(function (one) { one.textContent = one.href; });
  if (find("ask")) ask(find("ask"));
  if (find("wait")) wait(find("wait"));
  all(".modes").forEach(modes);
  if (find("what-if")) whatIf(find("what-if"));
})();
