// The small map: a wider view of the same place, and in it the part that is on the screen.

const WIDER = Math.log(6); // how much wider the map looks, where there is more to see
const MAP_PX = 168;
const MAP_NARROW_PX = 108;

class Overview {
  constructor(geometry, camera, wake) {
    Object.assign(this, { geometry, camera, canvas: find("map") });
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.listen(wake);
  }

  /** The map's view of a view, and its screen. */
  look(view) {
    const { geometry } = this;
    const screen = { width: this.canvas.width, height: this.canvas.height };
    const wide = geometry.settled({ ...view, zoom: view.zoom - WIDER });
    return { screen, wide: geometry.held(wide, screen) };
  }

  resize(ratio) {
    const { geometry } = this;
    const longest = innerWidth < 640 ? MAP_NARROW_PX : MAP_PX;
    const scale = longest / Math.max(geometry.width, geometry.height);
    const [width, height] = [geometry.width * scale, geometry.height * scale];
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
  }

  /** Draw the map; the part `seen` of it that is on the screen is lighter and framed. */
  draw(pictures) {
    const { camera, geometry, context } = this;
    const { screen, wide } = this.look(camera.view);
    paint(context, layers(geometry, wide, screen), pictures, "medium");
    const seen = this.seen(wide, screen);
    context.fillStyle = "rgb(0 0 0 / 0.4)";
    context.beginPath();
    context.rect(0, 0, screen.width, screen.height);
    context.rect(...seen);
    context.fill("evenodd");
    const line = Math.max(Math.round(screen.width / 110), 1);
    context.lineWidth = line;
    context.strokeStyle = "#fff";
    context.strokeRect(seen[0] - line / 2, seen[1] - line / 2, seen[2] + line, seen[3] + line);
  }

  seen(wide, screen) {
    const { camera, geometry } = this;
    const inWide = geometry.from(wide.level, camera.view);
    const [map, full] = [geometry.rectangle(wide, screen), geometry.rectangle(inWide, camera.screen)];
    const scale = map.width / full.width;
    const [width, height] = [camera.screen.width * scale, camera.screen.height * scale];
    return [map.left + inWide.x * map.width - width / 2, map.top + inWide.y * map.height - height / 2, width, height];
  }

  /** Let a finger on the map lead the view there. */
  listen(wake) {
    const lead = (event) => {
      if (!event.buttons) return;
      const [box, { screen, wide }] = [this.canvas.getBoundingClientRect(), this.look(this.camera.view)];
      const [x, y, width, height] = this.seen(wide, screen);
      const ratio = screen.width / box.width;
      const [dx, dy] = [(event.clientX - box.left) * ratio - x - width / 2, (event.clientY - box.top) * ratio - y - height / 2];
      const scale = this.camera.screen.width / width;
      this.camera.stop();
      this.camera.pan(-dx * scale, -dy * scale);
      wake();
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      lead(event);
    });
    this.canvas.addEventListener("pointermove", lead);
  }
}
