"use strict";
/* Elements from values. Text enters a page as text only: nothing here ever parses it. */

/** An element with attributes, listeners ("onclick") and children: elements or text. What is null is left out. */
function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "path", "use"].includes(tag);
  const element = drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return element;
}

const byId = (id) => document.getElementById(id);

/** The JSON that the script element of this id holds. */
const embedded = (id) => JSON.parse(byId(id).textContent);

/** The bytes that the script element of this id holds in base 64. */
const bytesOf = (id) => Uint8Array.from(atob(byId(id).textContent), (letter) => letter.charCodeAt(0));

const addresses = new Map();
/** The address of a picture or film: its own, or one for the bytes in the page, which are decoded when first asked. */
function addressOf(place, type) {
  if (place.url) return place.url;
  if (!addresses.has(place.id)) {
    addresses.set(place.id, URL.createObjectURL(new Blob([bytesOf(place.id)], { type })));
  }
  return addresses.get(place.id);
}

/** Hand a file to the person. */
function save(name, parts, type) {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/** The bytes that gzip has packed, as a blob. */
const unpacked = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).blob();

/** A number for people: four digits that tell, an empty place as a dash. */
function shown(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === 0 || Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(digits - 2);
  return value.toFixed(Math.max(0, Math.min(6, digits - 1 - Math.floor(Math.log10(size)))));
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** A choice of several as chips: `entries` [{label, mark}], `chosen` a Set of their numbers; tells of each change. */
function chips(title, name, entries, chosen, changed, most = Infinity) {
  const boxes = entries.map((entry, i) =>
    make("input", { type: "checkbox", name, value: i, checked: chosen.has(i), onchange: () => settle() }),
  );
  const settle = () => {
    const now = new Set(boxes.flatMap((box, i) => (box.checked ? [i] : [])));
    boxes.forEach((box) => (box.disabled = !box.checked && now.size >= most));
    changed(now);
  };
  boxes.forEach((box) => (box.disabled = !box.checked && chosen.size >= most));
  const labels = entries.map((entry, i) => make("label", { class: "chip" }, boxes[i], entry.mark, make("span", { dir: "auto" }, entry.label)));
  return make("fieldset", {}, make("legend", {}, title), make("div", { class: "chips" }, labels));
}

/** A choice of one: `entries` [[value, label]] or [[group, [[value, label]]]]. */
function picker(label, entries, chosen, changed) {
  const option = ([value, text]) => make("option", { value, selected: String(value) === String(chosen) }, text);
  const children = entries.map((entry) =>
    Array.isArray(entry[1]) ? make("optgroup", { label: entry[0] }, entry[1].map(option)) : option(entry),
  );
  const select = make("select", { "aria-label": label, onchange: () => changed(select.value) }, children);
  return make("label", { class: "picker" }, make("span", {}, label), select);
}
