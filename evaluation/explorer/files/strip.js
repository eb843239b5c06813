// The contact strip: the same place on the planes of a dozen seeds, to pick from.
import { Camera } from "./camera.js";
import { drawTiles } from "./drawing.js";
import { MOST_SEED } from "./place.js";

const SEEDS = 12n;
const [WIDTH, HEIGHT] = [256, 128];

export class Strip {
  /** page: {box, list, before, after, here}. view: as in main.js. */
  constructor(page, view, levels) {
    Object.assign(this, { page, view, first: 0n, cells: [], camera: new Camera(levels) });
    Object.assign(this.camera, { width: WIDTH, height: HEIGHT });
    page.before.addEventListener("click", () => this.turn(-SEEDS));
    page.after.addEventListener("click", () => this.turn(SEEDS));
    page.here.addEventListener("click", () => this.at(view.camera));
    page.box.addEventListener("toggle", () => this.at(view.camera));
  }

  turn(by) {
    this.from(this.first + by);
    this.mark();
  }

  /** Show the seeds from one on. */
  from(seed) {
    const last = MOST_SEED - SEEDS + 1n;
    this.first = seed < 0n ? 0n : seed > last ? last : seed;
    this.cells = Array.from({ length: Number(SEEDS) }, (_, i) => this.cell(this.first + BigInt(i)));
    this.page.list.replaceChildren(...this.cells.map(({ button }) => make("li", {}, button)));
    this.view.wake();
  }

  /** Show the place in the middle of what another camera sees, pixel for pixel. */
  at(camera) {
    this.camera.edge = camera.edge;
    this.camera.jump(camera.y, camera.x);
    this.view.wake();
  }

  cell(seed) {
    const canvas = make("canvas", { width: WIDTH, height: HEIGHT, "aria-hidden": true });
    const button = make("button", { type: "button", onclick: () => this.view.choose(seed) }, canvas, make("span", {}, `Seed ${seed}`));
    return { seed, canvas, button };
  }

  /** Show the seed that is in sight among its neighbours, and mark it. */
  follow() {
    const { seed } = this.view.plane;
    if (!this.cells.length || seed < this.first || seed >= this.first + SEEDS) this.from((seed / SEEDS) * SEEDS);
    this.mark();
  }

  mark() {
    for (const cell of this.cells) {
      if (cell.seed === this.view.plane.seed) cell.button.setAttribute("aria-current", "true");
      else cell.button.removeAttribute("aria-current");
    }
  }

  tiles(cell) {
    return this.camera.tiles({ ...this.view.plane, seed: cell.seed });
  }

  /** All tiles that it wants: none while it is closed. */
  wanted() {
    return this.page.box.open ? this.cells.flatMap((cell) => this.tiles(cell)) : [];
  }

  draw(tiles) {
    if (!this.page.box.open) return;
    for (const cell of this.cells) {
      drawTiles(cell.canvas.getContext("2d"), this.camera, this.view.plane, tiles, this.tiles(cell), 1);
    }
  }
}
