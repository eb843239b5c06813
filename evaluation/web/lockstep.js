"use strict";
/* Films in step. One clock leads; every film is held to it, by its rate where it is a little off, by a jump where it is
   far. When one cannot follow, the clock waits, and with it all: none runs ahead. */

class Lockstep {
  static NEAR_S = 0.004; // less than this is not corrected
  static FAR_S = 0.04; // more than this is jumped over
  static PULL = 3; // share of the gap that is made good per second

  /** fps: frames per second of the films. changed(lockstep): is called whenever time or play has changed. */
  constructor(fps, changed = () => {}) {
    Object.assign(this, { fps, changed, films: [], time: 0, rate: 1, playing: false, last: null });
    this.beat = this.beat.bind(this);
  }

  /** The films that are shown from now on, at the present time. */
  use(films) {
    this.films.forEach((film) => film.pause());
    this.films = films;
    this.longest = 0;
    this.ready = Promise.all(films.map((film) => this.prepare(film))).then(() => {
      if (this.films === films) this.seek(Math.min(this.time, this.duration));
    });
    return this.ready;
  }

  prepare(film) {
    Object.assign(film, { muted: true, playsInline: true, loop: false, preload: "auto", disablePictureInPicture: true });
    film.addEventListener("error", () => this.changed(this));
    if (film.readyState >= 1 || film.error) return null;
    return new Promise((done) => ["loadedmetadata", "error"].forEach((what) => film.addEventListener(what, done, { once: true })));
  }

  get duration() {
    const known = this.films.map((film) => film.duration).filter((seconds) => Number.isFinite(seconds));
    return known.length ? Math.max(...known) : 0;
  }

  /** Seconds at which the last frame begins. */
  get end() {
    return Math.max(0, this.duration - 1 / this.fps);
  }

  /** Where a film should be: films that are shorter wait at their last frame. */
  place(film) {
    return Math.max(0, Math.min(this.time, (film.duration || 0) - 0.5 / this.fps));
  }

  seek(seconds) {
    this.time = Math.max(0, Math.min(seconds, this.end));
    this.films.forEach((film) => (film.currentTime = this.place(film)));
    this.changed(this);
  }

  /** Frames forward, or back; stops. Lands in the middle of a frame, where no rounding shows its neighbour. */
  step(frames) {
    this.pause();
    const frame = Math.round(this.time * this.fps - 0.5) + frames;
    this.seek(Math.max(0, frame + 0.5) / this.fps);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (!this.films.length || this.playing) return;
    if (this.time >= this.end - 0.5 / this.fps) this.seek(0);
    this.playing = true;
    this.last = null;
    requestAnimationFrame(this.beat);
    this.changed(this);
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.films.forEach((film) => film.pause());
    this.seek(this.time); // all on the very same frame
  }

  setRate(rate) {
    this.rate = rate;
    this.changed(this);
  }

  beat(now) {
    if (!this.playing) return;
    const able = this.films.filter((film) => !film.error);
    const waiting = able.some((film) => film.seeking || film.readyState < 3);
    if (waiting) able.forEach((film) => film.pause());
    else this.advance(now, able);
    this.last = waiting ? null : now;
    this.changed(this);
    if (this.time >= this.end) this.pause();
    else requestAnimationFrame(this.beat);
  }

  advance(now, films) {
    if (this.last !== null) this.time = Math.min(this.end, this.time + ((now - this.last) / 1000) * this.rate);
    for (const film of films) {
      const gap = this.place(film) - film.currentTime;
      const atEnd = this.time >= film.duration - 1.5 / this.fps;
      if (atEnd) {
        film.pause();
        if (Math.abs(gap) > Lockstep.NEAR_S) film.currentTime = this.place(film);
      } else if (Math.abs(gap) > Lockstep.FAR_S) {
        film.currentTime = this.place(film);
      } else {
        const pull = Math.abs(gap) > Lockstep.NEAR_S ? 1 + Math.max(-0.4, Math.min(0.4, gap * Lockstep.PULL)) : 1;
        film.playbackRate = this.rate * pull;
        if (film.paused) film.play().catch(() => {});
      }
    }
  }
}
