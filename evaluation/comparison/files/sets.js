"use strict";
/* Scores of sets of pictures, where the runs have any. */

function setsSection() {
  const rows = scene.sets.map((row) => ({ ...row, number: scene.arms.indexOf(row.arm) }));
  byId("sets").hidden = byId("to-sets").hidden = !rows.length;
  if (!rows.length) return;
  const two = (above, below) => [above, make("div", { class: "faint small" }, below)];
  const columns = [
    { key: "title", title: "Score", show: (row) => two(row.title, judged(row)) },
    { key: "arm", title: "Arm", show: (row) => armLabel(row.number) },
    { key: "value", title: "Value", number: true, low: true, about: "With its 95 % interval over stories", show: (row) => two(shown(row.value), row.low === null ? "no interval" : `${shown(row.low, 3)} to ${shown(row.high, 3)}`) },
    { key: "pictures", title: "Pictures", number: true, show: (row) => two(String(row.pictures), `${row.runs} ${row.runs === 1 ? "run" : "runs"}, levels ${row.levels}`) },
    { key: "stories", title: "Stories", number: true },
    { key: "reference", title: "Reference" },
    { key: "extractor", title: "Extractor" },
  ];
  byId("sets-table").replaceChildren(sortableTable(columns, rows, { caption: "Scores of sets of pictures by arm", head: "arm" }));
  const notes = new Map();
  for (const { notes: own, arm } of rows) for (const note of own) notes.set(note, (notes.get(note) ?? new Set()).add(arm));
  const told = [...notes].map(([note, arms]) => (arms.size === new Set(rows.map((row) => row.arm)).size ? note : `${[...arms].join(", ")}: ${note}`));
  byId("sets-notes").replaceChildren(...told.map((note) => make("li", { dir: "auto" }, note)));
}
