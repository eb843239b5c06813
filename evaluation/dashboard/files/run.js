/* global theme */
// The page of one run: its film, its levels, its numbers, how it was made.

import { by, el } from "./dom.js";
import { fileOf } from "./runs.js";
import { arrow, explained, inOrder, learn, number } from "./words.js";

const [story, id] = location.pathname.split("/").slice(2).map(decodeURIComponent);
const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

function film(run) {
  const poster = run.files.some((file) => file.name === "poster.png") ? fileOf(run, "poster.png") : null;
  const alt = `Zoom of ${run.facts.Story}: from ${run.prompts[0] ?? ""} to ${run.prompts.at(-1) ?? ""}`;
  if (run.film && /\.(mp4|webm|mov|mkv)$/.test(run.film)) return el("video", { class: "film", src: fileOf(run, run.film), poster, controls: true, loop: true, playsinline: true, preload: "metadata", "aria-label": alt });
  const picture = run.film && /\.(gif|webp)$/.test(run.film) ? fileOf(run, run.film) : poster;
  return picture ? el("img", { class: "film", src: picture, alt }) : el("div", { class: "film blank", role: "img", "aria-label": "No film" });
}

function hero(run) {
  const has = new Set(run.files.map((file) => file.name));
  const link = (name, words, attributes = {}) => (has.has(name) ? el("a", { href: fileOf(run, name), ...attributes }, words) : null);
  return el(
    "section",
    { class: "hero" },
    film(run),
    el(
      "div",
      {},
      el("h2", {}, run.facts.Story || "(no title)"),
      el("p", { class: "lead" }, `${run.facts.Variant}, seed ${run.facts.Seed}`),
      el("p", { class: "actions" }, link("view.html", "Explore the zoom", { class: "main", target: "_blank", rel: "noopener" }), link("contact_sheet.png", "Contact sheet"), link(run.film, "Film", { download: run.film })),
      el("dl", { class: "facts" }, Object.entries(run.facts).flatMap(([name, words]) => [el("dt", {}, name), el("dd", {}, name === "Made" ? new Date(words).toLocaleString() : words)])),
    ),
  );
}

function means(run) {
  const names = inOrder(Object.keys(run.means));
  if (!names.length) return el("p", { class: "faint" }, "This run has not been scored.");
  return el("dl", { class: "means" }, names.map((name) => el("div", { title: explained(name) }, el("dt", {}, `${words(name)} ${arrow(name)}`), el("dd", {}, number(run.means[name])))));
}

const words = (name) => (name.endsWith("|bundled") ? titleOf(name.split("|")[0]) : titleOf(name));
const titles = new Map();
const titleOf = (name) => titles.get(name.split("|")[0]) + (name.includes("|") ? ` (${name.split("|").slice(1).join("|")})` : "");

function levels(run) {
  const item = (prompt, level) => {
    const name = run.pictures[level];
    const url = name && fileOf(run, `stack/${name}`);
    const picture = url ? el("a", { href: url }, el("img", { src: url, alt: `Level ${level}: ${prompt}`, loading: "lazy" })) : null;
    return el("li", {}, picture, el("p", {}, el("b", {}, level), prompt || "(no prompt)"));
  };
  return el("section", {}, el("h2", {}, "Levels"), el("ol", { class: "levels" }, run.prompts.map(item)));
}

function table(run) {
  const names = inOrder(Object.keys(run.levels));
  if (!names.length) return null;
  const numbers = run.prompts.map((_, level) => level);
  const row = (name) => el("tr", {}, el("th", { scope: "row", title: explained(name) }, words(name)), numbers.map((level) => el("td", {}, number(run.levels[name][level] ?? null))));
  return el(
    "details",
    { class: "block", open: true },
    el("summary", {}, "Scores by level"),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Scores by level" }, el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Level"), numbers.map((level) => el("th", { scope: "col" }, level)))), el("tbody", {}, names.map(row)))),
  );
}

function rest(run) {
  const data = encodeURIComponent(run.key);
  const files = run.files.map(({ name, bytes }) => el("li", {}, el("a", { href: fileOf(run, name) }, name), ` ${size(bytes)}`));
  const rows = ["csv", "parquet"].map((kind) => el("li", {}, el("a", { href: `/scores.${kind}?runs=${data}` }, `all its scores as ${kind === "csv" ? "CSV" : "Parquet"}`)));
  return [
    el("details", { class: "block" }, el("summary", {}, "Configuration"), el("ul", { class: "settings" }, run.settings.map((text) => el("li", {}, text)))),
    el("section", { class: "block" }, el("h3", {}, "Files"), el("ul", { class: "files" }, files, rows)),
  ];
}

async function show() {
  document.querySelector(".top").append(theme.button());
  by("back").href = `/${sessionStorage.getItem("tenfold-list") ?? ""}`; // with the filters that were set there
  const answer = await fetch(`/api/run/${encodeURIComponent(story)}/${encodeURIComponent(id)}`);
  const run = await answer.json();
  if (!answer.ok) return by("run").replaceChildren(el("p", { class: "empty" }, run.detail));
  learn(run.scores);
  run.scores.forEach((score) => titles.set(score.name, score.title));
  document.title = `${run.facts.Story}: ${run.facts.Variant}, seed ${run.facts.Seed}`;
  const wrong = run.wrong.map((text) => el("p", { class: "notice warning" }, text));
  const parts = [hero(run), ...wrong, el("section", {}, el("h2", {}, "Scores"), means(run)), levels(run), table(run), ...rest(run)];
  by("run").replaceChildren(...parts.filter(Boolean));
  document.documentElement.dataset.shown = "run";
}

show().catch(() => by("run").replaceChildren(el("p", { class: "empty" }, "The server does not answer. Is tenfold dashboard still running?")));
