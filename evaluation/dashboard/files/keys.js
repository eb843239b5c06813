// The page by keys alone.

import { by } from "./dom.js";

const links = () => [...document.querySelectorAll("#list a.open")];
const typing = (element) => element.matches("input:not([type=checkbox], [type=radio]), select, textarea");

export function listen({ pin, compare, view, escape }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || by("help").open) return;
    const { key, target } = event;
    if (key === "Escape") return leave(event, escape);
    if (key === "ArrowDown" && target === by("q")) return move(event, 0, 0);
    if (typing(target)) return;
    if (key === "/") return taken(event, () => by("q").select());
    if (key === "?") return taken(event, () => by("help").showModal());
    if (key === "c") return taken(event, compare);
    if (["1", "2", "3"].includes(key)) return taken(event, () => view(["table", "grid", "ranking"][key - 1]));
    if (key === "p") {
      const run = target.closest("[data-key]");
      return run && taken(event, () => pin(run.dataset.key));
    }
    const steps = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] }[key];
    if (steps && (target === document.body || target.closest("#list"))) move(event, ...steps);
  });
}

function taken(event, act) {
  event.preventDefault();
  act();
}

function leave(event, escape) {
  const menu = event.target.closest("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (event.target === by("q") && by("q").value === "") by("q").blur();
  else taken(event, escape);
}

// To the next run that way: rows of a grid are found by where things stand.
function move(event, right, down) {
  const all = links();
  if (!all.length) return;
  const at = all.indexOf(event.target.closest("[data-key]")?.querySelector("a.open"));
  const next = at < 0 ? 0 : down ? vertical(all, at, down) : at + right;
  if (all[next]) taken(event, () => all[next].focus());
}

function vertical(all, at, down) {
  const here = all[at].getBoundingClientRect();
  const steps = down > 0 ? all.slice(at + 1) : all.slice(0, at).reverse();
  let best = -1;
  let nearest = Infinity;
  let level = null;
  for (const link of steps) {
    const place = link.getBoundingClientRect();
    if (Math.abs(place.top - here.top) < 4) continue;
    level ??= place.top;
    if (Math.abs(place.top - level) >= 4) break;
    if (Math.abs(place.left - here.left) < nearest) [best, nearest] = [all.indexOf(link), Math.abs(place.left - here.left)];
  }
  return best;
}
