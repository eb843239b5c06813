// Wheel, pointers and keys, turned into wishes of the camera.

const WHEEL = 0.0021; // log zoom per pixel of a wheel
const PINCH = 0.011; // and of a pinch on a touch pad, which comes as a wheel with ctrl
const MOST = 0.6; // of one turn of a wheel
const LINE_PX = 33;
const PAGE_PX = 300;
const TAP_MS = 320;
const TAP_PX = 24;
const SWING_MS = 90; // a finger that rested longer before it was lifted does not throw the picture
const KEY_ZOOM = 0.18;
const KEY_PAN = 0.14; // of the shorter side
const SPEEDS = [0.25, 0.5, 1, 2, 4];

/** Let wheel and pointers on `surface` move the camera; `wake` is called with each. */
function listenToPointers(surface, camera, wake) {
  const down = new Map(); // pointers on the surface, by id: [x, y]
  let [trail, tapped] = [[], { time: 0, x: 0, y: 0 }];
  const spot = (event) => {
    const box = surface.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  };

  document.addEventListener("wheel", (event) => {
    if (event.target.closest("dialog")) return; // a list scrolls
    event.preventDefault();
    const unit = [1, LINE_PX, PAGE_PX][event.deltaMode];
    const amount = -event.deltaY * unit * (event.ctrlKey ? PINCH : WHEEL);
    const about = event.target === surface ? spot(event) : [0, 0];
    camera.zoom(Math.min(Math.max(amount, -MOST), MOST), ...about);
    wake();
  }, { passive: false });

  surface.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    down.set(event.pointerId, spot(event));
    camera.stop();
    trail = [[event.timeStamp, ...spot(event)]];
    surface.classList.add("held");
    wake();
  });

  surface.addEventListener("pointermove", (event) => {
    if (!down.has(event.pointerId)) return;
    const before = grip(down);
    down.set(event.pointerId, spot(event));
    const after = grip(down);
    camera.drag(after.x - before.x, after.y - before.y);
    if (before.spread && after.spread) camera.pinch(Math.log(after.spread / before.spread), after.x, after.y);
    trail.push([event.timeStamp, after.x, after.y]);
    wake();
  });

  const lift = (event) => {
    if (!down.delete(event.pointerId)) return;
    if (down.size) {
      trail = []; // the grip changes with the number of fingers: no throw from that
      return;
    }
    surface.classList.remove("held");
    const recent = trail.filter(([time]) => event.timeStamp - time < SWING_MS);
    if (event.type === "pointerup" && recent.length > 1) {
      const [[t0, x0, y0], [t1, x1, y1]] = [recent[0], recent.at(-1)];
      if (t1 > t0) camera.release(((x1 - x0) / (t1 - t0)) * 1000, ((y1 - y0) / (t1 - t0)) * 1000);
    }
    const [x, y] = spot(event);
    const again = event.timeStamp - tapped.time < TAP_MS && Math.hypot(x - tapped.x, y - tapped.y) < TAP_PX;
    if (again) camera.zoom(event.shiftKey ? -Math.LN2 : Math.LN2, x, y);
    tapped = again ? { time: 0, x, y } : { time: event.timeStamp, x, y };
    wake();
  };
  surface.addEventListener("pointerup", lift);
  surface.addEventListener("pointercancel", lift);
}

/** Middle of the pointers, and their distance when there are two. */
function grip(pointers) {
  const [a, b] = [...pointers.values()];
  if (!b) return { x: a[0], y: a[1], spread: 0 };
  return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, spread: Math.hypot(a[0] - b[0], a[1] - b[1]) };
}

/** What a key does, by its name; `panels` are the page's own switches. */
function keyActions(camera, geometry, panels) {
  const step = () => Math.min(camera.screen.width, camera.screen.height) * KEY_PAN;
  const hop = (by) => {
    const to = by > 0 ? Math.floor(camera.position + 1e-3) + by : Math.ceil(camera.position - 1e-3) + by;
    camera.fly(geometry.loop ? to : Math.min(Math.max(to, 0), geometry.last));
  };
  return {
    "+": () => camera.zoom(KEY_ZOOM),
    "=": () => camera.zoom(KEY_ZOOM),
    "-": () => camera.zoom(-KEY_ZOOM),
    _: () => camera.zoom(-KEY_ZOOM),
    ArrowLeft: () => camera.pan(step(), 0),
    ArrowRight: () => camera.pan(-step(), 0),
    ArrowUp: () => camera.pan(0, step()),
    ArrowDown: () => camera.pan(0, -step()),
    PageDown: () => hop(1),
    PageUp: () => hop(-1),
    Home: () => camera.fly(0),
    End: () => camera.fly(geometry.loop ? geometry.last - 1 : geometry.last),
    0: () => camera.fly(camera.position),
    " ": () => camera.play(),
    Escape: () => camera.stop(),
    ",": () => panels.faster(-1),
    ".": () => panels.faster(1),
    r: () => panels.turn(),
    f: () => panels.fullScreen(),
    m: () => panels.toggleMap(),
    l: () => panels.toggle("levels"),
    i: () => panels.toggle("about"),
    c: () => panels.copyLink(),
    "?": () => panels.toggle("keys"),
  };
}

/** Let keys act wherever the focus is, except where it has a use for them itself. */
function listenToKeys(actions, wake) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || hasOwnUse(event.target, event.key)) return;
    event.preventDefault();
    action();
    wake();
  });
}

function hasOwnUse(target, key) {
  if (target.matches("select")) return true;
  if (target.closest("dialog")) return !["l", "i", "?"].includes(key.toLowerCase());
  if (target.matches("input[type=range]")) return /^(Arrow|Page|Home|End)/.test(key);
  return target.matches("button") && [" ", "Enter"].includes(key);
}
