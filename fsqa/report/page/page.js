(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");

  function all(selector, within) { return Array.prototype.slice.call((within || document).querySelectorAll(selector)); }
  function element(name, parent, className, text) {
    var made = document.createElement(name);
    made.className = className || "";
    if (text !== undefined) { made.textContent = text; }
    parent.appendChild(made);
    return made;
  }

  // light or dark: as the system says, until the button is pressed
  var theme = document.getElementById("theme");
  var prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  function isDark() { return root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches; }
  function nameTheme() { theme.textContent = isDark() ? "Light" : "Dark"; }
  function remembered(value) {
    // a page opened from a file may not be allowed to remember anything
    try {
      if (value) { window.localStorage.setItem("fsqa-theme", value); }
      return window.localStorage.getItem("fsqa-theme");
    } catch (error) { return null; }
  }
  if (remembered()) { root.dataset.theme = remembered(); }
  theme.hidden = false;
  nameTheme();
  prefersDark.addEventListener("change", nameTheme);
  theme.addEventListener("click", function () {
    root.dataset.theme = isDark() ? "light" : "dark";
    remembered(root.dataset.theme);
    nameTheme();
  });

  // switches: of the panels that depend on a choice, those of the chosen values are shown
  var panels = all("[data-when]");
  function showPanels() {
    panels.forEach(function (panel) {
      panel.hidden = !panel.dataset.when.split(" ").every(function (condition) {
        var pair = condition.split("="), chosen = document.querySelector("input[name=" + pair[0] + "]:checked");
        return !chosen || chosen.value === pair[1];
      });
    });
  }
  all(".switch input").forEach(function (each) { each.addEventListener("change", showPanels); });
  showPanels();

  // tables: a click on a heading sorts, what was not measured stays last
  all("table.sortable th button").forEach(function (button) {
    button.addEventListener("click", function () {
      var heading = button.closest("th"), table = button.closest("table");
      var column = Array.prototype.indexOf.call(heading.parentNode.children, heading);
      var first = heading.dataset.first || "ascending";
      var other = first === "ascending" ? "descending" : "ascending";
      var order = heading.getAttribute("aria-sort") === first ? other : first;
      all("th", table).forEach(function (each) { each.removeAttribute("aria-sort"); });
      heading.setAttribute("aria-sort", order);
      var body = table.tBodies[0];
      Array.prototype.slice.call(body.rows).sort(function (left, right) {
        var a = left.cells[column].dataset.order, b = right.cells[column].dataset.order;
        if (a === "" || b === "") { return (a === "") - (b === ""); }
        var compared = isNaN(a) || isNaN(b) ? a.localeCompare(b, "en", { numeric: true }) : a - b;
        return order === "ascending" ? compared : -compared;
      }).forEach(function (row) { body.appendChild(row); });
    });
  });

  // searching: every word has to be there
  function words(input) { return input.value.toLowerCase().split(/\s+/).filter(Boolean); }
  function holds(text, wanted) { return wanted.every(function (word) { return text.indexOf(word) >= 0; }); }
  function search(form, rows, kept) {
    var input = form.querySelector("input[type=search]"), output = form.querySelector("output");
    var texts = rows.map(function (row) { return (row.textContent + " " + ((row.cells && row.cells[0].dataset.order) || "")).toLowerCase(); });
    function refresh() {
      var wanted = words(input), count = 0;
      rows.forEach(function (row, place) {
        var shown = kept(row) && holds(texts[place], wanted);
        row.hidden = !shown;
        count += shown;
      });
      output.textContent = count + " of " + rows.length;
    }
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("input", refresh);
    refresh();
  }
  all("form[data-table]").forEach(function (form) {
    var rows = Array.prototype.slice.call(document.getElementById(form.dataset.table).tBodies[0].rows);
    var menus = all("select", form);
    search(form, rows, function (row) {
      var parts = (row.dataset.parts || "").split("\n");
      return menus.every(function (menu) { return !menu.value || parts.indexOf(menu.name + "=" + menu.value) >= 0; });
    });
  });
  var samples = document.getElementById("samples");
  if (samples) {
    var form = document.getElementById("sample-filters");
    var order = form.querySelector("select[name=order]"), kind = form.querySelector("select[name=kind]");
    var rows = all(".sample", samples);
    search(form, rows, function (row) {
      var flag = form.querySelector("input[name=flag]:checked").value;
      return (!flag || row.dataset.flags.split(" ").indexOf(flag) >= 0) &&
        (!kind || !kind.value || row.dataset.kinds.split("\n").indexOf(kind.value) >= 0);
    });
    if (order) { order.addEventListener("change", function () {
      var by = order.value === "place" ? function (row) { return +row.dataset.place; } : function (row) { return -row.dataset.misses; };
      rows.slice().sort(function (a, b) { return by(a) - by(b) || a.dataset.place - b.dataset.place; })
        .forEach(function (row) { samples.appendChild(row); });
      samples.scrollTop = 0;
    }); }
  }

  // long answers are folded until they are asked for
  all(".sample.long").forEach(function (sample) {
    var button = element("button", sample, "unfold");
    button.type = "button";
    function fold(folded) {
      sample.classList.toggle("folded", folded);
      button.textContent = folded ? "Whole answers" : "Less";
      button.setAttribute("aria-expanded", !folded);
    }
    button.addEventListener("click", function () { fold(!sample.classList.contains("folded")); });
    fold(true);
  });

  // curves: the legend hides and shows cells, a pointer or the arrow keys read values
  all(".series button").forEach(function (button) {
    button.addEventListener("click", function () {
      var shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", shown);
      all("g[data-series]").forEach(function (line) {
        if (line.dataset.series === button.dataset.series) { line.style.display = shown ? "" : "none"; }
      });
    });
  });
  all(".traced").forEach(function (frame) {
    var rule = element("div", frame, "rule"), readout = element("div", frame, "readout"), place = 0;
    function numbers(text) { return text.split(" ").map(Number); }
    var lines = all("g", frame).map(function (line) {
      return { line: line, x: numbers(line.dataset.x), y: line.dataset.y.split(" "),
        left: line.querySelector("polyline").getAttribute("points").split(" ").map(function (pair) { return parseFloat(pair) / 10; }) };
    });
    function nearest(values, wanted) {
      return values.reduce(function (best, value, at) { return Math.abs(value - wanted) < Math.abs(values[best] - wanted) ? at : best; }, 0);
    }
    // where a cell logged nothing at this place, what its line shows there
    function read(each, left) {
      var at = nearest(each.left, left), off = left - each.left[at], next = at + (off > 0 ? 1 : -1);
      if (Math.abs(off) < 0.2) { return each.y[at]; }
      if (next < 0 || next >= each.left.length) { return "—"; }
      var share = off / (each.left[next] - each.left[at]);
      return "≈ " + (each.y[at] * (1 - share) + each.y[next] * share).toPrecision(3);
    }
    function hide() { rule.hidden = readout.hidden = true; }
    function show(left) {
      var shown = lines.filter(function (each) { return each.line.style.display !== "none"; });
      if (!shown.length) { hide(); return; }
      place = nearest(shown[0].left, left);
      left = shown[0].left[place];
      rule.hidden = readout.hidden = false;
      rule.style.left = left + "%";
      readout.style.left = left > 50 ? "auto" : "calc(" + left + "% + 12px)";
      readout.style.right = left > 50 ? "calc(" + (100 - left) + "% + 12px)" : "auto";
      readout.textContent = "";
      element("b", readout, "", shown[0].x[place].toLocaleString("en") + " " + frame.dataset.axis);
      shown.forEach(function (each) {
        var item = element("span", readout, "", each.line.dataset.series);
        item.style.setProperty("--hue", each.line.style.getPropertyValue("--hue"));
        element("em", item, "", read(each, left));
      });
    }
    function follow(event) {
      var box = frame.getBoundingClientRect();
      show(100 * (event.clientX - box.left) / box.width);
    }
    frame.addEventListener("pointermove", follow);
    frame.addEventListener("pointerdown", follow);
    frame.addEventListener("pointerleave", hide);
    frame.addEventListener("blur", hide);
    frame.addEventListener("keydown", function (event) {
      var step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      var first = lines.filter(function (each) { return each.line.style.display !== "none"; })[0];
      if (!step || !first) { return; }
      event.preventDefault();
      show(first.left[Math.min(Math.max(rule.hidden ? 0 : place + step, 0), first.left.length - 1)]);
    });
    readout.setAttribute("aria-live", "polite");
    hide();
  });

  // settings: a click on a value keeps the lines through it, the nearest line tells its cell
  var told = document.getElementById("line-told");
  if (told) {
    var box = document.querySelector(".lines"), opening = told.textContent, picked = null;
    var levels = all("button.level", box);
    var drawn = all("polyline", box).map(function (line) {
      return { line: line, levels: line.dataset.levels.split("\n"),
        points: line.getAttribute("points").split(" ").map(function (pair) { return pair.split(",").map(Number); }) };
    });
    var pick = function (one, text) {
      if (picked) { picked.classList.remove("picked"); }
      picked = one;
      if (picked) { picked.classList.add("picked"); picked.parentNode.appendChild(picked); }
      told.textContent = text;
    };
    levels.forEach(function (button) {
      button.addEventListener("click", function () {
        button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
        var wanted = {};
        levels.filter(function (each) { return each.getAttribute("aria-pressed") === "true"; }).forEach(function (each) {
          (wanted[each.dataset.axis] = wanted[each.dataset.axis] || []).push(each.dataset.level);
        });
        var count = 0;
        drawn.forEach(function (each) {
          var kept = Object.keys(wanted).every(function (axis) { return wanted[axis].indexOf(each.levels[axis]) >= 0; });
          each.line.classList.toggle("dim", !kept);
          count += kept;
        });
        pick(null, count < drawn.length ? count + " of " + drawn.length + " cells have these values." : opening);
      });
    });
    box.addEventListener("pointermove", function (event) {
      var frame = box.getBoundingClientRect();
      var x = 1000 * (event.clientX - frame.left) / frame.width, y = 1000 * (event.clientY - frame.top) / frame.height;
      var best = null, distance = 60;
      drawn.forEach(function (each) {
        if (each.line.classList.contains("dim")) { return; }
        for (var at = 1; at < each.points.length; at += 1) {
          var from = each.points[at - 1], to = each.points[at];
          if (x < from[0] || x > to[0]) { continue; }
          var off = Math.abs(from[1] + (to[1] - from[1]) * (x - from[0]) / (to[0] - from[0]) - y);
          if (off < distance) { distance = off; best = each; }
        }
      });
      if (best) { pick(best.line, best.line.dataset.label); } else { pick(null, opening); }
    });
    box.addEventListener("pointerleave", function () { pick(null, opening); });
  }
})();
