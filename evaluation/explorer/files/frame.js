// The marked frame: a window of the plane, and the commands that make something of it.
import { readWithin } from "./numbers.js";

const MOST_SIDE = 2n ** 31n - 1n;
const PLACES = 2n ** 63n;
const MOST_ZOOMED = 2n ** 63n - 1n; // runs keep their seeds in tables of signed numbers

/** The commands for a window {y, x, height, width} of a plane {seed, word, usual}: to render it and, where a zoom takes
 * its seed, to zoom from its middle. */
export function commands(frame, plane) {
  const model = plane.usual ? "" : ` --model ${plane.word}`;
  const middle = `${frame.y + frame.height / 2n},${frame.x + frame.width / 2n}`;
  const render = `tenfold infinity render --origin ${frame.y},${frame.x} --size ${frame.width}x${frame.height} --seed ${plane.seed}${model}`;
  const zoom = `tenfold zoom STORY --method infinity --seed ${plane.seed} --set "sampling.at=[${middle}]"${model}`;
  return plane.seed > MOST_ZOOMED ? [render] : [render, zoom];
}

export class Frame {
  /** page: {panel, button, draw, sight, close, fields: {y, x, width, height}, error, commands}. view: as in main.js. */
  constructor(page, view) {
    Object.assign(this, { page, view, window: null, drawing: false });
    page.button.addEventListener("click", () => this.turn());
    page.close.addEventListener("click", () => this.turn());
    page.sight.addEventListener("click", () => this.set(this.inSight(1)));
    page.draw.addEventListener("click", () => this.letDraw(!this.drawing));
    for (const field of Object.values(page.fields)) field.addEventListener("input", () => this.read());
  }

  /** Show the frame, about the middle of what is in sight, or take it away. */
  turn() {
    const shows = this.page.panel.hidden;
    this.page.panel.hidden = !shows;
    this.page.button.setAttribute("aria-expanded", String(shows));
    this.letDraw(false);
    this.set(shows ? this.inSight(0.5) : null);
    (shows ? this.page.fields.y : this.page.button).focus();
  }

  letDraw(drawing) {
    this.drawing = drawing;
    this.page.draw.setAttribute("aria-pressed", String(drawing));
  }

  inSight(share) {
    const { camera } = this.view;
    const [right, down] = [(camera.width / 2) * share, (camera.height / 2) * share];
    return spanned(camera.at(-right, -down), camera.at(right - 1e-6, down - 1e-6));
  }

  /** A frame drawn by hand, from pixel to pixel. */
  draw(from, to, done) {
    if (this.page.panel.hidden) {
      this.page.panel.hidden = false;
      this.page.button.setAttribute("aria-expanded", "true");
    }
    this.set(spanned(from, to));
    if (done) this.letDraw(false);
  }

  set(window) {
    this.window = window;
    for (const [name, field] of Object.entries(this.page.fields)) {
      field.value = window ? String(window[name]) : "";
      field.removeAttribute("aria-invalid");
    }
    this.page.error.textContent = "";
    this.tell();
  }

  /** Take what the fields say. */
  read() {
    const read = {};
    for (const [name, field] of Object.entries(this.page.fields)) {
      const place = name === "y" || name === "x";
      read[name] = place ? readWithin(field.value, -PLACES, PLACES - 1n) : readWithin(field.value, 1n, MOST_SIDE);
      if (read[name] === null) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
    const wrong = Object.values(read).includes(null);
    this.page.error.textContent = wrong ? "Places are whole numbers of 64 bits, sides from 1 to 2147483647." : "";
    this.window = wrong ? null : read;
    this.tell();
  }

  /** Write the commands anew: for another frame, seed or model. */
  tell() {
    const lines = this.window ? commands(this.window, this.view.plane) : [];
    this.page.commands.replaceChildren(...lines.map(line));
    this.view.wake();
  }
}

/** The window of two pixels and all between them. */
function spanned(a, b) {
  const [y, x] = [a.y < b.y ? a.y : b.y, a.x < b.x ? a.x : b.x];
  return { y, x, height: (a.y < b.y ? b.y : a.y) - y + 1n, width: (a.x < b.x ? b.x : a.x) - x + 1n };
}

/** A command with a button that copies it. */
function line(text) {
  const code = make("code", { tabindex: 0 }, text);
  const button = make("button", { type: "button", "aria-label": `Copy: ${text.slice(0, 40)}`, onclick: () => copy(text, code, button) }, "Copy");
  return make("li", {}, code, button);
}

/** Copy, or where the browser forbids that (pages from the network), select. */
async function copy(text, code, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
  }
}
