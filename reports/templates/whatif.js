"use strict";
(function () {
  var data = document.getElementById("whatif-data");
  if (!data) return;
  var posts = JSON.parse(data.textContent);
  var every = function (selector, within) {
    return Array.prototype.slice.call(within.querySelectorAll(selector));
  };

  every(".try", document).forEach(function (box) {
    var post = posts[box.getAttribute("data-post")];
    if (!post) return;
    var inputs = every("input", box), outputs = every("output", box);
    var said = box.querySelector("strong"), support = box.querySelector(".support");
    var needle = box.querySelector(".needle");

    // The last dial runs fastest through the list of all combinations.
    function place() {
      return inputs.reduce(function (at, input, number) {
        return at * post.dials[number].texts.length + Number(input.value);
      }, 0);
    }

    function tell() {
      inputs.forEach(function (input, number) {
        var text = post.dials[number].texts[Number(input.value)];
        outputs[number].textContent = text;
        input.setAttribute("aria-valuetext", text);
      });
      var at = place();
      said.textContent = post.says[at];
      support.textContent = post.supported[at] ? post.supports : post.unsupported;
      support.classList.toggle("unsure", !post.supported[at]);
      needle.setAttribute("cx", post.places[at] + "%");
    }

    inputs.forEach(function (input) { input.addEventListener("input", tell); });
    box.querySelector(".reset").addEventListener("click", function () {
      inputs.forEach(function (input, number) { input.value = post.dials[number].current; });
      tell();
    });
    box.hidden = false;
    tell();
  });
})();
