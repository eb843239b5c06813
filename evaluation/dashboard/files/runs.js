// The runs as the server tells of them, kept up to date while the page is open.

import { learn } from "./words.js";

const CALM_MS = 1500;
const BUSY_MS = 300;

export const runs = {
  rows: new Map(), // by key
  strings: [], // prompts and settings, in small letters, by number
  sweeps: [],
  damaged: {},
  reading: 0,
  root: "",
  state: "",
  known: false, // whether the server has answered at all
  lost: false, // whether it answers no more
};

const listeners = [];
export const onNews = (listener) => listeners.push(listener);

export const pathOf = (row) => row.key.split("/").map(encodeURIComponent).join("/");
export const pageOf = (row) => `/run/${pathOf(row)}`;
export const thumbOf = (row) => (row.poster ? `/thumb/${pathOf(row)}?v=${row.stamp}` : null);
export const fileOf = (row, name) => `/file/${pathOf(row)}/${name.split("/").map(encodeURIComponent).join("/")}`;

function take(news) {
  const fresh = new Set();
  if (news.whole) {
    learn(news.scores);
    runs.root = news.root;
    runs.strings = [];
    const there = new Set(news.rows.map((row) => row.key));
    for (const key of runs.rows.keys()) if (!there.has(key)) runs.rows.delete(key);
  }
  runs.strings.push(...news.strings.map((text) => text.toLowerCase()));
  for (const row of news.rows ?? []) {
    row.text = [row.story, row.id, row.key, row.variant, row.model, `seed ${row.seed}`, `seed=${row.seed}`].join("\n").toLowerCase();
    if (runs.known && !runs.rows.has(row.key)) fresh.add(row.key);
    runs.rows.set(row.key, row);
  }
  for (const key of news.gone ?? []) runs.rows.delete(key);
  if (news.sweeps) runs.sweeps = news.sweeps;
  if (news.damaged) runs.damaged = news.damaged;
  const changed = Boolean(news.whole || news.rows || news.gone || news.reading !== runs.reading || runs.lost);
  Object.assign(runs, { state: news.state, reading: news.reading, known: true, lost: false });
  if (changed) listeners.forEach((listener) => listener(fresh));
}

async function ask() {
  const news = await fetch(`/api/news?since=${encodeURIComponent(runs.state)}`, { cache: "no-store" })
    .then((answer) => (answer.ok ? answer.json() : null))
    .catch(() => null);
  if (news) return take(news);
  if (runs.lost) return null;
  runs.lost = true;
  return listeners.forEach((listener) => listener(new Set()));
}

export async function follow() {
  for (;;) {
    if (!document.hidden) await ask();
    await pause(runs.reading ? BUSY_MS : CALM_MS);
  }
}

// Shorter when somebody comes back to the page.
function pause(ms) {
  return new Promise((go) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", done);
      go();
    }
    document.addEventListener("visibilitychange", done);
  });
}

export async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Error(typeof told.detail === "string" ? told.detail : `The server answered ${answer.status}.`);
  }
  return answer;
}
