// Puts everything together: one loop that draws while something moves, and rests otherwise.

const SLOW_MS = 30; // between frames: a motion that is slower is drawn more simply until it ends
const AHEAD = 4; // levels around the view whose pictures are made ready
const LINK_MS = 250; // of rest, after which the address tells the place
const LONGEST_S = 0.1; // between frames: who comes back to a sleeping page does not find himself elsewhere

class Viewer {
  constructor(scene) {
    this.scene = scene;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.geometry = new Geometry(scene);
    this.words = new Words(scene, this.geometry);
    this.canvas = find("view");
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.camera = new Camera(this.geometry, { width: 1, height: 1 }, this.calm.matches);
    this.pictures = new Pictures(scene, () => this.wake(), (level) => this.panels.say(
      `The picture of level ${level + 1} cannot be read: this file is damaged. Make the page again.`));
    this.wake = this.wake.bind(this);
    this.panels = new Panels(scene, this.geometry, this.words, this.camera, this.wake, () => this.place());
    this.overview = new Overview(this.geometry, this.camera, this.wake);
    this.thumbs = scene.thumbs.map((_, level) => Object.assign(new Image(), { src: thumbSource(scene, level) }));
    this.pace = 0; // milliseconds between the frames of this motion, on average
    this.simple = false;
    this.waiting = 0;
    this.listen();
    this.follow();
  }

  listen() {
    listenToPointers(this.canvas, this.camera, this.wake);
    listenToKeys(keyActions(this.camera, this.geometry, this.panels), this.wake);
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    addEventListener("hashchange", () => this.follow());
    document.addEventListener("DOMContentLoaded", this.wake);
    this.calm.addEventListener("change", () => { this.camera.calm = this.calm.matches; });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.wake);
    for (const thumb of this.thumbs) thumb.addEventListener("load", this.wake);
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    const box = this.canvas.getBoundingClientRect();
    Object.assign(this.camera.screen, { width: box.width, height: box.height });
    Object.assign(this.canvas, { width: Math.round(box.width * ratio), height: Math.round(box.height * ratio) });
    this.overview.resize(ratio);
    this.camera.view = this.geometry.held(this.camera.view, this.camera.screen);
    this.draw();
    this.wake();
  }

  /** Draw soon, and go on while something moves. */
  wake() {
    if (this.waiting) return;
    this.last ??= performance.now();
    this.waiting = requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.waiting = 0;
    const seconds = Math.min(Math.max((now - this.last) / 1000, 0), LONGEST_S);
    this.last = now;
    this.camera.tick(seconds);
    this.measure(seconds * 1000);
    this.draw();
    if (this.camera.moving) this.wake();
    else {
      this.last = undefined;
      this.tell();
    }
  }

  /** Choose between fine and smooth: who is slow with the best drawing gets it when the motion ends. */
  measure(interval) {
    this.pace = this.camera.moving ? this.pace + 0.2 * (interval - this.pace) : 0;
    this.simple = this.camera.moving && (this.simple || this.pace > SLOW_MS);
  }

  draw() {
    const screen = { width: this.canvas.width, height: this.canvas.height };
    const plan = layers(this.geometry, this.camera.view, screen);
    if (!covers(plan[0].at, screen)) paintGlow(this.context, this.thumb(plan[0].level), ground(), screen);
    paint(this.context, plan, this.finder(), this.simple ? "low" : "high");
    this.whole = plan.every(({ level }) => this.pictures.has(this.geometry.wrap(level)));
    this.overview.canvas.hidden = this.panels.hidden || !this.geometry.way;
    if (!this.overview.canvas.hidden) this.overview.draw(this.finder());
    this.panels.update();
    this.pictures.want(this.near(plan));
  }

  /** Finds the pictures of a plan, widest first; a small one stands in while there is no large one behind it. */
  finder() {
    let any = false;
    return (level) => {
      const picture = this.pictures.get(this.geometry.wrap(level));
      any ||= picture !== null;
      return picture ?? (any ? null : this.thumb(level));
    };
  }

  thumb(level) {
    const thumb = this.thumbs[this.geometry.wrap(level)];
    return thumb.complete && thumb.naturalWidth ? thumb : null;
  }

  /** The levels to make ready: those of the plan, then the nearest around them. */
  near(plan) {
    const shown = plan.map((layer) => layer.level).reverse();
    const [low, high] = [Math.min(...shown), Math.max(...shown)];
    const others = [];
    for (let by = 1; by <= AHEAD; by += 1) others.push(high + by, low - by);
    const there = (level) => this.geometry.loop || (level >= 0 && level < this.geometry.levels);
    return [...new Set([...shown, ...others].filter(there).map((level) => this.geometry.wrap(level)))];
  }

  /** Go where the address says: #s=position&x=&y= with x, y the distance from the way in views. */
  follow() {
    if (location.hash === this.told) return;
    const wanted = new URLSearchParams(location.hash.slice(1));
    const number = (name, most) => {
      const value = Number(wanted.get(name) ?? 0);
      return Number.isFinite(value) ? Math.min(Math.max(value, -most), most) : 0;
    };
    const position = Math.max(number("s", this.geometry.last + 16), 0);
    this.camera.jump(position, [number("x", 1e6), number("y", 1e6)]);
    this.wake();
  }

  /** Let the address tell the place, once nothing moves any more. */
  tell() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      this.told = this.place();
      if (this.told === location.hash) return;
      try {
        history.replaceState(null, "", this.told);
      } catch { // browsers that forbid this to a file from the disk
        location.replace(this.told);
      }
    }, LINK_MS);
  }

  /** The place in sight as the end of an address. */
  place() {
    const [x, y] = this.geometry.offset(this.camera.view).map((part) => Number(part.toFixed(5)) || 0);
    return `#s=${Number(this.camera.position.toFixed(5))}${x || y ? `&x=${x}&y=${y}` : ""}`;
  }
}

function ground() {
  return matchMedia("(prefers-color-scheme: light)").matches ? "#e9ebf0" : "#0b0d12";
}

const viewer = new Viewer(JSON.parse(find("scene").textContent));
