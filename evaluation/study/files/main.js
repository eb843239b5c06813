"use strict";
/* The way through a study: welcome, pair after pair, thanks. Where one is, the server knows: a page that is opened anew
   goes on there. */

const PAGES = ["welcome", "trial", "done", "trouble"];
const HEADS = { welcome: "greeting", trial: "question", done: "thanks", trouble: "what" };
const way = { id: null, outline: null, state: null, open: false };

function turn(to) {
  PAGES.forEach((name) => (byId(name).hidden = name !== to));
  byId(HEADS[to]).focus({ preventScroll: true });
  scrollTo(0, 0);
}

const client = () =>
  `${innerWidth < 620 ? "narrow" : "wide"} ${matchMedia("(pointer: coarse)").matches ? "touch" : "mouse"}`;

const memory = {
  get key() { return `tenfold-study-${way.outline.study}`; },
  read() { try { return localStorage.getItem(this.key); } catch { return null; } },
  keep(id) { try { localStorage.setItem(this.key, id); } catch { /* the address keeps it too */ } },
};

async function arrive() {
  turn("trouble");
  byId("trouble").hidden = true;
  try {
    way.outline = await ask("/api/study");
    const linked = location.pathname.match(/^\/p\/([^/]+)$/);
    way.id = linked ? decodeURIComponent(linked[1]) : memory.read();
    if (way.id) way.state = await ask(`/api/people/${encodeURIComponent(way.id)}`).catch((error) => forget(error, linked));
    if (!way.id && !way.outline.admits) return stuck("This study is by invitation: open the link that you were given.", false);
    if (way.state && !way.state.trial) return finish();
    welcome();
  } catch (error) {
    stuck(error instanceof Refused ? error.message : "The server could not be reached.", !(error instanceof Refused));
  }
}

/** An id that this browser has kept may be of a study that is no more: then one begins anew. One in a link may not. */
function forget(error, linked) {
  if (linked || !(error instanceof Refused) || error.status !== 404) throw error;
  way.id = null;
  return null;
}

function welcome() {
  const { total, minutes, question } = way.outline;
  const done = way.state?.done ?? 0;
  byId("count").textContent = total;
  byId("minutes").textContent = minutes === 1 ? "a minute" : `${minutes} minutes`;
  byId("asked").textContent = question;
  byId("greeting").textContent = done ? `Welcome back: ${done} of ${total} are done` : "Which of two films?";
  byId("begin").textContent = done ? "Go on" : "Begin";
  turn("welcome");
}

async function begin() {
  byId("begin").disabled = true;
  try {
    if (!way.id) {
      way.id = (await ask("/api/people", {})).id;
      memory.keep(way.id);
      history.replaceState(null, "", `/p/${encodeURIComponent(way.id)}`);
    }
    way.state ??= await ask(`/api/people/${encodeURIComponent(way.id)}`);
    next();
  } catch (error) {
    stuck(error instanceof Refused ? error.message : "The server could not be reached.", true);
  } finally {
    byId("begin").disabled = false;
  }
}

function next() {
  const { trial, done, total } = way.state;
  if (!trial) return finish();
  byId("question").textContent = way.outline.question;
  byId("place").textContent = `${done + 1} of ${total}`;
  Object.assign(byId("bar"), { max: total, value: done });
  say("Watch both films to their end.");
  permit(false);
  turn("trial");
  pair.show(trial, way.outline.fps, seen, failed);
  pair.expect(way.state.next);
}

function seen() {
  permit(true);
  say("Now choose one. There is no hurry.");
}

function failed() {
  pair.stop();
  stuck("A film could not be loaded.", true);
}

function permit(open) {
  way.open = open;
  for (const side of SIDES) {
    byId(`choose-${side}`).disabled = !open;
    if (open) byId(`choose-${side}`).classList.remove("chosen");
  }
}

async function choose(side) {
  if (!way.open) return;
  const answer = { place: way.state.trial.place, side, ...pair.told, client: client() };
  permit(false);
  byId(`choose-${side}`).classList.add("chosen");
  say("Saving …");
  try {
    const path = `/api/people/${encodeURIComponent(way.id)}/answers`;
    way.state = await insist(path, answer, () => say("No connection. Your answer is kept here and sent as soon as there is one.", true));
  } catch (error) {
    if (error.status !== 409) return stuck(error.message, true);
    way.state = error.said.state; // another window was quicker: go on where that one is
  }
  SIDES.forEach((one) => byId(`choose-${one}`).classList.remove("chosen"));
  next();
}

function finish() {
  pair.stop();
  byId("given").textContent = way.state.total;
  turn("done");
}

function stuck(why, again) {
  byId("why").textContent = why;
  byId("retry").hidden = !again;
  turn("trouble");
}

function say(words, wrong = false) {
  byId("word").textContent = words;
  byId("word").classList.toggle("wrong", wrong);
}

const KEYS = { 1: "left", ArrowLeft: "left", 2: "right", ArrowRight: "right" };

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const onButton = event.target instanceof HTMLButtonElement;
  if (!byId("welcome").hidden && event.key === "Enter" && !onButton) return begin();
  if (byId("trial").hidden) return;
  if (event.key in KEYS) choose(KEYS[event.key]);
  else if (event.key === " " && !onButton) pair.toggle();
  else if (event.key === "r" || event.key === "R") pair.again();
  else return;
  event.preventDefault();
}

addEventListener("keydown", pressed);
document.addEventListener("visibilitychange", () => document.hidden && pair.steps?.playing && pair.toggle());
byId("begin").addEventListener("click", begin);
byId("retry").addEventListener("click", arrive);
byId("pause").addEventListener("click", () => pair.toggle());
byId("again").addEventListener("click", () => pair.again());
SIDES.forEach((side) => byId(`choose-${side}`).addEventListener("click", () => choose(side)));
arrive();
