"use strict";
/* Films of several arms, played by one clock. */
const MOST_FILMS = 5;

function filmsSection(changed) {
  const play = make("button", { type: "button", class: "main", onclick: () => lockstep.toggle() }, "Play");
  const slider = make("input", { type: "range", min: "0", step: "any", value: "0", "aria-label": "Place in the films" });
  const time = make("output", {}, "");
  const prompt = make("p", { class: "prompt", dir: "auto" });
  const films = make("div", { class: "films" });
  const speeds = [["0.25", "¼×"], ["0.5", "½×"], ["1", "1×"], ["2", "2×"]];
  const lockstep = new Lockstep(scene.fps, () => tell());
  const step = (label, text, frames) => make("button", { type: "button", title: label, "aria-label": label, onclick: () => lockstep.step(frames) }, text);
  const transport = make("div", { class: "transport", role: "group", "aria-label": "Play the films" },
    play, step("One frame back (←)", "◂", -1), step("One frame on (→)", "▸", 1), slider, time, picker("Speed", speeds, "1", (value) => lockstep.setRate(Number(value))));
  const keys = make("p", { class: "faint small" }, make("kbd", {}, "Space"), " plays and pauses, ", make("kbd", {}, "←"), " ", make("kbd", {}, "→"), " go frame by frame, ", make("kbd", {}, "Home"), " ", make("kbd", {}, "End"), " to the ends.");
  let shownRuns = [];

  function tell() {
    play.textContent = lockstep.playing ? "Pause" : "Play";
    slider.max = lockstep.end;
    slider.value = lockstep.time;
    const level = Math.floor(lockstep.time / scene.secondsPerLevel + 1e-6);
    const words = shownRuns.length ? scene.prompts[scene.runs[shownRuns[0]].prompts] : [];
    const at = scene.inStep ? Math.min(level, words.length - 1) : null;
    const text = `${lockstep.time.toFixed(2)} of ${lockstep.duration.toFixed(2)} s`;
    time.textContent = at === null || at < 0 ? text : `${text}, level ${at}`;
    slider.setAttribute("aria-valuetext", time.textContent);
    prompt.textContent = at === null || at < 0 ? "" : words[at];
  }

  slider.addEventListener("input", () => {
    lockstep.pause();
    lockstep.seek(Number(slider.value));
  });
  byId("films").addEventListener("keydown", (event) => {
    const free = !event.target.closest("select, input:not([type=range]), a");
    const acts = { " ": () => lockstep.toggle(), ArrowLeft: () => lockstep.step(-1), ArrowRight: () => lockstep.step(1), Home: () => lockstep.seek(0), End: () => lockstep.seek(lockstep.end) };
    if (!free || !acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.closest("button")) return; // a button's own press
    event.preventDefault();
    acts[event.key]();
  });

  /** The arm's film of this story: of the chosen seed, or else of the one that has a film. */
  function filmOf(arm) {
    const own = runOf(arm, state.story, scene.seeds[state.seed]);
    if (own !== undefined && scene.films[own]) return own;
    const other = scene.runs.findIndex((run, i) => run.arm === arm && run.story === state.story && scene.films[i]);
    return other < 0 ? undefined : other;
  }

  return {
    lockstep,
    show() {
      lockstep.pause();
      byId("films-pickers").replaceChildren(...lookedAt(changed));
      const able = [...scene.arms.keys()].filter((arm) => filmOf(arm) !== undefined);
      const first = [scene.baseline, ...able].filter((arm, i, all) => able.includes(arm) && all.indexOf(arm) === i);
      const watched = new Set(state.watch ? [...state.watch].filter((arm) => able.includes(arm)).slice(0, MOST_FILMS) : first.slice(0, 3).sort((a, b) => a - b));
      const entries = able.map((arm) => ({ label: scene.arms[arm], mark: armMark(arm) }));
      const chosen = new Set(able.flatMap((arm, i) => (watched.has(arm) ? [i] : [])));
      byId("films-arms").replaceChildren(
        able.length ? chips(`Arms, up to ${MOST_FILMS}`, "watch", entries, chosen, (now) => {
          state.watch = new Set([...now].map((i) => able[i]));
          changed(true);
        }, MOST_FILMS) : make("p", { class: "faint" }, "There are no films of this story in this page."),
      );
      this.put([...watched].sort((a, b) => a - b));
    },
    /** Show the films of these arms. */
    put(arms) {
      shownRuns = arms.map(filmOf).filter((run) => run !== undefined);
      const seed = scene.seeds[state.seed];
      const figures = shownRuns.map((run) => {
        const { arm, seed: own, story } = scene.runs[run];
        const video = make("video", { src: addressOf(scene.films[run], "video/mp4"), "aria-label": `${scene.arms[arm]}: ${scene.stories[story]}, seed ${own}`, playsinline: true, muted: true });
        video.addEventListener("click", () => lockstep.toggle());
        const other = own === seed ? null : make("span", { class: "tag" }, `seed ${own}`);
        return { video, figure: make("figure", {}, video, make("figcaption", {}, armLabel(arm), other)) };
      });
      films.replaceChildren(...figures.map((one) => one.figure));
      byId("stage").replaceChildren(...(shownRuns.length ? [films, prompt, transport, keys] : []));
      if (!scene.inStep) keys.prepend("These films have cameras of their own: equal times need not show equal levels. ");
      this.ready = lockstep.use(figures.map((one) => one.video));
      tell();
    },
    refresh() {
      this.put([...(state.watch ?? [])].sort((a, b) => a - b));
    },
  };
}
