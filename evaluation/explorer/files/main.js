import { Camera } from "./camera.js";
import { drawFrame, drawTiles } from "./drawing.js";
import { Frame } from "./frame.js";
import { listenToKeys, listenToPointers } from "./gestures.js";
import { grouped, readWhole, readWithin } from "./numbers.js";
import { MOST_SEED, readPlace, writePlace } from "./place.js";
import { Strip } from "./strip.js";
import { Tiles } from "./tiles.js";

const REST_MS = 250;
const ANY = 1_000_000;

class Explorer {
  constructor({ models, levels, start }) {
    this.models = models.map((model) => ({ ...model, most: BigInt(model.most) }));
    this.usual = { model: 0, seed: BigInt(start.seed), y: BigInt(start.y), x: BigInt(start.x) };
    this.canvas = byId("view");
    this.context = this.canvas.getContext("2d");
    this.camera = new Camera(levels);
    this.tiles = new Tiles(() => this.wake(), (words) => this.notice(words));
    this.seed = this.usual.seed;
    this.model = 0;
    this.frame = new Frame(panel(), this);
    this.strip = new Strip({ box: byId("strip"), list: byId("seeds"), before: byId("before"), after: byId("after"), here: byId("here") }, this, levels);
    this.fill();
    this.listen();
    this.resize();
    this.follow();
  }

  /** The plane in sight. word: how a shell takes its model; usual: whether commands take it unasked. */
  get plane() {
    const { step, most, word, name } = this.models[this.model];
    return { model: this.model, seed: this.seed, step, most, word, usual: name === "bundled" };
  }

  get drawing() {
    return this.frame.drawing;
  }

  fill() {
    byId("model").append(...this.models.map(({ name }, i) => make("option", { value: i }, name)));
    byId("tools").append(theme.button());
    byId("strip").open = innerHeight >= 640 && innerWidth > 720; // else the picture would be small
  }

  listen() {
    listenToPointers(this.canvas, this);
    const turn = (by) => () => this.choose(this.seed + by);
    const others = { n: turn(1n), p: turn(-1n), f: () => this.frame.turn(), g: () => byId("at").focus(), "?": () => byId("help").showModal() };
    listenToKeys(this.canvas, this.camera, others, () => this.wake());
    byId("model").addEventListener("change", () => this.use(Number(byId("model").value)));
    byId("seed").addEventListener("change", () => this.chooseTold());
    byId("next").addEventListener("click", turn(1n));
    byId("previous").addEventListener("click", turn(-1n));
    byId("any").addEventListener("click", () => this.choose(BigInt(Math.floor(Math.random() * ANY))));
    byId("go").addEventListener("submit", (event) => this.go(event));
    for (const [id, factor] of [["in", 2], ["out", 0.5]]) byId(id).addEventListener("click", () => this.zoom(factor));
    byId("one").addEventListener("click", () => this.zoom(1 / this.camera.scale));
    byId("keys").addEventListener("click", () => byId("help").showModal());
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    addEventListener("hashchange", () => this.follow());
    document.addEventListener("themechange", () => this.wake());
  }

  resize() {
    this.ratio = devicePixelRatio || 1;
    const box = this.canvas.getBoundingClientRect();
    Object.assign(this.camera, { width: box.width, height: box.height });
    Object.assign(this.canvas, { width: Math.round(box.width * this.ratio), height: Math.round(box.height * this.ratio) });
    this.draw();
    this.wake();
  }

  zoom(factor) {
    this.camera.zoom(factor);
    this.wake();
  }

  /** Look at another seed's plane, at the same place. */
  choose(seed) {
    this.seed = seed < 0n ? 0n : seed > MOST_SEED ? MOST_SEED : seed;
    this.settled();
  }

  chooseTold() {
    const seed = readWithin(byId("seed").value, 0n, MOST_SEED);
    this.notice(seed === null ? `A seed is a whole number from 0 to ${MOST_SEED}.` : "");
    if (seed !== null) this.choose(seed);
  }

