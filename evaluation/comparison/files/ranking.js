"use strict";
/* The ranking of one score: a table, means and differences with their intervals, and what was published. */

function rankingSection(plots) {
  const score = () => scene.scores[state.score];
  const interval = (low, high) => (low === null ? "–" : `${shown(low, 3)} to ${shown(high, 3)}`);
  const two = (above, below) => [above, make("div", { class: "faint small" }, below)];
  const arm = { key: "arm", title: "Arm" };
  const drawn = {
    mean: new Plot(byId("plot-ranking"), plots.ranking, [arm, { key: "mean", title: "Mean", number: true }, { key: "low", title: "From", number: true }, { key: "high", title: "To", number: true }]),
    difference: new Plot(byId("plot-difference"), plots.difference, [arm, { key: "difference", title: "Difference", number: true }, { key: "difference_low", title: "From", number: true }, { key: "difference_high", title: "To", number: true }]),
  };

  /** Whether the interval of a difference lies on one side of zero: 1 better, -1 worse, 0 not sure. */
  function verdict(row) {
    const sign = { higher: 1, lower: -1, one: -1 }[score().better] ?? 0;
    if (row.difference_low === null || row.difference === 0) return 0;
    if (row.difference_low > 0) return sign;
    return row.difference_high < 0 ? -sign : 0;
  }

  const isBaseline = (row) => row.arm === scene.arms[scene.baseline];
  const signed = (value) => (value === null ? "–" : (value > 0 ? "+" : "") + shown(value));

  function difference(row) {
    if (isBaseline(row)) return make("span", { class: "faint" }, "baseline");
    if (row.difference === null) return "–";
    const sure = verdict(row);
    const word = { 1: "better", "-1": "worse", 0: score().better ? "not sure" : "" }[sure];
    const value = make("span", { class: { 1: "win", "-1": "loss" }[sure] ?? null }, signed(row.difference));
    return two([word ? make("span", { class: "tag" }, word) : null, " ", value], interval(row.difference_low, row.difference_high));
  }

  function columns() {
    return [
      { key: "rank", title: "Rank", number: true, low: true, about: "By the paired difference; empty where the score does not judge" },
      { key: "arm", title: "Arm", about: "How the runs were made", show: (row) => armLabel(scene.arms.indexOf(row.arm)) },
      { key: "mean", title: "Mean", number: true, about: "Mean over stories, with its 95 % interval", show: (row) => two(shown(row.mean), interval(row.low, row.high)) },
      { key: "difference", title: "Difference", number: true, about: `Mean of the paired differences to ${scene.arms[scene.baseline]}, with its interval`, show: difference },
      { key: "effect", title: "Effect", number: true, about: "Mean over standard deviation of the stories' differences; positive is better", show: (row) => (isBaseline(row) ? "" : shown(row.effect, 3)) },
      { key: "wins", title: "Wins", number: true, about: "Share of the pairs that the arm wins", show: (row) => (isBaseline(row) || row.wins === null ? "" : `${Math.round(row.wins * 100)} % of ${row.pairs}`) },
      { key: "p_adjusted", title: "p", number: true, low: true, about: "Sign flips by story, after Holm over the arms", show: (row) => (isBaseline(row) || row.p_adjusted === null ? "" : shown(row.p_adjusted, 2)) },
      { key: "runs", title: "Runs", number: true, about: "How many runs it has, and of how many stories", show: (row) => two(String(row.runs), `${row.stories} ${row.stories === 1 ? "story" : "stories"}`) },
      { key: "note", title: "To be known", about: "What else is to be known", show: (row) => make("span", { class: "note" }, row.note) },
    ].filter((column) => column.key !== "note" || score().ranking.some((row) => row.note));
  }

  function anchors() {
    const found = score().anchors;
    if (!found.length) return [];
    const columns = [{ key: "arm", title: "Nearest arm" }, { key: "value", title: "Published", number: true }, { key: "about", title: "Where" }];
    return [make("h3", {}, "Published, other models"), sortableTable(columns, found, { caption: scene.published, head: "arm" })];
  }

  function words(kind, row, low, high) {
    const rows = score().ranking.filter((one) => one[row] !== null);
    const told = rows.map((one) => `${one.arm} ${shown(one[row])} (${interval(one[low], one[high])})`).join("; ");
    return `${kind} of ${score().title} by arm, with 95 % intervals: ${told || "none"}.`;
  }

  return () => {
    const { title, unit, about, ranking, scorer, name } = score();
    const rows = ranking.map((row, place) => ({ ...row, place }));
    const what = about ? about[0].toUpperCase() + about.slice(1) : name;
    byId("score-about").textContent = [`${what}${unit ? `, in ${unit}` : ""}; ${judged(score())}.`, scorer ? `Judged by ${scorer}.` : "", score().better === "one" ? "Differences are of the distances |log x| from 1, so that less is better." : "", "An arm is called better or worse where the interval of its difference leaves out zero; p is corrected for the number of arms."].filter(Boolean).join(" ");
    byId("ranking-table").replaceChildren(
      sortableTable(columns(), rows, { caption: `Arms by ${title}, ${judged(score())}; differences are to ${scene.arms[scene.baseline]}`, head: "arm", sort: ["rank", "ascending"] }),
    );
    byId("mean-head").textContent = `${title}${unit ? `, ${unit}` : ""}: mean and interval`;
    byId("difference-head").textContent = `Difference to ${scene.arms[scene.baseline]}`;
    byId("anchors").replaceChildren(...anchors());
    return Promise.all([
      drawn.mean.show(rows.filter((row) => row.mean !== null), words("Means", "mean", "low", "high")),
      drawn.difference.show(rows.filter((row) => row.difference !== null), words("Differences to the baseline", "difference", "difference_low", "difference_high")),
    ]);
  };
}
