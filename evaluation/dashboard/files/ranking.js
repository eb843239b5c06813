// The ranking of the runs that are wanted, by one score: numbers from the server, the same as Python's.

import { el, placed, svg } from "./dom.js";
import { options, titled } from "./facets.js";
import { columns, state } from "./filters.js";
import { post } from "./runs.js";
import { arrow, column, count, explained, number } from "./words.js";

const GROUPS = ["variant", "method", "model", "variant and model"];
const MOST_LINES = 8;
const choose = { by: el("select", {}), group: el("select", {}), base: el("select", {}) };
const about = el("p", { class: "faint" });
const body = el("div", { id: "ranked" });
const view = el(
  "div",
  { class: "ranking" },
  el("div", { class: "choices" }, el("label", {}, "Score ", choose.by), el("label", {}, "Compare by ", choose.group), el("label", {}, "Against ", choose.base)),
  about,
  body,
);
let told = "";
let underway = null;

export function listenToRanking(act) {
  for (const name of ["by", "group", "base"]) {
    choose[name].addEventListener("change", () => {
      state[name] = choose[name].value;
      if (name === "group") state.base = "";
      act();
    });
  }
}

export function showRanking(place, rows) {
  placed(place, [view]);
  const all = columns();
  const by = all.includes(state.by) ? state.by : (all.find((name) => column(name).score === "clip_score") ?? all[0]);
  options(choose.by, all.map((name) => [name, titled(name)]), by);
  options(choose.group, GROUPS.map((name) => [name, name]), state.group);
  if (!by) {
    told = "";
    body.replaceChildren(el("p", { class: "faint" }, "No run has scores yet."));
    return;
  }
  about.textContent = `${column(by).title}: ${explained(by)}.`;
  const asked = { runs: rows.map((row) => row.key), column: by, group: state.group, baseline: state.base || null, sweep: state.sweep || null };
  const now = JSON.stringify([asked, rows.map((row) => row.stamp)]);
  if (now === told) return;
  told = now;
  underway = (underway ?? Promise.resolve()).then(() => (told === now ? draw(asked, by) : null));
}

async function draw(asked, by) {
  try {
    const facts = await (await post("/api/ranking", asked)).json();
    const arms = facts.rows.map((row) => row.arm);
    const base = facts.rows.find((row) => row.difference === 0 && row.wins === null)?.arm ?? "";
    options(choose.base, [...arms].sort((a, b) => a.localeCompare(b)).map((arm) => [arm, arm]), base);
    body.replaceChildren(...(facts.rows.length ? [ranks(facts.rows, by, base), profile(facts, by)] : [el("p", { class: "faint" }, "None of these runs has this score.")]));
  } catch (error) {
    told = "";
    body.replaceChildren(el("p", { class: "warning" }, error.message));
  }
  document.documentElement.dataset.ranked = String(Number(document.documentElement.dataset.ranked ?? 0) + 1);
}

function ranks(rows, by, base) {
  const ends = rows.flatMap((row) => [row.low ?? row.mean, row.high ?? row.mean, row.mean]).filter((value) => value !== null);
  const scale = { low: Math.min(...ends), high: Math.max(...ends) };
  const at = rows.find((row) => row.arm === base)?.mean;
  const head = ["Rank", state.group === "model" ? "Model" : state.group === "method" ? "Method" : "Variant", `Mean ${arrow(by)}`, "95 % interval", "Runs", "Stories", "Difference", "Wins", "p"];
  const names = ["rank", "arm", "value", "interval", "value", "value", "value wide", "value", "value"];
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Ranking" },
    el(
      "table",
      { class: "ranks" },
      el("caption", {}, `Means over stories with 95 % intervals; differences against ${base} over the stories and seeds that both have${column(by).better === "one" ? ", of the distance to 1 (mean |log|)" : ""}; p of sign flips by story, after Holm.`),
      el("thead", {}, el("tr", {}, head.map((words, i) => el("th", { scope: "col", class: names[i] }, words)))),
      el("tbody", {}, rows.map((row) => rank(row, scale, at, row.arm === base))),
    ),
  );
}

