"use strict";
/* Films in step. Films that play by themselves drift apart when a machine is busy, and are told so too late. Here none
   plays: one clock tells all of them the frame, the next one when all have shown it. A slow machine leaves out frames;
   films that are shorter wait at their last. */

class Lockstep {
  /** fps: frames per second of the films. changed(lockstep): is called whenever time or play has changed. */
  constructor(fps, changed = () => {}) {
    Object.assign(this, { fps, changed, films: [], time: 0, rate: 1, playing: false, last: null });
    this.beat = this.beat.bind(this);
  }

  /** The films that are shown from now on, at the present time. */
  use(films) {
    this.films = films;
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

  seek(seconds) {
    this.time = Math.max(0, Math.min(seconds, this.end));
    this.show();
    this.changed(this);
  }

  /** Frames forward, or back; stops. */
  step(frames) {
    this.pause();
    this.seek((Math.floor(this.time * this.fps + 1e-6) + frames) / this.fps);
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
    this.seek(this.time);
  }

  setRate(rate) {
    this.rate = rate;
    this.changed(this);
  }

  /** Time goes on; the films follow when all of them show the frame that they were last told. */
  beat(now) {
    if (!this.playing) return;
    if (this.last !== null) this.time = Math.min(this.end, this.time + ((now - this.last) / 1000) * this.rate);
    this.last = now;
    if (this.settled) this.show();
    this.changed(this);
    if (this.time >= this.end) this.pause();
    else requestAnimationFrame(this.beat);
  }

  get settled() {
    return this.films.every((film) => film.error || !film.seeking);
  }

  /** Tell all films the present frame: its middle, where no rounding shows its neighbour. */
  show() {
    const frame = (Math.floor(this.time * this.fps + 1e-6) + 0.5) / this.fps;
    for (const film of this.films) {
      const place = Math.max(0, Math.min(frame, (film.duration || 0) - 0.5 / this.fps));
      if (Math.abs(film.currentTime - place) > 1e-4) film.currentTime = place;
    }
  }
}
