// The page as a whole: whatever changes (the runs, the filters, the pins), everything is shown anew from the state.

/* global theme */
import { by, el, later, placed } from "./dom.js";
import { makeFacets, options, showColumns, showFacets, titled } from "./facets.js";
import { address, chosen, clear, columns, FACETS, firstSort, isFiltered, readAddress, shownColumns, state, togglePin } from "./filters.js";
import { showGrid } from "./grid.js";
import { listen } from "./keys.js";
import { compareUrl, full, showPins } from "./pins.js";
import { listenToRanking, showRanking } from "./ranking.js";
import { follow, onNews, post, runs } from "./runs.js";
import { scalesOf, showTable } from "./table.js";
import { count, number, time } from "./words.js";

const PAGE = 60;
let shown = PAGE;
let wanted = [];
let fresh = new Set();

function show() {
  const { rows, counts } = chosen();
  wanted = rows;
  const all = columns();
  const scores = shownColumns(all);
  showFacets(counts);
  showColumns(all, scores, changed);
  showSorts(all);
  showBar(rows);
  showNotices();
  showList(rows, scores);
  showPins();
  fresh = new Set();
}

function showList(rows, scores) {
  const place = by("list");
  document.body.dataset.view = state.view;
  by("more").hidden = state.view === "ranking" || rows.length <= shown;
  if (!rows.length) return placed(place, [nothing()]);
  if (state.view === "ranking") return showRanking(place, rows);
  const first = rows.slice(0, shown);
  if (state.view === "grid") return showGrid(place, first, scores, fresh);
  return showTable(place, first, scores, scalesOf(rows, scores), fresh, changed);
}

function nothing() {
  if (!runs.known) return el("p", { class: "empty faint" }, runs.lost ? "The server does not answer." : "Looking at the runs …");
  if (runs.rows.size) {
    const button = el("button", { class: "main", onclick: () => (clear(), changed()) }, "Show all runs");
    return el("div", { class: "empty" }, el("h2", {}, "No run fits these filters"), button);
  }
  if (runs.reading) return el("p", { class: "empty faint" }, `Reading ${count(runs.reading, "run")} …`);
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, "No runs yet"),
    el("p", {}, "Runs appear here as soon as they are finished, in ", el("code", {}, runs.root), ". Make the first one in a terminal:"),
    el("pre", {}, el("code", {}, "tenfold zoom planet-to-forest")),
    el("p", { class: "faint" }, "Runs in another folder? Start the dashboard with --out FOLDER."),
  );
}

function showSorts(all) {
  const names = ["date", "story", "variant", "method", "model", "seed"];
  const titles = { date: "date", story: "story", variant: "variant", method: "method", model: "model", seed: "seed" };
  const pairs = [...names, ...all].flatMap((name) => {
    const first = firstSort(name);
    const other = first.startsWith("-") ? name : `-${name}`;
    const title = titles[name] ?? titled(name);
    const ways = name === "date" ? ["latest first", "oldest first"] : name in titles ? ["", "backwards"] : ["", "turned round"];
    return [[first, `${title}${ways[0] && `, ${ways[0]}`}`], [other, `${title}, ${ways[1]}`]];
  });
  options(by("sort"), pairs, state.sort);
}

function showBar(rows) {
  const total = runs.rows.size;
  const words = rows.length === total ? count(total, "run") : `${rows.length.toLocaleString()} of ${count(total, "run")}`;
  if (by("count").textContent !== words) by("count").textContent = words;
  const folder = runs.root.split(/[/\\]/).pop();
  if (by("root").textContent !== folder) Object.assign(by("root"), { textContent: folder, title: runs.root });
  const chips = [];
  const chip = (words, drop) => chips.push(el("button", { class: "chip", "aria-label": `Drop the filter ${words}`, onclick: () => (drop(), changed()) }, words, el("span", { "aria-hidden": "true" }, "×")));
  if (state.q) chip(`“${state.q}”`, () => (state.q = by("q").value = ""));
  for (const name of FACETS) for (const value of state[name]) chip(value || "(no name)", () => (state[name] = state[name].filter((one) => one !== value)));
  if (state.sweep) chip(runs.sweeps.find((one) => one.folder === state.sweep)?.title ?? state.sweep, () => (state.sweep = ""));
  if (state.from || state.to) chip(`${state.from || "…"} to ${state.to || "…"}`, () => (state.from = state.to = ""));
  if (state.score && (state.min !== "" || state.max !== "")) chip(`${titled(state.score)} ${state.min || "…"} to ${state.max || "…"}`, () => (state.min = state.max = ""));
  if (chips.length > 1) chips.push(el("button", { class: "link", onclick: () => (clear(), changed()) }, "Clear all"));
  by("chips").replaceChildren(...chips);
  by("filters-count").textContent = isFiltered() ? `(${chips.length - (chips.length > 1)})` : "";
  const live = by("live");
  live.className = runs.lost ? "lost" : "";
  live.textContent = runs.lost ? "Not connected" : runs.reading ? `Reading ${runs.reading.toLocaleString()} …` : runs.known ? "Live" : "";
  live.title = runs.lost ? "The server does not answer. Is tenfold dashboard still running?" : "New runs appear by themselves";
}

