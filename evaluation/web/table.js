"use strict";
/* Tables that can be sorted by every column, with the mouse and the keyboard, and say so. */

/**
 * columns: [{key, title, about, number, show(row), value(row)}]: `show` gives text or an element, `value` what is
 * sorted by. rows: any values. options: caption, sort: [key, "ascending" | "descending"], head: key of the row's name.
 */
function sortableTable(columns, rows, options = {}) {
  let [by, way] = options.sort ?? [null, "ascending"];
  const body = make("tbody");
  const heads = columns.map((column) => {
    const button = make("button", { type: "button", title: column.about, onclick: () => turn(column) }, column.title);
    return make("th", { scope: "col", class: column.number ? "number" : null, "data-key": column.key }, button);
  });
  const value = (column, row) => (column.value ? column.value(row) : row[column.key]);

  function turn(column) {
    const first = column.number && !column.low ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    way = by === column.key && way === first ? other : first;
    by = column.key;
    fill();
  }

  function ordered() {
    const column = columns.find((one) => one.key === by);
    if (!column) return rows;
    const sign = way === "ascending" ? 1 : -1;
    const empty = (one) => one === null || one === undefined || Number.isNaN(one);
    return rows
      .map((row, i) => [value(column, row), i, row])
      .sort(([a, i], [b, j]) => {
        if (empty(a) || empty(b)) return empty(a) - empty(b) || i - j; // what is not known comes last either way
        const order = typeof a === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
        return sign * order || i - j;
      })
      .map(([, , row]) => row);
  }

  function fill() {
    heads.forEach((head, i) => {
      if (columns[i].key === by) head.setAttribute("aria-sort", way);
      else head.removeAttribute("aria-sort");
    });
    body.replaceChildren(
      ...ordered().map((row) =>
        make("tr", {}, columns.map((column) => {
          const content = column.show ? column.show(row) : column.number ? shown(row[column.key]) : row[column.key];
          const tag = column.key === options.head ? "th" : "td";
          return make(tag, { class: column.number ? "number" : null, scope: tag === "th" ? "row" : null, dir: column.number ? null : "auto" }, content);
        })),
      ),
    );
  }

  fill();
  const caption = options.caption ? make("caption", {}, options.caption) : null;
  const table = make("table", {}, caption, make("thead", {}, make("tr", {}, heads)), body);
  // What is wider than the page scrolls by itself, also by keys.
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": options.caption ?? "Table" }, table);
}
