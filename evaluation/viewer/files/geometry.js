"use strict";
// Where levels lie in each other, and what a view sees of them. Plain numbers; no page, no pictures.
//
// A view is { level, x, y, zoom }: (x, y) is its centre in fractions of that level's sides, and `zoom` the natural
// logarithm of its magnification against the whole level. Positions are always relative to a level in sight, so that
// forty levels are as exact as two. In a loop levels go on in both directions and are counted modulo their number.
// Lengths on the screen are in its own pixels, points on it relative to its centre.

const STEER = 3; // how quickly a zoom that finds nothing more turns back to where the levels go on
const MAGNIFIED = 4; // screen pixels per pixel of a picture, the most that is worth looking at
const BEYOND = 1.25; // but always as far as to the next level, and a little further

class Geometry {
  constructor({ size, windows, loop }) {
    this.width = size[0];
    this.height = size[1];
    this.windows = windows;
    this.loop = loop;
    this.levels = loop ? windows.length : windows.length + 1;
    this.last = loop ? this.levels : this.levels - 1; // where the way ends; in a loop that is level 0 again
    this.logs = windows.map((window) => -Math.log(window[2] - window[0]));
    this.depths = [0]; // log magnification of each level against level 0
    for (const log of this.logs) this.depths.push(this.depths.at(-1) + log);
    this.way = this.depths[this.last];
  }

  wrap(level) {
    return ((level % this.levels) + this.levels) % this.levels;
  }

  hasWider(level) {
    return this.loop || level > 0;
  }

  hasFiner(level) {
    return this.loop || level < this.levels - 1;
  }

  window(level) {
    return this.windows[this.wrap(level)];
  }

  /** The zoom from a level to the next; past the last one it goes on as it came. */
  log(level) {
    if (!this.windows.length) return Math.LN2;
    return this.logs[this.loop ? this.wrap(level) : Math.min(level, this.logs.length - 1)];
  }

  /** The same view, seen from the next finer level. */
  finer(view) {
    const [x0, y0, x1, y1] = this.window(view.level);
    const [x, y] = [(view.x - x0) / (x1 - x0), (view.y - y0) / (y1 - y0)];
    return { level: view.level + 1, x, y, zoom: view.zoom - this.log(view.level) };
  }

  /** The same view, seen from the next wider level. */
  wider(view) {
    const [x0, y0, x1, y1] = this.window(view.level - 1);
    const [x, y] = [x0 + view.x * (x1 - x0), y0 + view.y * (y1 - y0)];
    return { level: view.level - 1, x, y, zoom: view.zoom + this.log(view.level - 1) };
  }

  /** The same view, seen from `level`. */
  from(level, view) {
    while (view.level < level) view = this.finer(view);
    while (view.level > level) view = this.wider(view);
    return view;
  }

  /** The same view, seen from the deepest level that it lies wholly in by size. */
  settled(view) {
    while (this.hasFiner(view.level) && view.zoom >= this.log(view.level)) view = this.finer(view);
    while (this.hasWider(view.level) && view.zoom < 0) view = this.wider(view);
    return view;
  }

  position(view) {
    const at = this.settled(view);
    return at.level + at.zoom / this.log(at.level);
  }

  /** Log magnification against level 0: what the slider shows. */
  depth(view) {
    const at = this.settled(view);
    return this.loop ? this.depths[this.wrap(at.level)] + at.zoom : this.depths[at.level] + at.zoom;
  }

  /** The position whose log magnification is `depth`. */
  positionAt(depth) {
    let level = 0;
    while (level < this.last - 1 && depth >= this.depths[level + 1]) level += 1;
    return level + (depth - this.depths[level]) / this.log(level);
  }

  /** The film's view at a position: its centre moves so that all levels lie on one straight way. */
  path(position) {
    const level = this.loop ? Math.floor(position) : Math.min(Math.max(Math.floor(position), 0), this.levels - 1);
    const zoom = (position - level) * this.log(level);
    if (!this.hasFiner(level)) return { level, x: 0.5, y: 0.5, zoom };
    const [x0, y0, x1, y1] = this.window(level);
    const [shrink, whole] = [Math.exp(-zoom), 1 - (x1 - x0)];
    // The fixed point of the zoom from this level to the next lies at x0 / (1 - 1/p).
    const [x, y] = [(x0 / whole) * (1 - shrink) + shrink / 2, (y0 / whole) * (1 - shrink) + shrink / 2];
    return { level, x, y, zoom };
  }

