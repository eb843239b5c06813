import { floorDiv, held } from "./numbers.js";

export const FARTHEST = 1 / 32;
export const NEAREST = 16;

/**
 * What is in sight: the point of the plane in the middle of the screen, and the scale in screen pixels a plane pixel.
 * A point is a pixel, as BigInt, and a fraction of one. Screen places are CSS pixels from the middle.
 */
export class Camera {
  constructor(levels) {
    Object.assign(this, { levels, y: 0n, x: 0n, fy: 0, fx: 0, scale: 1, width: 1, height: 1, edge: 2n ** 62n });
  }

  /** Go to a pixel; its upper left corner is the middle then. */
  jump(y, x, fy = 0, fx = 0) {
    Object.assign(this, { y, x, fy, fx });
    this.move(0, 0);
  }

  /** Move by plane pixels. */
  move(dy, dx) {
    [this.y, this.fy] = this.along(this.y, this.fy + dy);
    [this.x, this.fx] = this.along(this.x, this.fx + dx);
  }

  along(pixel, by) {
    const whole = Math.floor(by);
    const [next, fraction] = [pixel + BigInt(whole), by - whole];
    const kept = held(next, -this.edge, this.edge - 1n);
    return kept === next ? [next, fraction] : [kept, 0];
  }

  /** Let the plane follow a hand. */
  drag(right, down) {
    this.move(-down / this.scale, -right / this.scale);
  }

  /** Change the scale; what is at that place of the screen stays there. */
  zoom(factor, right = 0, down = 0) {
    const scale = held(this.scale * factor, FARTHEST, NEAREST);
    const by = 1 / this.scale - 1 / scale;
    this.scale = scale;
    this.move(down * by, right * by);
  }

  /** The pixel {y, x} at a place of the screen. */
  at(right, down) {
    return {
      y: this.y + BigInt(Math.floor(this.fy + down / this.scale)),
      x: this.x + BigInt(Math.floor(this.fx + right / this.scale)),
    };
  }

  /** Where a point of the plane is on the screen: of rows with "y", of columns with "x". */
  place(axis, pixel) {
    return (Number(pixel - this[axis]) - this[`f${axis}`]) * this.scale;
  }

  /** The level whose tiles are shown: as fine as the screen, or up to twice as fine. */
  get level() {
    return held(Math.floor(Math.log2(1 / this.scale) + 1e-9), 0, this.levels);
  }

  /** The tiles in sight, nearest to the middle first. plane: {model, seed, step, most}. */
  tiles(plane) {
    const { level } = this;
    const side = plane.step * 2 ** level;
    const rows = this.span("y", this.height, side, plane.most >> BigInt(level));
    const columns = this.span("x", this.width, side, plane.most >> BigInt(level));
    const found = rows.flatMap((row) =>
      columns.map((column) => ({
        model: plane.model, seed: plane.seed, level, row: row.tile, column: column.tile,
        far: Math.hypot(row.far, column.far),
      })),
    );
    return found.sort((a, b) => a.far - b.far);
  }

  span(axis, length, side, most) {
    const here = floorDiv(this[axis], BigInt(side));
    const inside = Number(this[axis] - here * BigInt(side)) + this[`f${axis}`];
    const reach = length / 2 / this.scale;
    const found = [];
    for (let i = Math.floor((inside - reach) / side); i * side < inside + reach; i += 1) {
      const tile = here + BigInt(i);
      if (tile >= -most && tile < most) found.push({ tile, far: (i + 0.5) * side - inside });
    }
    return found;
  }
}
