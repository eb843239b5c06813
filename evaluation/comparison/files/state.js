"use strict";
/* What is chosen on the page, kept in its address, so that a link shows the same. */
const scene = embedded("scene");

const state = {
  score: 0,
  arms: new Set(scene.arms.keys()),
  stories: new Set(scene.stories.keys()),
  seeds: new Set(scene.seeds.keys()),
  story: 0,
  seed: 0,
  watch: null,
  held: null,
  all: false,

  sets: { arms: () => scene.arms.length, stories: () => scene.stories.length, seeds: () => scene.seeds.length },

  /** Read the address; what does not fit the data is left as it was. */
  read() {
    const told = new URLSearchParams(location.hash.slice(1));
    const score = scene.scores.findIndex((one) => one.key === told.get("score"));
    if (score >= 0) this.score = score;
    for (const [name, count] of Object.entries(this.sets)) {
      const full = new Set(Array(count()).keys());
      this[name] = told.has(name) ? this.numbers(told.get(name), count()) : full;
    }
    const within = (name, count) => {
      const number = Number(told.get(name));
      return told.has(name) && Number.isInteger(number) && number >= 0 && number < count ? number : null;
    };
    this.story = within("story", scene.stories.length) ?? this.story;
    this.seed = within("seed", scene.seeds.length) ?? this.seed;
    if (told.has("watch")) this.watch = this.numbers(told.get("watch"), scene.arms.length);
    if (told.has("runs")) this.held = this.numbers(told.get("runs"), scene.runs.length);
    return told;
  },

  numbers: (text, count) =>
    new Set((text || "").split(".").filter((one) => /^\d+$/.test(one)).map(Number).filter((one) => one < count)),

  /** Write what is not as it was at first. */
  write() {
    const told = new URLSearchParams();
    if (this.score) told.set("score", scene.scores[this.score].key);
    for (const [name, count] of Object.entries(this.sets)) {
      if (this[name].size < count()) told.set(name, [...this[name]].sort((a, b) => a - b).join("."));
    }
    if (this.story) told.set("story", this.story);
    if (this.seed) told.set("seed", this.seed);
    if (this.watch) told.set("watch", [...this.watch].join("."));
    if (this.held) told.set("runs", [...this.held].join("."));
    const text = told.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  },
};