  /** How far a view's centre lies from the film's, in widths and heights of the view. */
  offset(view) {
    const path = this.from(view.level, this.path(this.position(view)));
    const grown = Math.exp(view.zoom);
    return [(view.x - path.x) * grown, (view.y - path.y) * grown];
  }

  /** The view at a position, its centre `offset` views away from the film's. */
  at(position, offset = [0, 0]) {
    const view = this.path(position);
    const shrink = Math.exp(-view.zoom);
    return { ...view, x: view.x + offset[0] * shrink, y: view.y + offset[1] * shrink };
  }

  /** Screen pixels per pixel of a level's picture when it fills the screen as well as it can. */
  fit(screen) {
    return Math.min(screen.width / this.width, screen.height / this.height);
  }

  /** Where the level that a view is seen from lies on the screen. */
  rectangle(view, screen) {
    const scale = this.fit(screen) * Math.exp(view.zoom);
    const [width, height] = [this.width * scale, this.height * scale];
    return { left: screen.width / 2 - view.x * width, top: screen.height / 2 - view.y * height, width, height, scale };
  }

  panned(view, dx, dy, screen) {
    const { width, height } = this.rectangle(view, screen);
    return { ...view, x: view.x - dx / width, y: view.y - dy / height };
  }

  /** The view magnified by exp(amount) about a point (dx, dy) of the screen. */
  magnified(view, amount, dx, dy, screen) {
    const [before, after] = [this.rectangle(view, screen), Math.exp(-amount)];
    const x = view.x + (dx / before.width) * (1 - after);
    const y = view.y + (dy / before.height) * (1 - after);
    return this.settled({ level: view.level, x, y, zoom: view.zoom + amount });
  }

  /**
   * As `magnified`, but never to where there is nothing to see: a zoom that meets the end of what is known at its point
   * glides to where the levels go on. So nobody who zooms on gets stuck beside the way.
   */
  zoomed(view, amount, dx, dy, screen) {
    const free = amount > 0 ? Math.min(amount, this.room(view, dx, dy, screen)) : amount;
    const near = this.magnified(view, free, dx, dy, screen);
    const rest = amount - free;
    if (rest <= 0) return this.held(near, screen);
    const [x, y] = this.offset(near);
    const steered = this.at(this.position(near), [x * Math.exp(-STEER * rest), y * Math.exp(-STEER * rest)]);
    return this.held(this.magnified(steered, Math.min(rest, this.room(steered, 0, 0, screen)), 0, 0, screen), screen);
  }

  /** How much further one can zoom in on a point of the screen before the finest picture there is too coarse. */
  room(view, dx, dy, screen) {
    const { width, height } = this.rectangle(view, screen);
    let spot = { ...view, x: view.x + dx / width, y: view.y + dy / height };
    const inside = ({ x, y }) => x >= 0 && x <= 1 && y >= 0 && y <= 1;
    while (!inside(spot) && this.hasWider(spot.level) && view.level - spot.level < this.levels) spot = this.wider(spot);
    for (let steps = 0; this.hasFiner(spot.level) && steps < this.levels; steps += 1) {
      const next = this.finer(spot);
      if (!inside(next)) break;
      spot = next;
    }
    return Math.max(this.most(spot.level, screen) - spot.zoom, 0);
  }

  /** The largest zoom at which a level's own picture is still worth looking at. */
  most(level, screen) {
    return Math.log(Math.max(MAGNIFIED / this.fit(screen), BEYOND * Math.exp(this.log(level))));
  }

  /** The view moved and zoomed so that it shows the picture: level 0, in a loop some levels around it. */
  held(view, screen) {
    let at = this.settled(view);
    const most = this.hasFiner(at.level) ? Infinity : this.most(at.level, screen);
    at = { ...at, zoom: Math.min(Math.max(at.zoom, 0), most) };
    const level = this.loop ? at.level - 2 : 0;
    const outer = this.from(level, at);
    const { width, height } = this.rectangle(outer, screen);
    const [x, y] = [between(outer.x, screen.width / width), between(outer.y, screen.height / height)];
    // Untouched unless it must move: the way to level 0 and back costs digits that a deep view needs.
    return x === outer.x && y === outer.y ? at : this.settled({ ...outer, x, y });
  }

  /** A loop's view with its level counted from 0 again. */
  rounded(view) {
    return this.loop ? { ...view, level: this.wrap(view.level) } : view;
  }
}

/** A centre at which a view of `share` of the whole lies inside it; the middle for a view that is larger. */
function between(centre, share) {
  return share >= 1 ? 0.5 : Math.min(Math.max(centre, share / 2), 1 - share / 2);
}
