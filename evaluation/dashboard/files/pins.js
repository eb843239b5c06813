// The runs that are pinned, at the foot of the page, and the way to their comparison.

import { by, el } from "./dom.js";
import { MOST_PINS, state } from "./filters.js";
import { runs } from "./runs.js";
import { poster } from "./table.js";

export function compareUrl() {
  const there = state.pins.filter((key) => runs.rows.has(key));
  return there.length > 1 ? `/compare?runs=${there.map(encodeURIComponent).join(",")}` : null;
}

export function showPins(said = "") {
  const tray = by("tray");
  const told = JSON.stringify([state.pins, state.pins.map((key) => runs.rows.get(key)?.stamp), said]);
  if (tray.dataset.told === told) return;
  tray.dataset.told = told;
  tray.hidden = state.pins.length === 0;
  document.body.classList.toggle("with-tray", !tray.hidden);
  const url = compareUrl();
  const words = `Compare ${state.pins.length}`;
  tray.replaceChildren(
    el("ul", {}, state.pins.map(pinned)),
    el("p", { class: "faint", role: "status" }, said || (url ? "" : "Pin one more run to compare.")),
    url ? el("a", { class: "main", id: "compare", href: url }, words) : el("button", { class: "main", disabled: true }, "Compare"),
    el("button", { class: "link", "data-unpin": "" }, "Clear"),
  );
}

export const full = () => showPins(`At most ${MOST_PINS} runs are compared at once.`);

function pinned(key) {
  const row = runs.rows.get(key);
  const name = row ? `${row.story}, ${row.variant}, seed ${row.seed}` : `${key} (gone)`;
  return el("li", { title: name }, row ? poster(row, 40) : el("span", { class: "blank" }), el("button", { "data-unpin": key, "aria-label": `Unpin ${name}` }, "×"));
}