  /** Look at the planes of another model. */
  use(model) {
    this.model = model;
    this.camera.edge = this.plane.most * BigInt(this.plane.step);
    this.camera.move(0, 0);
    this.settled();
  }

  /** Show in the boxes what is chosen. */
  settled() {
    byId("seed").value = String(this.seed);
    byId("model").value = String(this.model);
    this.strip.follow();
    this.frame.tell();
    this.wake();
  }

  /** Go where the box says. */
  go(event) {
    event.preventDefault();
    const [y, x, ...more] = byId("at").value.split(",").map(readWhole);
    const told = more.length === 0 && y !== null && x !== null && y !== undefined && x !== undefined;
    this.notice(told ? "" : "Say where to go as Y,X in pixels, such as -128,1000; row 0 is the horizon.");
    if (!told) return;
    this.camera.jump(y, x);
    if (this.camera.y !== y || this.camera.x !== x) this.notice("That is beyond the plane's end; this is as far as it goes.");
    this.wake();
  }

  /** Draw soon. */
  wake() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.draw();
      this.tell();
    });
  }

  draw() {
    const shown = this.camera.tiles(this.plane);
    this.tiles.want([...shown, ...this.strip.wanted()]);
    drawTiles(this.context, this.camera, this.plane, this.tiles, shown, this.ratio);
    if (this.frame.window) drawFrame(this.context, this.camera, this.frame.window, this.ratio);
    this.strip.draw(this.tiles);
    const [painted, all] = this.tiles.count(shown);
    this.whole = painted === all;
    byId("progress").textContent = this.whole ? "" : `${grouped(painted)} of ${grouped(all)} tiles are painted`;
    byId("scale").textContent = scaleWords(this.camera.scale);
    if (!this.over) this.pointer(null);
  }

  /** Tell the pixel under a place of the screen, or in the middle where there is no pointer. */
  pointer(place) {
    this.over = place;
    const { y, x } = this.camera.at(...(place ?? [0, 0]));
    byId("pixel").textContent = `${y},${x}`;
    byId("where").textContent = place ? "Under the pointer" : "In the middle";
  }

  marked(from, to, done) {
    this.frame.draw(from, to, done);
  }

  /** Let the address and the screen reader tell the place, once it has not changed for a moment. */
  tell() {
    const hash = this.place();
    if (hash === this.coming) return;
    this.coming = hash;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      this.told = hash;
      if (hash !== location.hash) history.replaceState(null, "", hash);
      byId("live").textContent = `Row ${this.camera.y}, column ${this.camera.x}, seed ${this.seed}, ${scaleWords(this.camera.scale)}`;
    }, REST_MS);
  }

  place() {
    return writePlace(this.camera, this.seed, this.models[this.model].name);
  }

  /** Go where the address says. */
  follow() {
    if (location.hash && location.hash === this.told) return;
    this.coming = undefined;
    const told = readPlace(location.hash, this.models.map(({ name }) => name), this.usual);
    if (told.unknown !== null) this.notice(`There is no model ${told.unknown} here. Name it with --model.`);
    this.seed = told.seed;
    this.camera.scale = told.scale;
    this.use(told.model);
    this.camera.jump(told.y, told.x, told.fy, told.fx);
    this.strip.at(this.camera);
  }

  notice(words) {
    if (byId("notice").textContent !== words) byId("notice").textContent = words;
    byId("notice").hidden = !words;
  }
}

function scaleWords(scale) {
  const many = (value) => String(Number(value.toPrecision(3)));
  if (scale === 1) return "pixel for pixel";
  return scale > 1 ? `each pixel ${many(scale)} wide` : `${many(1 / scale)} pixels of the plane in one`;
}

function panel() {
  const fields = Object.fromEntries(["y", "x", "width", "height"].map((name) => [name, byId(`frame-${name}`)]));
  const [box, button, draw, sight, close] = ["frame", "frame-open", "frame-draw", "frame-sight", "frame-close"].map(byId);
  return { panel: box, button, draw, sight, close, fields, error: byId("frame-error"), commands: byId("commands") };
}

globalThis.explorer = new Explorer(await (await fetch("/api/planes")).json());
