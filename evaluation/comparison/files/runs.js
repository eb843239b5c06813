"use strict";
/* All runs with their scores, and the data to take away. */

function runsSection() {
  async function download(button, name, type, bytes) {
    button.disabled = true;
    try {
      save(name, [await bytes()], type);
    } finally {
      button.disabled = false;
    }
  }
  const slug = scene.title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "comparison";
  const button = (id, text, name, type, bytes) => {
    const made = make("button", { type: "button", id, onclick: () => download(made, name, type, bytes) }, text);
    return made;
  };
  byId("downloads").replaceChildren(
    button("save-csv", "Download CSV", `${slug}.csv`, "text/csv", () => unpacked(bytesOf("data-csv"))),
    button("save-parquet", "Download Parquet", `${slug}.parquet`, "application/vnd.apache.parquet", () => bytesOf("data-parquet")),
  );
  byId("data-about").textContent = `${scene.rows.toLocaleString("en")} rows, one per run, level and score.`;
  const decisive = () => {
    const first = scene.scores.filter((score) => score.decides);
    return [...new Set([scene.scores[state.score], ...(first.length ? first : scene.scores.filter((score) => score.better))])].slice(0, 5);
  };
  return () => {
    const scores = decisive().map((score, i) => ({ key: `score${i}`, title: score.title, means: runMeans(score), about: score.about, low: score.better === "lower" }));
    const rows = scene.runs.map((run, i) => ({ ...named(i), ...run, ...named(i), id: run.id, ...Object.fromEntries(scores.map((score) => [score.key, score.means.get(i) ?? null])) }));
    byId("runs").replaceChildren(
      sortableTable(
        [
          { key: "id", title: "Run", show: (row) => make("code", {}, row.id) },
          { key: "story", title: "Story" },
          { key: "arm", title: "Arm", show: (row) => armLabel(row.armNumber) },
          { key: "seed", title: "Seed", number: true, low: true },
          ...scores.map(({ key, title, about, low }) => ({ key, title, about, low, number: true })),
          { key: "made", title: "Made" },
        ],
        rows,
        { caption: `${rows.length} runs, with means over their levels`, head: "id" },
      ),
    );
  };
}
