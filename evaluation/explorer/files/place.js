// The end of the address: #seed=3&y=-12&x=1000&scale=0.5&model=bundled, with dy and dx for fractions of a pixel.
import { FARTHEST, NEAREST } from "./camera.js";
import { held, readWithin } from "./numbers.js";

export const MOST_SEED = 2n ** 64n - 1n;
const FRACTION = 1024;

/** What an address names; what it does not, or wrongly, is as in `usual` {model, seed, y, x}. names: of the models. */
export function readPlace(hash, names, usual) {
  const told = new URLSearchParams(hash.slice(1));
  const whole = (name, low, high) => readWithin(told.get(name) ?? "", low, high) ?? usual[name];
  const number = (name, low, high, otherwise) => {
    const value = Number(told.get(name) ?? Number.NaN);
    return Number.isFinite(value) ? held(value, low, high) : otherwise;
  };
  const model = told.has("model") ? names.indexOf(told.get("model")) : usual.model;
  return {
    model: Math.max(model, 0),
    unknown: model < 0 ? told.get("model") : null,
    seed: whole("seed", 0n, MOST_SEED),
    y: whole("y", -(2n ** 63n), 2n ** 63n - 1n),
    x: whole("x", -(2n ** 63n), 2n ** 63n - 1n),
    fy: number("dy", 0, 1 - 1 / FRACTION, 0),
    fx: number("dx", 0, 1 - 1 / FRACTION, 0),
    scale: number("scale", FARTHEST, NEAREST, 1),
  };
}

/** The inverse. */
export function writePlace(camera, seed, name) {
  const part = (fraction) => Math.floor(fraction * FRACTION) / FRACTION;
  const told = new URLSearchParams({ seed, y: camera.y, x: camera.x });
  if (part(camera.fy)) told.set("dy", part(camera.fy));
  if (part(camera.fx)) told.set("dx", part(camera.fx));
  told.set("scale", Number(camera.scale.toPrecision(6)));
  told.set("model", name);
  return `#${told}`;
}
