// The list as a table: rows are made once, kept, and put in order.

import { el, placed } from "./dom.js";
import { titled } from "./facets.js";
import { firstSort, state } from "./filters.js";
import { pageOf, thumbOf } from "./runs.js";
import { arrow, day, explained, goodness, number, time } from "./words.js";

const PLAIN = [
  ["story", "Story"],
  ["variant", "Variant"],
  ["seed", "Seed"],
  ["model", "Model"],
  ["date", "Date"],
];
let table = null;
let kept = new Map();
let headTold = "";

export function showTable(place, rows, scores, scales, fresh, act) {
  if (!table) {
    const body = el("tbody", {});
    const head = el("tr", {});
    table = { body, head, whole: el("table", { class: "runs" }, el("caption", { class: "unseen" }, "Runs"), el("thead", {}, head), body) };
  }
  showHead(scores, act);
  const told = JSON.stringify(scores);
  const now = new Map();
  for (const row of rows) {
    const before = kept.get(row.key);
    const made = before && before.row === row && before.told === told ? before : { row, told, ...line(row, scores) };
    now.set(row.key, made);
    made.element.classList.toggle("fresh", fresh.has(row.key) || (before?.element.classList.contains("fresh") ?? false));
    mark(made, scores, scales);
  }
  kept = now;
  placed(table.body, [...now.values()].map((made) => made.element));
  placed(place, [table.whole]);
}

function showHead(scores, act) {
  const told = JSON.stringify([scores, state.sort]);
  if (told === headTold) return;
  headTold = told;
  const focused = table.head.contains(document.activeElement) ? document.activeElement.dataset.sort : null;
  const heads = [...PLAIN, ...scores.map((name) => [name, titled(name), explained(name)])].map(([name, title, about]) => {
    const at = state.sort.replace(/^-/, "") === name;
    const sort = at ? (state.sort.startsWith("-") ? "descending" : "ascending") : null;
    const words = [title, about ? el("span", { class: "arrow", "aria-hidden": "true" }, arrow(name)) : null];
    const button = el("button", { "data-sort": name, title: about ?? null, onclick: () => (turn(name), act()) }, words);
    return el("th", { scope: "col", "aria-sort": sort, class: about ? "value" : name }, button);
  });
  table.head.replaceChildren(el("th", { class: "pin" }, el("span", { class: "unseen" }, "Pin")), el("th", { class: "poster" }, el("span", { class: "unseen" }, "Poster")), ...heads);
  if (focused) table.head.querySelector(`[data-sort="${CSS.escape(focused)}"]`)?.focus();
}

export function turn(name) {
  const first = firstSort(name);
  const back = first.startsWith("-") ? name : `-${name}`;
  state.sort = state.sort === first ? back : first;
}

function line(row, scores) {
  const pin = pinButton(row);
  const cells = scores.map((name) => el("td", { class: "value" }, el("span", { class: "label" }, titled(name)), el("span", { class: "figure" }, number(row.means[name]))));
  const element = el(
    "tr",
    { "data-key": row.key },
    el("td", { class: "pin" }, pin),
    el("td", { class: "poster" }, poster(row, 56)),
    el("th", { scope: "row", class: "story" }, el("a", { class: "open", href: pageOf(row) }, row.story || "(no title)"), el("span", { class: "id" }, row.id)),
    el("td", { class: "variant" }, row.variant),
    el("td", { class: "seed" }, el("span", { class: "label" }, "Seed"), String(row.seed)),
    el("td", { class: "model", title: row.model }, row.model),
    el("td", { class: "date" }, day(row.date), el("span", { class: "hour" }, time(row.date))),
    ...cells,
  );
  return { element, pin, cells };
}

export function pinButton(row) {
  const star = el("span", { "aria-hidden": "true" });
  return el("button", { class: "pinner", "data-pin": row.key, "aria-label": `Pin ${row.story}, ${row.id}`, title: "Pin (p)" }, star);
}

export function poster(row, side) {
  const url = thumbOf(row);
  if (!url) return el("span", { class: "blank", role: "img", "aria-label": "No poster" });
  const alt = `Poster of ${row.story}, ${row.variant}, seed ${row.seed}`;
  return el("img", { src: url, alt, width: side, height: side, loading: "lazy", decoding: "async" });
}

// How far along the values of all rows that are wanted, better to the right, a value stands.
function mark(made, scores, scales) {
  const pinned = state.pins.includes(made.row.key);
  made.pin.setAttribute("aria-pressed", String(pinned));
  made.element.classList.toggle("pinned", pinned);
  scores.forEach((name, i) => {
    const scale = scales.get(name);
    const good = goodness(name, made.row.means[name]);
    const at = scale && good !== null && name in made.row.means ? (good - scale.low) / (scale.high - scale.low) : null;
    const cell = made.cells[i];
    cell.classList.toggle("best", at === 1);
    if (at === null || !Number.isFinite(at)) cell.style.removeProperty("--at");
    else cell.style.setProperty("--at", `${(100 * at).toFixed(1)}%`);
  });
}

// By score the worst and the best of these rows, as goodness.
export function scalesOf(rows, scores) {
  const scales = new Map();
  for (const name of scores) {
    let [low, high] = [Infinity, -Infinity];
    for (const row of rows) {
      if (!(name in row.means)) continue;
      const good = goodness(name, row.means[name]);
      if (good === null) break;
      low = Math.min(low, good);
      high = Math.max(high, good);
    }
    if (high > low) scales.set(name, { low, high });
  }
  return scales;
}
