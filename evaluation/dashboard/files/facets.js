// The filters beside the list: what there is to choose, and how many runs each choice shows.

import { by, el, placed } from "./dom.js";
import { columns, FACETS, state } from "./filters.js";
import { runs } from "./runs.js";
import { column, explained } from "./words.js";

const TITLES = { story: "Story", variant: "Variant", method: "Method", model: "Model" };
const FEW = 8;
const opened = new Set();
const groups = new Map();

// Makes the filters that stay; `act` is called after every change.
export function makeFacets(act) {
  const form = by("facets");
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of FACETS) {
    const list = el("ul", {});
    const more = el("button", { type: "button", class: "link", hidden: true });
    const group = el("fieldset", { class: "facet" }, el("legend", {}, TITLES[name]), list, more);
    more.addEventListener("click", () => {
      if (!opened.delete(name)) opened.add(name);
      act();
    });
    list.addEventListener("change", (event) => {
      const { value, checked } = event.target;
      state[name] = checked ? [...state[name], value] : state[name].filter((one) => one !== value);
      act();
    });
    groups.set(name, { group, list, more, boxes: new Map() });
    form.append(group);
  }
  form.append(made(act), scored(act), sweep(act));
}

function made(act) {
  const field = (name, words) =>
    el("label", {}, words, el("input", { type: "date", id: name, onchange: (event) => ((state[name] = event.target.value), act()) }));
  return el("fieldset", { class: "facet two" }, el("legend", {}, "Date"), field("from", "From"), field("to", "To"));
}

function scored(act) {
  const limit = (name, words) =>
    el("label", {}, words, el("input", { type: "number", step: "any", id: name, oninput: (event) => ((state[name] = event.target.value), act()) }));
  const choice = el("select", { id: "score", "aria-label": "Score to limit", onchange: (event) => ((state.score = event.target.value), act()) });
  return el("fieldset", { class: "facet two" }, el("legend", {}, "Score"), choice, limit("min", "At least"), limit("max", "At most"));
}

function sweep(act) {
  const choice = el("select", { id: "sweep", "aria-label": "Runs of a sweep", onchange: (event) => ((state.sweep = event.target.value), act()) });
  return el("fieldset", { class: "facet", id: "sweep-facet" }, el("legend", {}, "Sweep"), choice);
}

export function showFacets(counts) {
  for (const name of FACETS) showFacet(name, counts[name]);
  for (const name of ["from", "to", "min", "max"]) if (by(name).value !== state[name]) by(name).value = state[name];
  options(by("score"), [["", "any score"], ...columns().map((one) => [one, titled(one)])], state.score);
  const found = runs.sweeps.map((one) => [one.folder, one.title]);
  if (state.sweep && !found.some(([folder]) => folder === state.sweep)) found.push([state.sweep, state.sweep]);
  options(by("sweep"), [["", "all runs"], ...found], state.sweep);
  by("sweep-facet").hidden = found.length === 0;
}

export function titled(name) {
  const { title, scorer } = column(name);
  return scorer && scorer !== "bundled" ? `${title} (${scorer})` : title;
}

export function options(select, pairs, value) {
  const told = JSON.stringify(pairs);
  if (select.dataset.told !== told) {
    select.dataset.told = told;
    select.replaceChildren(...pairs.map(([name, words]) => el("option", { value: name, title: words }, words)));
  }
  select.value = value;
}

// A choice stays where it is while counts change: by how many runs there are in all, then by name.
function showFacet(name, counts) {
  const { group, list, more, boxes } = groups.get(name);
  const picked = state[name];
  for (const value of picked) if (!counts.has(value)) counts.set(value, 0);
  group.hidden = counts.size < 2 && !picked.length;
  const names = [...counts.keys()].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  const shown = opened.has(name) || names.length <= FEW + 1 ? names : names.filter((one, i) => i < FEW || picked.includes(one));
  for (const value of boxes.keys()) if (!counts.has(value)) boxes.delete(value);
  placed(list, shown.map((value) => choice(boxes, value, counts.get(value), picked.includes(value))));
  more.hidden = names.length <= FEW + 1;
  more.textContent = opened.has(name) ? "Fewer" : `All ${names.length}`;
}

function choice(boxes, value, n, checked) {
  let item = boxes.get(value);
  if (!item) {
    const box = el("input", { type: "checkbox", value });
    const total = el("span", { class: "n" });
    item = el("li", {}, el("label", { title: value }, box, el("span", { class: "name" }, value || "(no name)"), total));
    Object.assign(item, { box, total });
    boxes.set(value, item);
  }
  item.box.checked = checked;
  const text = n.toLocaleString();
  if (item.total.textContent !== text) item.total.textContent = text;
  item.classList.toggle("none", n === 0);
  return item;
}

// Which scores the table shows.
export function showColumns(all, shown, act) {
  const list = by("columns-list");
  const told = JSON.stringify([all, shown]);
  if (list.dataset.told === told) return;
  list.dataset.told = told;
  const boxes = all.map((name) => {
    const box = el("input", { type: "checkbox", checked: shown.includes(name), value: name });
    return el("label", { title: explained(name) }, box, titled(name));
  });
  list.replaceChildren(...(all.length ? boxes : [el("p", { class: "faint" }, "No run has scores yet.")]));
  list.onchange = () => {
    state.cols = [...list.querySelectorAll("input:checked")].map((box) => box.value);
    act();
  };
}