function showNotices() {
  const broken = Object.entries(runs.damaged);
  const going = runs.sweeps.filter((sweep) => sweep.done + sweep.failed.length < sweep.total);
  const told = JSON.stringify([broken, going]);
  const place = by("notices");
  if (place.dataset.told === told) return;
  place.dataset.told = told;
  const open = new Set([...place.querySelectorAll("details[open]")].map((one) => one.dataset.name));
  place.replaceChildren(...going.map((sweep) => progress(sweep, open)), ...(broken.length ? [damage(broken, open)] : []));
}

function progress(sweep, open) {
  const failed = sweep.failed.length;
  const words = [`${sweep.done} of ${sweep.total}`, failed ? `${failed} failed` : "", `last news ${time(sweep.changed_at)}`];
  const failures = sweep.failed.map((one) => el("li", {}, `${one.arm}, ${one.story}, seed ${one.seed}: ${one.error}`));
  const set = () => (clear(), (state.sweep = sweep.folder), changed());
  return el(
    "section",
    { class: "notice" },
    el("strong", {}, sweep.title),
    el("div", { class: "progress", role: "progressbar", "aria-label": sweep.title, "aria-valuenow": sweep.done, "aria-valuemin": 0, "aria-valuemax": sweep.total, "--done": `${(100 * sweep.done) / sweep.total}%`, "--failed": `${(100 * failed) / sweep.total}%` }),
    el("span", {}, words.filter(Boolean).join(" · ")),
    el("button", { class: "link", onclick: set }, "Show its runs"),
    sweep.done > 1 ? el("a", { href: `/compare?sweep=${encodeURIComponent(sweep.folder)}` }, "Compare") : null,
    failed ? el("details", { "data-name": sweep.folder, open: open.has(sweep.folder) }, el("summary", {}, "What failed"), el("ul", {}, failures)) : null,
  );
}

function damage(broken, open) {
  const items = broken.map(([name, words]) => el("li", {}, el("code", {}, name), ` ${words}`));
  const title = `${count(broken.length, "folder")} cannot be read in full`;
  return el("details", { class: "notice warning", "data-name": "damage", open: open.has("damage") }, el("summary", {}, title), el("ul", {}, items));
}

function changed() {
  shown = PAGE;
  keep();
  show();
}

function keep() {
  history.replaceState(null, "", address());
  sessionStorage.setItem("tenfold-list", location.search);
}

function pin(key) {
  if (!togglePin(key)) return full();
  if (state.pins.length === 1) fetch("/api/ready").catch(() => {}); // a comparison may follow soon
  keep();
  show();
}

async function download(kind) {
  const answer = await post(`/scores.${kind}`, { runs: wanted.map((row) => row.key) });
  const url = URL.createObjectURL(await answer.blob());
  el("a", { href: url, download: `scores.${kind}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function view(name) {
  state.view = name;
  document.querySelector(`#views input[value=${name}]`).checked = true;
  changed();
}

function begin() {
  readAddress();
  keep();
  by("q").value = state.q;
  if (matchMedia("(min-width: 62rem)").matches) by("filters").open = true;
  makeFacets(changed);
  listenToRanking(changed);
  by("q").addEventListener("input", later(60, () => ((state.q = by("q").value.trim()), changed())));
  by("sort").addEventListener("change", () => ((state.sort = by("sort").value), changed()));
  by("views").addEventListener("change", (event) => view(event.target.value));
  document.querySelector(`#views input[value=${["table", "grid", "ranking"].includes(state.view) ? state.view : "table"}]`).checked = true;
  by("help-open").before(theme.button());
  by("help-open").addEventListener("click", () => by("help").showModal());
  by("download").addEventListener("click", (event) => event.target.dataset.kind && download(event.target.dataset.kind).catch((error) => alert(error.message)));
  document.addEventListener("click", clicked);
  listen({
    pin,
    view,
    compare: () => compareUrl() && location.assign(compareUrl()),
    escape: () => (clear(), (by("q").value = ""), by("list").focus(), changed()),
  });
  new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting) && !by("more").hidden) {
      shown += PAGE;
      show();
    }
  }, { rootMargin: "800px" }).observe(by("more"));
  onNews((news) => {
    fresh = news;
    show();
  });
  show();
  follow();
}

function clicked(event) {
  const pinner = event.target.closest("[data-pin]");
  if (pinner) pin(pinner.dataset.pin);
  const unpin = event.target.closest("[data-unpin]");
  if (unpin) {
    state.pins = state.pins.filter((key) => unpin.dataset.unpin && key !== unpin.dataset.unpin);
    keep();
    show();
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
}

// For tests and measurements: when everything that was asked for is on the page.
window.dashboard = { state, runs, wanted: () => wanted, show, number };
begin();
