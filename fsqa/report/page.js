(function () {
  "use strict";
  document.documentElement.classList.add("js");

  // tables: a click on a heading sorts, what was not measured stays last
  document.querySelectorAll("table.sortable th button").forEach(function (button) {
    button.addEventListener("click", function () {
      var heading = button.closest("th");
      var table = button.closest("table");
      var column = Array.prototype.indexOf.call(heading.parentNode.children, heading);
      var first = heading.dataset.first || "ascending";
      var other = first === "ascending" ? "descending" : "ascending";
      var order = heading.getAttribute("aria-sort") === first ? other : first;
      table.querySelectorAll("th").forEach(function (each) { each.removeAttribute("aria-sort"); });
      heading.setAttribute("aria-sort", order);
      var body = table.tBodies[0];
      var rows = Array.prototype.slice.call(body.rows);
      rows.sort(function (left, right) {
        var a = left.cells[column].dataset.order, b = right.cells[column].dataset.order;
        if (a === "" || b === "") { return (a === "") - (b === ""); }
        var compared = isNaN(a) || isNaN(b) ? a.localeCompare(b, "en", { numeric: true }) : a - b;
        return order === "ascending" ? compared : -compared;
      });
      rows.forEach(function (row) { body.appendChild(row); });
    });
  });

  // answers: one filter and one search, together
  var list = document.getElementById("samples");
  if (list) {
    var search = document.getElementById("search");
    var shown = document.getElementById("shown");
    var rows = Array.prototype.slice.call(list.querySelectorAll("[data-text]"));
    var refresh = function () {
      var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      var filter = document.querySelector("input[name=filter]:checked").value;
      var count = 0;
      rows.forEach(function (row) {
        var kept = (filter === "all" || row.classList.contains(filter)) &&
          words.every(function (word) { return row.dataset.text.indexOf(word) >= 0; });
        row.hidden = !kept;
        count += kept;
      });
      shown.textContent = count + " shown";
    };
    search.addEventListener("input", refresh);
    document.querySelectorAll("input[name=filter]").forEach(function (each) { each.addEventListener("change", refresh); });
    refresh();
  }
})();
