// Which runs are wanted, and in which order: kept in the address, so that a view can be bookmarked and sent.

import { runs } from "./runs.js";
import { column, goodness, inOrder, isoDay } from "./words.js";

export const FACETS = ["story", "variant", "method", "model"];
const LISTS = [...FACETS, "pins", "cols"];
const USUAL = { q: "", from: "", to: "", score: "", min: "", max: "", sort: "-date", view: "table", sweep: "", by: "", group: "variant", base: "" };
const FIRST_COLUMNS = ["clip_score", "window_psnr", "estimate_psnr", "seam", "colour_drift", "aesthetic"];
const MOST_FIRST = 5;
export const MOST_PINS = 5;

export const state = { ...USUAL, ...Object.fromEntries(LISTS.map((name) => [name, []])) };

export function readAddress() {
  const query = new URLSearchParams(location.search);
  for (const name of Object.keys(USUAL)) state[name] = query.get(name) ?? USUAL[name];
  for (const name of LISTS) state[name] = query.getAll(name);
  state.pins = state.pins.slice(0, MOST_PINS);
}

export function address() {
  const query = new URLSearchParams();
  for (const [name, usual] of Object.entries(USUAL)) if (state[name] !== usual) query.set(name, state[name]);
  for (const name of LISTS) for (const value of state[name]) query.append(name, value);
  const text = query.toString();
  return text ? `?${text}` : location.pathname;
}

export const isFiltered = () =>
  Boolean(state.q || state.from || state.to || state.min || state.max || state.sweep || FACETS.some((name) => state[name].length));

export function clear() {
  for (const name of ["q", "from", "to", "score", "min", "max", "sweep"]) state[name] = USUAL[name];
  for (const name of FACETS) state[name] = [];
}

export function columns() {
  const found = new Set();
  for (const row of runs.rows.values()) for (const name in row.means) found.add(name);
  return inOrder([...found]);
}

export function shownColumns(all) {
  if (state.cols.length) return all.filter((name) => state.cols.includes(name));
  const first = FIRST_COLUMNS.flatMap((score) => all.filter((name) => column(name).score === score));
  return all.filter((name) => first.slice(0, MOST_FIRST).includes(name));
}

// Tests of a row, one per filter: those of facets first, in their order.
function tests() {
  const wanted = FACETS.map((name) => {
    const chosen = new Set(state[name]);
    return chosen.size ? (row) => chosen.has(row[name]) : () => true;
  });
  const sweep = runs.sweeps.find((one) => one.folder === state.sweep);
  const inside = state.sweep ? (row) => Boolean(sweep && row.key in sweep.runs) : () => true;
  return [...wanted, inside, others()];
}

function others() {
  const found = words(state.q).map((word) => ({ word, numbers: numbersWith(word) }));
  const least = state.min === "" ? -Infinity : Number(state.min);
  const most = state.max === "" ? Infinity : Number(state.max);
  const limited = state.score && (state.min !== "" || state.max !== "");
  return (row) => {
    if (limited && !(row.means[state.score] >= least && row.means[state.score] <= most)) return false;
    if (state.from || state.to) {
      const made = isoDay(row.date);
      if ((state.from && made < state.from) || (state.to && made > state.to)) return false;
    }
    return found.every(({ word, numbers }) => row.text.includes(word) || has(row.prompts, numbers) || has(row.settings, numbers));
  };
}

// Words of a search; what stands in quotation marks is one.
export const words = (text) => [...text.toLowerCase().matchAll(/"([^"]+)"?|(\S+)/g)].map((found) => found[1] ?? found[2]);

function numbersWith(word) {
  const numbers = new Uint8Array(runs.strings.length);
  runs.strings.forEach((text, number) => {
    if (text.includes(word)) numbers[number] = 1;
  });
  return numbers;
}

function has(list, numbers) {
  for (const number of list) if (numbers[number]) return true;
  return false;
}

// The rows that are wanted, in order, and how many each choice of a facet would show.
export function chosen() {
  const all = tests();
  const counts = Object.fromEntries([...FACETS, "sweep"].map((name) => [name, new Map()]));
  const rows = [];
  for (const row of runs.rows.values()) {
    let failed = -1;
    let fails = 0;
    for (let i = 0; i < all.length && fails < 2; i++) {
      if (!all[i](row)) {
        failed = i;
        fails++;
      }
    }
    if (fails === 0) rows.push(row);
    FACETS.forEach((name, i) => {
      const adds = fails === 0 || (fails === 1 && failed === i);
      counts[name].set(row[name], (counts[name].get(row[name]) ?? 0) + (adds ? 1 : 0));
    });
  }
  return { rows: sorted(rows), counts };
}

const TEXTS = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function sorted(rows) {
  const back = state.sort.startsWith("-");
  const name = state.sort.replace(/^-/, "");
  const turned = back ? -1 : 1;
  const order = ["story", "variant", "method", "model", "id"].includes(name)
    ? byText(rows, name)
    : byNumber(name === "date" || name === "seed" ? (row) => row[name] : (row) => row.means[name]);
  return rows.sort((a, b) => order(a, b, turned) || b.date - a.date || (a.key < b.key ? -1 : 1));
}

// Few different texts are compared once each: comparing as people do is slow.
function byText(rows, name) {
  const texts = [...new Set(rows.map((row) => row[name]))].sort(TEXTS.compare);
  const places = new Map(texts.map((text, place) => [text, place]));
  return (a, b, turned) => turned * (places.get(a[name]) - places.get(b[name]));
}

// What has no value comes last, whichever way.
function byNumber(value) {
  return (a, b, turned) => {
    const [left, right] = [value(a), value(b)];
    if (left === undefined || right === undefined) return (left === undefined) - (right === undefined);
    return turned * (left - right);
  };
}

// How a column is sorted when it is chosen first: the best, the latest, or A on top.
export function firstSort(name) {
  if (name === "date") return "-date";
  if (["story", "variant", "method", "model", "seed", "id"].includes(name)) return name;
  return goodness(name, 2) > goodness(name, 1) ? `-${name}` : name;
}

export function togglePin(key) {
  if (state.pins.includes(key)) state.pins = state.pins.filter((one) => one !== key);
  else if (state.pins.length < MOST_PINS) state.pins = [...state.pins, key];
  else return false;
  return true;
}