function rank(row, scale, at, isBase) {
  const difference = isBase || row.difference === null ? "–" : `${row.difference > 0 ? "+" : ""}${number(row.difference)}`;
  const between = isBase || row.difference_low === null ? "" : ` [${number(row.difference_low)}, ${number(row.difference_high)}]`;
  const adjusted = row.p_adjusted ?? row.p_value;
  return el(
    "tr",
    { "data-arm": row.arm },
    el("td", { class: "rank" }, row.rank ?? "–"),
    el("th", { scope: "row", class: "arm" }, row.arm, row.note ? el("span", { class: "note" }, row.note) : null),
    el("td", { class: "value mean" }, number(row.mean)),
    el("td", { class: "interval" }, interval(row, scale, at)),
    el("td", { class: "value" }, row.runs),
    el("td", { class: "value" }, row.stories),
    el("td", { class: "value wide" }, difference, el("span", { class: "faint" }, between)),
    el("td", { class: "value" }, row.wins === null ? "–" : `${Math.round(100 * row.wins)} %`),
    el("td", { class: "value" }, adjusted === null || adjusted === undefined || isBase ? "–" : adjusted < 0.001 ? "< 0.001" : adjusted.toFixed(3)),
  );
}

const WIDE = 190;

function interval(row, { low, high }, at) {
  if (row.mean === null) return "";
  const x = (value) => (high > low ? 8 + ((WIDE - 16) * (value - low)) / (high - low) : WIDE / 2);
  const [left, right] = [row.low ?? row.mean, row.high ?? row.mean];
  const words = `${number(row.mean)}, from ${number(left)} to ${number(right)}`;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDE} 24`, role: "img", "aria-label": words, class: "whisker" },
    svg("title", {}, words),
    at === undefined || at === null ? null : svg("path", { class: "base", d: `M${x(at)} 0v24` }),
    svg("path", { class: "span", d: `M${x(left)} 12H${x(right)}M${x(left)} 7v10M${x(right)} 7v10` }),
    svg("circle", { cx: x(row.mean), cy: 12, r: 5 }),
  );
}

// The score level by level: one line per arm, told apart by colour, shape and name.
function profile(facts, by) {
  const lines = facts.rows.map((row) => [row.arm, facts.levels[row.arm] ?? []]).filter(([, values]) => values.some((value) => value !== null));
  if (!lines.length || lines.every(([, values]) => values.length < 2)) return el("p", { class: "faint" }, "This score is of the film as a whole: there is nothing to show by level.");
  const drawn = lines.slice(0, MOST_LINES);
  const values = drawn.flatMap(([, line]) => line).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const levels = Math.max(...drawn.map(([, line]) => line.length));
  const x = (level) => 56 + (level * 660) / Math.max(1, levels - 1);
  const y = (value) => (high > low ? 18 + (190 * (high - value)) / (high - low) : 113);
  const grid = [low, (low + high) / 2, high].flatMap((value) => [
    svg("path", { class: "gridline", d: `M56 ${y(value)}H716` }),
    svg("text", { x: 48, y: y(value) + 4, "text-anchor": "end" }, number(value, Math.max(Math.abs(low), Math.abs(high)))),
  ]);
  const every = Math.ceil(levels / 16);
  const ticks = [...Array(levels).keys()].filter((level) => level % every === 0).map((level) => svg("text", { x: x(level), y: 232, "text-anchor": "middle" }, String(level)));
  const what = `${column(by).title} by level, ${count(drawn.length, "line")}: ${drawn.map(([arm]) => arm).join("; ")}`;
  return el(
    "figure",
    { class: "profile" },
    el("figcaption", {}, `${column(by).title} by level, 0 the widest view${lines.length > drawn.length ? `; the first ${MOST_LINES} of ${lines.length}` : ""}`),
    el("div", { class: "scroll" }, svg("svg", { viewBox: "0 0 740 240", role: "img", "aria-label": what }, grid, ticks, drawn.map(([, line], i) => drawnLine(line, i, x, y)))),
    el("ul", { class: "legend" }, drawn.map(([arm], i) => el("li", {}, armMark(i), arm))),
  );
}

// Shapes and colours of arms are those of the comparison page (theme.js).
function drawnLine(line, i, x, y) {
  const points = line.map((value, level) => (value === null ? null : [x(level), y(value)]));
  let path = "";
  points.forEach((point, level) => {
    if (point) path += `${points[level - 1] ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
  });
  const dots = points.filter(Boolean).map(([left, top]) => svg("path", { class: "dot", d: SHAPES[i % SHAPES.length], transform: `translate(${(left - 5).toFixed(1)} ${(top - 5).toFixed(1)}) scale(0.83)` }));
  const group = svg("g", { class: "line" }, svg("path", { class: "way", d: path }), dots);
  group.style.color = `var(--arm-${i % 8})`;
  return group;
}
