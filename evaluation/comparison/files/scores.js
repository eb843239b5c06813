"use strict";
/* Plots of every run, story and level, and the filters over them. */

function scoresSection(plots, changed) {
  const arm = { key: "arm", title: "Arm" };
  const number = (key, title) => ({ key, title, number: true });
  const drawn = {
    runs: new Plot(byId("plot-spread"), plots.spread, [arm, { key: "story", title: "Story" }, number("seed", "Seed"), number("value", "Value")]),
    stories: new Plot(byId("plot-stories"), plots.stories, [arm, { key: "story", title: "Story" }, number("mean", "Mean"), number("low", "Lowest"), number("high", "Highest"), number("runs", "Runs")]),
    levels: new Plot(byId("plot-levels"), plots.levels, [arm, number("level", "Level"), number("mean", "Mean"), number("low", "Lowest"), number("high", "Highest"), number("runs", "Runs")]),
  };

  function filters() {
    const set = (name) => (now) => {
      state[name] = now;
      changed();
    };
    byId("filters").replaceChildren(
      chips("Arms", "arms", scene.arms.map((label, i) => ({ label, mark: armMark(i) })), state.arms, set("arms")),
      chips("Stories", "stories", scene.stories.map((label) => ({ label })), state.stories, set("stories")),
      chips("Seeds", "seeds", scene.seeds.map((label) => ({ label: String(label) })), state.seeds, set("seeds")),
    );
  }

  byId("all").addEventListener("click", () => {
    Object.assign(state, { arms: new Set(scene.arms.keys()), stories: new Set(scene.stories.keys()), seeds: new Set(scene.seeds.keys()) });
    filters();
    changed();
  });
  filters();

  return () => {
    const score = scene.scores[state.score];
    const rows = filtered(score);
    const stories = new Set(rows.runs.map((row) => row.storyNumber)).size;
    byId("filtered").textContent = `${score.title}: ${rows.runs.length} of ${new Set(score.run).size} runs with this score, ${stories} ${stories === 1 ? "story" : "stories"}.`;
    byId("summary").replaceChildren(
      sortableTable(
        [
          { key: "arm", title: "Arm", show: (row) => armLabel(row.armNumber) },
          { key: "mean", title: "Mean", number: true, about: "Mean over the stories' means" },
          { key: "median", title: "Median", number: true, about: "Of the runs" },
          { key: "low", title: "Lowest run", number: true },
          { key: "high", title: "Highest run", number: true },
          { key: "stories", title: "Stories", number: true },
          { key: "runs", title: "Runs", number: true },
        ],
        rows.summary,
        { caption: `${score.title} of the runs that are shown; ${judged(score)}`, head: "arm" },
      ),
    );
    byId("by-level").hidden = !rows.levels.length;
    const told = (what) => `${score.title} ${what}, for ${rows.summary.map((row) => `${row.arm} (mean ${shown(row.mean)})`).join(", ") || "no run"}.`;
    return Promise.all([
      drawn.runs.show(rows.runs, told("of every run")),
      drawn.stories.show(rows.stories, told("by story")),
      rows.levels.length ? drawn.levels.show(rows.levels, told("by level")) : null,
    ]);
  };
}
