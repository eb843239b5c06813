"use strict";
/* The report: its numbers as marks, then as tables. */
const told = embedded("report");

/** A mark at `value` with two spans, all of them shares of the track's width from 0 to 1. */
function bar(label, value, inner, outer, middle, words) {
  const at = (share) => `${100 * Math.max(0, Math.min(1, share))}%`;
  const placed = (kind, from, to) => {
    const piece = make("div", { class: kind });
    piece.style.left = at(from);
    if (to !== undefined) piece.style.width = `calc(${at(to)} - ${at(from)})`;
    return piece;
  };
  const span = (kind, ends) => (ends[0] === null ? null : placed(kind, ...ends));
  const track = make(
    "div", { class: "track", role: "img", "aria-label": words },
    placed("middle", middle), span("span wide", outer), span("span", inner), placed("spot", value),
  );
  return make("div", { class: "bar" }, make("span", { class: "label", dir: "auto" }, label), track, make("span", { class: "value" }, words.split(" (")[0]));
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

function shares() {
  const rows = told.pairs.map((one) =>
    bar(
      `${one.arm} over ${one.against}`, one.share, [one.low, one.high], [one.redrawn_low, one.redrawn_high], 0.5,
      `${percent(one.share)} (Wilson: ${percent(one.low)} to ${percent(one.high)})`,
    ),
  );
  return figure("How often the first of two was chosen", rows, "Dot: share. Thin line: Wilson's interval of 95 %. Broad band: 95 % when people and stories are drawn anew. Line in the middle: one half, no preference.");
}

function strengths() {
  const ends = told.strengths.flatMap((one) => [one.low ?? one.strength, one.high ?? one.strength, 0]);
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const at = (value) => (value === null ? null : 0.04 + (0.92 * (value - least)) / (most - least || 1));
  const rows = told.strengths.map((one) =>
    bar(one.arm, at(one.strength), [null, null], [at(one.low), at(one.high)], at(0), `${one.strength.toFixed(2)} (strength)`),
  );
  return figure("Strengths", rows, "Dot: Bradley and Terry's strength. Band: 95 % when people and stories are drawn anew. Vertical line: the mean of all.");
}

function figure(title, rows, key) {
  if (!rows.length) return null;
  return make("section", {}, make("h2", {}, title), make("div", { class: "bars" }, rows, make("p", { class: "key" }, key)));
}

function table({ title, head, rows, about }) {
  const line = (cells) => make("tr", {}, cells.map((cell) => make("td", { dir: "auto" }, cell)));
  const top = make("tr", {}, head.map((cell) => make("th", { scope: "col" }, cell)));
  const whole = make("table", {}, make("thead", {}, top), make("tbody", {}, rows.map(line)));
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, whole);
  return make("section", {}, make("h2", {}, title), about ? make("p", { class: "faint" }, about) : null, scroll);
}

byId("name").textContent = told.name;
byId("head").append(theme.button());
byId("all").append(
  ...[
    make("section", { class: "lines" }, told.lines.map((line) => make("p", { dir: "auto" }, line))),
    shares(),
    told.strengths.length > 2 ? strengths() : null,
    ...told.tables.map(table),
    make("section", {}, make("h2", {}, "To be known"), make("ul", {}, told.notes.map((note) => make("li", { dir: "auto" }, note)))),
  ].filter(Boolean),
);
