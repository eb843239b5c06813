"use strict";
/* Configurations of chosen runs, and in what they differ. */
const MOST_RUNS = 6;

function settingsSection(changed) {
  const { names, values, rows } = scene.settings;
  const called = (run) => {
    const { arm, story, seed } = scene.runs[run];
    return `${scene.arms[arm]}, ${scene.stories[story]}, seed ${seed}`;
  };
  /** At first one run of each arm, all of the same story and seed where they can. */
  const usual = () =>
    [...scene.arms.keys()]
      .map((arm) => runOf(arm, state.story, scene.seeds[state.seed]) ?? scene.runs.findIndex((run) => run.arm === arm))
      .filter((run) => run >= 0).slice(0, MOST_RUNS);

  function table(runs, all) {
    const differs = (row) => new Set(runs.map((run) => row[run])).size > 1;
    const kept = names.map((name, i) => ({ name, row: rows[i] })).filter(({ row }) => all || differs(row));
    const heads = runs.map((run) => make("th", { scope: "col" }, armLabel(scene.runs[run].arm), make("div", { class: "faint small", dir: "auto" }, `${scene.stories[scene.runs[run].story]}, seed ${scene.runs[run].seed}`), make("code", { class: "small" }, scene.runs[run].id)));
    const lines = kept.map(({ name, row }) =>
      make("tr", { class: differs(row) && all ? "differs" : null }, make("th", { scope: "row" }, make("code", {}, name)), runs.map((run) => make("td", { dir: "auto" }, values[row[run]]))),
    );
    const title = all ? `All ${names.length} settings; those that differ are shaded` : `${kept.length} of ${names.length} settings differ`;
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Settings of the chosen runs" },
      make("table", {}, make("caption", {}, title), make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Setting"), heads)), make("tbody", {}, lines)));
  }

  return () => {
    const runs = state.held?.size ? [...state.held].slice(0, MOST_RUNS) : usual();
    const set = (now) => {
      state.held = new Set(now);
      changed();
    };
    const left = scene.runs.map((_, i) => i).filter((i) => !runs.includes(i));
    const add = picker("Add", [["", "a run …"], ...left.map((run) => [run, called(run)])], "", (run) => run !== "" && set([...runs, Number(run)]));
    add.querySelector("select").disabled = runs.length >= MOST_RUNS;
    const remove = picker("Remove", [["", "a run …"], ...runs.map((run) => [run, called(run)])], "", (run) => run !== "" && set(runs.filter((one) => one !== Number(run))));
    const toggle = make("button", { type: "button", "aria-pressed": String(state.all), onclick: () => {
      state.all = !state.all;
      changed();
    } }, "All settings");
    byId("settings-pickers").replaceChildren(add, remove, toggle);
    byId("settings-table").replaceChildren(table(runs, state.all));
  };
}
