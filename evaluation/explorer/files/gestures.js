// Wheel, pointers and keys on the canvas, turned into moves of the camera.

const WHEEL = 0.0021; // log scale a pixel of a wheel
const PINCH = 0.011; // and of a pinch on a touch pad, which comes as a wheel with ctrl
const MOST = 0.6;
const UNITS = [1, 33, 300];
const TAP_MS = 320;
const TAP_PX = 24;
const KEY_PAN = 0.14; // of the shorter side

/** view: {camera, wake(), pointer(place or null), drawing, marked(from, to)}. */
export function listenToPointers(surface, view) {
  const { camera } = view;
  const down = new Map();
  let [began, tapped] = [null, { time: 0, x: 0, y: 0 }];
  const spot = (event) => {
    const box = surface.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  };

  surface.addEventListener("wheel", (event) => {
    event.preventDefault();
    const amount = -event.deltaY * UNITS[event.deltaMode] * (event.ctrlKey ? PINCH : WHEEL);
    camera.zoom(Math.exp(Math.min(Math.max(amount, -MOST), MOST)), ...spot(event));
    view.wake();
  }, { passive: false });

  surface.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    down.set(event.pointerId, spot(event));
    began = down.size === 1 && (view.drawing || event.shiftKey) ? camera.at(...spot(event)) : null;
    surface.classList.toggle("held", !began);
  });

  surface.addEventListener("pointermove", (event) => {
    view.pointer(spot(event));
    if (!down.has(event.pointerId)) return;
    const before = grip(down);
    down.set(event.pointerId, spot(event));
    if (began) {
      view.marked(began, camera.at(...spot(event)), false);
      return;
    }
    const after = grip(down);
    camera.drag(after.x - before.x, after.y - before.y);
    if (before.spread && after.spread) camera.zoom(after.spread / before.spread, after.x, after.y);
    view.wake();
  });

  const lift = (event) => {
    if (!down.delete(event.pointerId)) return;
    surface.classList.toggle("held", down.size > 0);
    if (began && event.type === "pointerup") view.marked(began, camera.at(...spot(event)), true);
    else if (event.type === "pointerup" && !down.size) tap(event, ...spot(event));
    began = null;
  };
  const tap = (event, x, y) => {
    const again = event.timeStamp - tapped.time < TAP_MS && Math.hypot(x - tapped.x, y - tapped.y) < TAP_PX;
    if (again) camera.zoom(event.shiftKey ? 0.5 : 2, x, y);
    tapped = again ? { time: 0, x, y } : { time: event.timeStamp, x, y };
    view.wake();
  };
  surface.addEventListener("pointerup", lift);
  surface.addEventListener("pointercancel", lift);
  surface.addEventListener("pointerleave", () => view.pointer(null));
}

/** Middle of the pointers, and their distance when there are two. */
function grip(pointers) {
  const [a, b] = [...pointers.values()];
  if (!b) return { x: a[0], y: a[1], spread: 0 };
  return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, spread: Math.hypot(a[0] - b[0], a[1] - b[1]) };
}

/** Keys, heard while the canvas has the focus. others: {key: action}. */
export function listenToKeys(surface, camera, others, wake) {
  const step = () => KEY_PAN * Math.min(camera.width, camera.height);
  const actions = {
    ArrowLeft: () => camera.drag(step(), 0),
    ArrowRight: () => camera.drag(-step(), 0),
    ArrowUp: () => camera.drag(0, step()),
    ArrowDown: () => camera.drag(0, -step()),
    PageUp: () => camera.drag(0, camera.height),
    PageDown: () => camera.drag(0, -camera.height),
    "+": () => camera.zoom(Math.SQRT2),
    "=": () => camera.zoom(Math.SQRT2),
    "-": () => camera.zoom(Math.SQRT1_2),
    1: () => camera.zoom(1 / camera.scale),
    Home: () => camera.jump(0n, camera.x, 0, camera.fx),
    ...others,
  };
  surface.addEventListener("keydown", (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? null : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
    wake();
  });
}
