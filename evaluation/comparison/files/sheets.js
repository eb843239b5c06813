"use strict";
/* Levels side by side: a row for each level, a column for each arm. */

/** Pickers of the story and the seed that are looked at; pictures and films share them. */
function lookedAt(changed) {
  const set = (name) => (value) => {
    state[name] = Number(value);
    changed();
  };
  const stories = scene.stories.map((title, i) => [i, title]);
  const seeds = scene.seeds.map((seed, i) => [i, String(seed)]);
  return [picker("Story", stories, state.story, set("story")), picker("Seed", seeds, state.seed, set("seed"))];
}

function sheetsSection(changed) {
  function cell(run, level, open) {
    const place = run === undefined ? null : scene.pictures[run][level];
    if (!place) return make("td", {}, make("span", { class: "none" }, run === undefined ? "no run" : "no picture"));
    const words = scene.prompts[scene.runs[run].prompts][level] || `Level ${level}`;
    const image = make("img", { alt: words, loading: "lazy", decoding: "async", src: addressOf(place, "image/webp") });
    return make("td", {}, make("button", { type: "button", title: "Enlarge", onclick: () => open(level) }, image));
  }

  return () => {
    byId("levels-pickers").replaceChildren(...lookedAt(changed));
    const seed = scene.seeds[state.seed];
    const arms = [...scene.arms.keys()].filter((arm) => scene.runs.some((run) => run.arm === arm && run.story === state.story));
    const runs = arms.map((arm) => runOf(arm, state.story, seed));
    const there = runs.filter((run) => run !== undefined);
    const count = Math.max(0, ...there.map((run) => scene.prompts[scene.runs[run].prompts].length));
    if (!there.some((run) => scene.pictures[run].some(Boolean))) {
      byId("sheet").replaceChildren(make("p", { class: "faint" }, "There are no pictures of this story and seed."));
      return;
    }
    const alike = new Set(there.map((run) => scene.runs[run].prompts)).size === 1;
    const picture = (level, column) => {
      const run = runs[column];
      const place = run === undefined ? null : scene.pictures[run][level];
      if (!place) return null;
      const words = scene.prompts[scene.runs[run].prompts][level];
      return { src: addressOf(place, "image/webp"), title: `${scene.arms[arms[column]]}, level ${level}`, words: words || `Level ${level}` };
    };
    const rows = Array.from({ length: count }, (_, level) => {
      const prompt = alike ? scene.prompts[scene.runs[there[0]].prompts][level] : "each run has its own prompt";
      return make("tr", {},
        make("th", { scope: "row" }, make("b", {}, `Level ${level}`), make("span", { dir: "auto", class: "faint" }, prompt)),
        runs.map((run, column) => cell(run, level, () => lightbox.open(picture, count, runs.length, [level, column]))));
    });
    const heads = arms.map((arm) => make("th", { scope: "col" }, armLabel(arm)));
    const title = `${scene.stories[state.story]}, seed ${seed}: levels by arm`;
    const table = make("table", { class: "sheet" }, make("caption", { class: "unseen" }, title),
      make("colgroup", {}, make("col"), arms.map(() => make("col"))),
      make("thead", {}, make("tr", {}, make("td"), heads)), make("tbody", {}, rows));
    table.style.minWidth = `${118 + 128 * arms.length}px`;
    table.style.maxWidth = `${200 + 280 * arms.length}px`;
    byId("sheet").replaceChildren(make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, table));
  };
}
