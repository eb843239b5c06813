// The list as posters.

import { el, placed } from "./dom.js";
import { titled } from "./facets.js";
import { state } from "./filters.js";
import { pageOf } from "./runs.js";
import { pinButton, poster } from "./table.js";
import { day, number } from "./words.js";

const SHOWN_SCORES = 3;
const grid = el("ul", { class: "posters" });
let kept = new Map();

export function showGrid(place, rows, scores, fresh) {
  const first = scores.slice(0, SHOWN_SCORES);
  const told = JSON.stringify(first);
  const now = new Map();
  for (const row of rows) {
    const before = kept.get(row.key);
    const made = before && before.row === row && before.told === told ? before : { row, told, ...card(row, first) };
    now.set(row.key, made);
    made.element.classList.toggle("fresh", fresh.has(row.key) || (before?.element.classList.contains("fresh") ?? false));
    const pinned = state.pins.includes(row.key);
    made.pin.setAttribute("aria-pressed", String(pinned));
    made.element.classList.toggle("pinned", pinned);
  }
  kept = now;
  placed(grid, [...now.values()].map((made) => made.element));
  placed(place, [grid]);
}

function card(row, scores) {
  const pin = pinButton(row);
  const values = scores.filter((name) => name in row.means).map((name) => el("span", {}, `${titled(name)} `, el("b", {}, number(row.means[name]))));
  const element = el(
    "li",
    { "data-key": row.key },
    el("a", { class: "open", href: pageOf(row) }, poster(row, 320), el("strong", {}, row.story || "(no title)")),
    el("p", { class: "variant", title: row.variant }, row.variant),
    el("p", { class: "faint" }, `seed ${row.seed} · ${day(row.date)}`),
    el("p", { class: "values" }, values),
    pin,
  );
  return { element, pin };
}
