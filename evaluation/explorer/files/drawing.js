// The plane on a canvas: each tile in sight or, until it has come, what coarser and finer ones show of it.

const FINER = 3;

/** The nearest whole number; of two the lower, so that a pixel is drawn where the pointer finds it. */
const nearest = (value) => Math.ceil(value - 0.5);

/** Draw some tiles of a plane, as the camera sees them. ratio: device pixels a CSS pixel. */
export function drawTiles(context, camera, plane, tiles, shown, ratio) {
  const { width, height } = context.canvas;
  context.clearRect(0, 0, width, height);
  for (const tile of shown) {
    const box = boxOf(camera, tile, plane.step, [width, height], ratio);
    const own = tiles.get(tile);
    if (!own?.whole) {
      drawCoarser(context, tiles, tile, box, plane.step, camera.levels);
      drawFiner(context, tiles, tile, box, FINER);
    }
    if (own) drawPart(context, own.picture, [0, 0, plane.step], box);
  }
}

/** Where a tile is on the canvas, in whole device pixels: neighbours meet without a seam. */
function boxOf(camera, tile, step, [width, height], ratio) {
  const side = BigInt(step) << BigInt(tile.level);
  const edge = (axis, index, length) => nearest(camera.place(axis, index * side) * ratio + length / 2);
  return {
    left: edge("x", tile.column, width), right: edge("x", tile.column + 1n, width),
    top: edge("y", tile.row, height), bottom: edge("y", tile.row + 1n, height),
  };
}

/** Draw a square [left, top, side] of a picture into a box; pixels that are seen singly stay square. */
function drawPart(context, picture, [left, top, side], box) {
  context.imageSmoothingEnabled = box.right - box.left < 2 * side;
  context.drawImage(picture, left, top, side, side, box.left, box.top, box.right - box.left, box.bottom - box.top);
}

function drawCoarser(context, tiles, tile, box, step, levels) {
  for (let by = 1; tile.level + by <= levels; by += 1) {
    const shift = BigInt(by);
    const above = { ...tile, level: tile.level + by, row: tile.row >> shift, column: tile.column >> shift };
    const found = tiles.get(above);
    if (!found) continue;
    const side = step / 2 ** by;
    const [row, column] = [tile.row - (above.row << shift), tile.column - (above.column << shift)];
    drawPart(context, found.picture, [Number(column) * side, Number(row) * side, side], box);
    return;
  }
}

function drawFiner(context, tiles, tile, box, deep) {
  if (tile.level === 0 || deep === 0) return;
  const [middle, centre] = [Math.round((box.top + box.bottom) / 2), Math.round((box.left + box.right) / 2)];
  for (const [dy, top, bottom] of [[0n, box.top, middle], [1n, middle, box.bottom]]) {
    for (const [dx, left, right] of [[0n, box.left, centre], [1n, centre, box.right]]) {
      const child = { ...tile, level: tile.level - 1, row: 2n * tile.row + dy, column: 2n * tile.column + dx };
      const found = tiles.get(child);
      const inner = { left, right, top, bottom };
      if (!found?.whole) drawFiner(context, tiles, child, inner, deep - 1);
      if (found) drawPart(context, found.picture, [0, 0, found.picture.width], inner);
    }
  }
}

/** Draw a frame around pixels, seen on any ground, with the rest a little darker. */
export function drawFrame(context, camera, frame, ratio) {
  const { width, height } = context.canvas;
  const edge = (axis, pixel, length) => held(nearest(camera.place(axis, pixel) * ratio + length / 2), length);
  const [left, right] = [edge("x", frame.x, width), edge("x", frame.x + frame.width, width)];
  const [top, bottom] = [edge("y", frame.y, height), edge("y", frame.y + frame.height, height)];
  context.fillStyle = "rgb(0 0 0 / 0.4)";
  context.beginPath();
  context.rect(0, 0, width, height);
  context.rect(left, top, right - left, bottom - top);
  context.fill("evenodd");
  context.lineWidth = 2 * ratio;
  for (const [colour, dash] of [["#000", []], ["#fff", [6 * ratio, 6 * ratio]]]) {
    context.strokeStyle = colour;
    context.setLineDash(dash);
    context.strokeRect(left - ratio, top - ratio, right - left + 2 * ratio, bottom - top + 2 * ratio);
  }
  context.setLineDash([]);
}

/** A place on the canvas or a little outside: lines from far away would be drawn wrongly. */
const held = (place, length) => Math.min(Math.max(place, -100), length + 100);
