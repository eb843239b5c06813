"use strict";
/* Two films in step, over and over; a choice is possible once both were seen to their end. */

const GAP_MS = 700; // stillness between the end and the next beginning
const SIDES = ["left", "right"];

const pair = {
  films: {},
  coming: new Map(), // films of the next pair, being fetched

  /** Show the films of a trial; seen() is called when they have first come to their end, failed() where one cannot. */
  show(trial, fps, seen, failed) {
    this.stop();
    const films = SIDES.map((side) => this.film(trial[side], side));
    Object.assign(this, { trial, seen, failed, plays: 0, started: null, ended: false });
    SIDES.forEach((side, i) => byId(side).replaceChildren(films[i]));
    this.steps = new Lockstep(fps, () => this.changed());
    this.steps.use(films).then(() => this.begin(films));
  },

  film(url, side) {
    const film = this.coming.get(url) ?? make("video", { src: url, preload: "auto" });
    this.coming.delete(url);
    film.muted = true;
    film.setAttribute("aria-label", side === "left" ? "First film" : "Second film");
    return film;
  },

  /** Fetch the films of the pair after this one. */
  expect(urls) {
    this.coming = new Map(urls.map((url) => [url, this.coming.get(url) ?? make("video", { src: url, preload: "auto" })]));
  },

  begin(films) {
    if (this.steps.films !== films) return; // another pair is shown by now
    if (films.some((film) => film.error)) return this.failed();
    const { videoWidth, videoHeight } = films[0];
    byId("pair").style.setProperty("--shape", `${videoWidth} / ${videoHeight}`);
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.steps.play();
    this.changed();
  },

  changed() {
    const { steps } = this;
    if (steps.films.some((film) => film.error)) return this.failed();
    if (steps.playing) this.started ??= performance.now();
    byId("pause").textContent = steps.playing ? "Pause" : "Play";
    const atEnd = this.started !== null && !steps.playing && steps.time >= steps.end;
    if (atEnd && !this.ended) this.finished();
    this.ended = atEnd;
  },

  finished() {
    this.plays += 1;
    if (this.plays === 1) this.seen();
    const { steps } = this;
    this.timer = setTimeout(() => steps === this.steps && !document.hidden && steps.play(), GAP_MS);
  },

  toggle() {
    clearTimeout(this.timer);
    this.steps?.toggle();
  },

  again() {
    clearTimeout(this.timer);
    if (!this.steps) return;
    this.steps.pause();
    this.steps.seek(0);
    this.steps.play();
  },

  stop() {
    clearTimeout(this.timer);
    if (!this.steps) return;
    this.steps.changed = () => {};
    this.steps.pause();
    this.steps = null;
  },

  /** What is told of the watching with an answer. */
  get told() {
    const seen = this.plays * this.trial.seconds + (this.ended ? 0 : this.steps.time);
    return {
      response_ms: Math.round(performance.now() - this.started),
      watched_ms: Math.round(1000 * seen),
      plays: this.plays,
    };
  },
};
