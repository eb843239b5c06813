"use strict";
/* Numbers of the chosen runs: means over levels first, then over runs. */

/** The runs that the filters let through, as numbers. */
const chosenRuns = () =>
  scene.runs.flatMap((run, i) =>
    state.arms.has(run.arm) && state.stories.has(run.story) && state.seeds.has(scene.seeds.indexOf(run.seed)) ? [i] : [],
  );

/** For one score: Map of run to its mean value over levels. */
function runMeans(score) {
  const sums = new Map();
  score.run.forEach((run, i) => {
    const [sum, count] = sums.get(run) ?? [0, 0];
    sums.set(run, [sum + score.value[i], count + 1]);
  });
  return new Map([...sums].map(([run, [sum, count]]) => [run, sum / count]));
}

/** Groups of rows by a key, as [key, rows], in the order of their first row. */
function grouped(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }
  return [...groups];
}

/** The rows of all plots of the filtered part, and of its summary. */
function filtered(score) {
  const chosen = new Set(chosenRuns());
  const means = runMeans(score);
  const runs = [...means].filter(([run]) => chosen.has(run)).map(([run, value]) => ({ ...named(run), run, value }));
  const spans = (rows) => ({ mean: mean(rows), low: Math.min(...rows), high: Math.max(...rows), runs: rows.length });
  const stories = grouped(runs, (row) => `${row.armNumber} ${row.storyNumber}`).map(([, rows]) => ({
    arm: rows[0].arm, armNumber: rows[0].armNumber, story: rows[0].story, storyNumber: rows[0].storyNumber, ...spans(rows.map((row) => row.value)),
  }));
  const values = score.run.flatMap((run, i) =>
    chosen.has(run) && score.level[i] !== null ? [{ ...named(run), level: score.level[i], value: score.value[i] }] : [],
  );
  const levels = grouped(values, (row) => `${row.armNumber} ${row.level}`).map(([, rows]) => ({
    arm: rows[0].arm, armNumber: rows[0].armNumber, level: rows[0].level, ...spans(rows.map((row) => row.value)),
  }));
  const summary = grouped(runs, (row) => row.armNumber).map(([arm, rows]) => {
    const numbers = rows.map((row) => row.value);
    return {
      arm: scene.arms[arm], armNumber: arm, ...spans(numbers), median: median(numbers),
      // Each story counts once, as in the ranking.
      mean: mean(grouped(rows, (row) => row.storyNumber).map(([, own]) => mean(own.map((row) => row.value)))),
      stories: new Set(rows.map((row) => row.storyNumber)).size,
    };
  });
  const inOrder = (rows) => rows.sort((a, b) => a.armNumber - b.armNumber || (a.level ?? 0) - (b.level ?? 0));
  return { runs, stories: inOrder(stories), levels: inOrder(levels), summary: inOrder(summary) };
}

function named(run) {
  const { arm, story, seed } = scene.runs[run];
  return { arm: scene.arms[arm], armNumber: arm, story: scene.stories[story], storyNumber: story, seed };
}

/** The run of an arm, a story and a seed, as its number; undefined where there is none. */
const runOf = (arm, story, seed) => {
  const found = scene.runs.findIndex((run) => run.arm === arm && run.story === story && run.seed === seed);
  return found < 0 ? undefined : found;
};

const WORD = { higher: "higher is better", lower: "lower is better", one: "nearer to 1 is better" };
const judged = (score) => WORD[score.better] ?? "describes, does not judge";
const armLabel = (arm) => make("span", { class: "arm" }, armMark(arm), make("span", { dir: "auto" }, scene.arms[arm]));
