// Draws a view: the widest level that is needed to fill the screen, and inside it finer ones, as far as its pixels show
// them. The pictures already ease into each other at their borders and hold all finer levels, so that nothing is blended
// here. Every layer ends on whole pixels of the screen: no edge is half transparent.

const KEPT_OFF = 2; // screen pixels that a finer level keeps off its own border, where its kernel would lack neighbours
const GLOW = 6; // pixels a side of a picture of which only the colours are wanted
const BESIDE = 4; // pixels of a picture drawn beyond what is seen, for the same reason

/** The layers of a view, widest first: { level, at: where the whole level lies, seen: the whole pixels it covers }. */
function layers(geometry, view, screen) {
  let outer = view;
  while (geometry.hasWider(outer.level) && !covers(geometry.rectangle(outer, screen), screen)) {
    outer = geometry.wider(outer);
    if (view.level - outer.level > 64) break;
  }
  const found = [];
  let seen = { left: 0, top: 0, right: screen.width, bottom: screen.height };
  for (let at = outer; ; at = geometry.finer(at)) {
    const rectangle = geometry.rectangle(at, screen);
    seen = within(seen, inset(rectangle, found.length ? KEPT_OFF : 0));
    if (seen.right <= seen.left || seen.bottom <= seen.top) break;
    found.push({ level: at.level, at: rectangle, seen });
    if (rectangle.scale <= 1 || !geometry.hasFiner(at.level)) break;
  }
  return found;
}

function covers({ left, top, width, height }, screen) {
  const slack = 1e-6 * screen.width;
  return left <= slack && top <= slack && left + width >= screen.width - slack && top + height >= screen.height - slack;
}

/** The whole pixels of a rectangle, `by` off its edges. */
function inset({ left, top, width, height }, by) {
  const nudge = 1e-6;
  return {
    left: Math.ceil(left + by - nudge),
    top: Math.ceil(top + by - nudge),
    right: Math.floor(left + width - by + nudge),
    bottom: Math.floor(top + height - by + nudge),
  };
}

function within(a, b) {
  return {
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  };
}

/** The parts of `whole` outside `hole`, which lies in it: up to four. */
function around(whole, hole) {
  if (!hole) return [whole];
  return [
    { ...whole, bottom: hole.top },
    { ...whole, top: hole.bottom },
    { left: whole.left, right: hole.left, top: hole.top, bottom: hole.bottom },
    { left: hole.right, right: whole.right, top: hole.top, bottom: hole.bottom },
  ].filter((part) => part.right > part.left && part.bottom > part.top);
}

/** Draw layers whose pictures are there; `find(level)` gives a picture or null. */
function paint(context, plan, find, smoothing = "high") {
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = smoothing;
  const there = plan.map((layer) => ({ ...layer, picture: find(layer.level) })).filter((layer) => layer.picture);
  there.forEach((layer, index) => {
    for (const part of around(layer.seen, there[index + 1]?.seen)) paintPart(context, layer, part);
  });
}

function paintPart(context, { at, picture }, part) {
  // Only the part of the picture that is seen is handed on: far coordinates would lose digits in the canvas.
  const [across, down] = [picture.width / at.width, picture.height / at.height];
  const x0 = Math.max(Math.floor((part.left - at.left) * across) - BESIDE, 0);
  const y0 = Math.max(Math.floor((part.top - at.top) * down) - BESIDE, 0);
  const x1 = Math.min(Math.ceil((part.right - at.left) * across) + BESIDE, picture.width);
  const y1 = Math.min(Math.ceil((part.bottom - at.top) * down) + BESIDE, picture.height);
  if (x1 <= x0 || y1 <= y0) return;
  const [left, top] = [at.left + x0 / across, at.top + y0 / down];
  context.save();
  context.beginPath();
  context.rect(part.left, part.top, part.right - part.left, part.bottom - part.top);
  context.clip();
  context.drawImage(picture, x0, y0, x1 - x0, y1 - y0, left, top, (x1 - x0) / across, (y1 - y0) / down);
  context.restore();
}

/** Fill the screen with a glow of the colours of a small picture, where a level leaves some of it free. */
function paintGlow(context, picture, ground, screen) {
  context.fillStyle = ground;
  context.fillRect(0, 0, screen.width, screen.height);
  if (!picture) return;
  context.globalAlpha = 0.35;
  context.drawImage(blurred(picture), 0.5, 0.5, GLOW - 1, GLOW - 1, 0, 0, screen.width, screen.height);
  context.globalAlpha = 1;
}

const glows = new WeakMap();

/** A picture as some few pixels, which shown large are soft. */
function blurred(picture) {
  if (!glows.has(picture)) {
    const small = Object.assign(document.createElement("canvas"), { width: GLOW, height: GLOW });
    const context = small.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, GLOW, GLOW);
    glows.set(picture, small);
  }
  return glows.get(picture);
}
