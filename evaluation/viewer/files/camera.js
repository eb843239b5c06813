// What moves the view: a target that a zoom eases to, the swing of a drag, a flight to another level, play.
// Every motion is a rate per second, so that it takes the same time at any frame rate.

const EASE_S = 0.09; // time constant in which a zoom or a pan comes to its target
const SWING_S = 0.28; // and in which a drag that was let go comes to rest
const FLIGHT_S = [0.5, 2.2]; // shortest and longest flight
const LEVEL_S = 2; // of play for a level, as the film has it unless told otherwise
const RETURN_S = 0.6; // time constant in which play comes back to the film's way

class Camera {
  /** calm: whether the reader asked for less motion; then everything but play is at its target at once. */
  constructor(geometry, screen, calm) {
    this.geometry = geometry;
    this.screen = screen; // { width, height } in CSS pixels; the page keeps it up to date
    this.calm = calm;
    this.view = geometry.at(0);
    this.speed = 1;
    this.pace = geometry.last ? geometry.way / geometry.last / LEVEL_S : 0; // log magnification a second
    this.backwards = false;
    this.rest();
  }

  /** Let go of every motion but play. */
  rest() {
    this.zooming = 0;
    this.about = [0, 0];
    this.panning = [0, 0];
    this.swing = [0, 0];
    this.flight = null;
  }

  stop() {
    this.rest();
    this.playing = false;
  }

  get position() {
    return this.geometry.position(this.view);
  }

  /** Where on the way, 0 to 1. */
  get progress() {
    return this.geometry.way ? Math.min(this.geometry.depth(this.view) / this.geometry.way, 1) : 0;
  }

  /** Zoom by exp(amount) about a point of the screen, soon. */
  zoom(amount, x = 0, y = 0) {
    this.playing = false;
    this.flight = null;
    this.swing = [0, 0];
    this.about = [x, y];
    this.zooming = this.zooming * amount < 0 ? amount : this.zooming + amount; // who turns back means now
  }

  /** Move the picture by so many pixels, soon. */
  pan(dx, dy) {
    this.playing = false;
    this.flight = null;
    this.panning = [this.panning[0] + dx, this.panning[1] + dy];
  }

  /** Move the picture at once, under the finger. */
  drag(dx, dy) {
    this.view = this.geometry.held(this.geometry.panned(this.view, dx, dy, this.screen), this.screen);
  }

  /** Zoom at once, between two fingers. */
  pinch(amount, x, y) {
    this.view = this.geometry.zoomed(this.view, amount, x, y, this.screen);
  }

  /** Let go of a drag that went on at (vx, vy) pixels a second. */
  release(vx, vy) {
    if (!this.calm) this.swing = [vx, vy];
  }

  /** Be at a position, `offset` views beside the way. */
  jump(position, offset = [0, 0]) {
    this.stop();
    this.view = this.geometry.rounded(this.geometry.held(this.geometry.at(position, offset), this.screen));
  }

  /** Go along the way to a position, however far, in a second or two. */
  fly(position) {
    this.stop();
    if (this.calm) {
      this.jump(position);
      return;
    }
    const [from, offset] = [this.position, this.geometry.offset(this.view)];
    const last = this.geometry.last;
    // Round a loop the shorter way.
    if (this.geometry.loop) position += Math.round((from - position) / last) * last;
    const levels = Math.abs(position - from) + Math.hypot(...offset);
    const seconds = Math.min(Math.max(0.35 * levels, FLIGHT_S[0]), FLIGHT_S[1]);
    this.flight = { from, to: position, offset, seconds, gone: 0 };
  }

  play(on = !this.playing) {
    this.stop();
    this.playing = on && this.geometry.way > 0;
    if (this.playing && !this.geometry.loop) {
      if (this.progress >= 1 && !this.backwards) this.backwards = true;
      else if (this.progress <= 0 && this.backwards) this.backwards = false;
    }
  }

  /** The view some seconds later. Returns whether anything moved. */
  tick(seconds) {
    const before = this.view;
    if (this.playing) this.advance(seconds);
    else if (this.flight) this.glide(seconds);
    else this.settle(seconds);
    this.view = this.geometry.rounded(this.view);
    return this.view !== before && !same(this.view, before);
  }

  get moving() {
    return this.playing || this.flight !== null || this.zooming !== 0 || any(this.panning) || any(this.swing);
  }

  /** Play: the log of the magnification grows evenly, `speed` times e-fold by the film's own pace. */
  advance(seconds) {
    const { geometry } = this;
    const step = this.speed * this.pace * seconds * (this.backwards ? -1 : 1);
    let depth = geometry.depth(this.view) + step;
    if (geometry.loop) depth = ((depth % geometry.way) + geometry.way) % geometry.way;
    else if (depth >= geometry.way || depth <= 0) {
      depth = Math.min(Math.max(depth, 0), geometry.way);
      this.backwards = depth > 0; // there and back, as long as one looks
    }
    const kept = Math.exp(-seconds / RETURN_S);
    const offset = geometry.offset(this.view).map((part) => part * kept);
    this.view = geometry.held(geometry.at(geometry.positionAt(depth), offset), this.screen);
  }

  glide(seconds) {
    const { flight, geometry } = this;
    flight.gone = Math.min(flight.gone + seconds / flight.seconds, 1);
    const t = flight.gone;
    const eased = t * t * t * (t * (6 * t - 15) + 10);
    const position = flight.from + (flight.to - flight.from) * eased;
    const offset = flight.offset.map((part) => part * (1 - eased));
    this.view = geometry.held(geometry.at(position, offset), this.screen);
    if (t === 1) this.flight = null;
  }

  settle(seconds) {
    const share = this.calm ? 1 : 1 - Math.exp(-seconds / EASE_S);
    if (this.zooming) {
      const amount = Math.abs(this.zooming) < 1e-4 ? this.zooming : this.zooming * share;
      this.zooming -= amount;
      this.view = this.geometry.zoomed(this.view, amount, ...this.about, this.screen);
    }
    if (any(this.panning)) {
      const whole = Math.hypot(...this.panning) < 0.1;
      const move = this.panning.map((part) => (whole ? part : part * share));
      this.panning = this.panning.map((part, axis) => part - move[axis]);
      this.drag(...move);
    }
    if (any(this.swing)) {
      this.drag(this.swing[0] * seconds, this.swing[1] * seconds);
      const slower = this.swing.map((part) => part * Math.exp(-seconds / SWING_S));
      this.swing = Math.hypot(...slower) < 4 ? [0, 0] : slower;
    }
  }
}

function any(pair) {
  return pair[0] !== 0 || pair[1] !== 0;
}

function same(a, b) {
  return a.level === b.level && a.x === b.x && a.y === b.y && a.zoom === b.zoom;
}
