"use strict";
/* The page is put together, and follows what is chosen. */
const SCOPES = { level: "Levels", pair: "Pairs of levels", video: "Films", set: "Sets of pictures" };

function scorePicker(changed) {
  const entry = (score) => [scene.scores.indexOf(score), score.title];
  const first = scene.scores.filter((score) => score.decides);
  const rest = grouped(scene.scores.filter((score) => !score.decides), (score) => SCOPES[score.scope] ?? score.scope);
  const groups = [...(first.length ? [["These decide", first.map(entry)]] : []), ...rest.map(([name, scores]) => [name, scores.map(entry)])];
  return picker("Score", groups, state.score, (value) => {
    state.score = Number(value);
    changed();
  });
}

function start() {
  const plots = embedded("plots");
  byId("title").textContent = scene.title;
  byId("asks").textContent = scene.asks;
  byId("reading").textContent = scene.reading;
  byId("tools").append(theme.button());
  byId("facts").append(...scene.facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", { dir: "auto" }, value)]));
  byId("notes").append(...scene.notes.map((note) => make("li", { dir: "auto" }, note)));

  // The sections' own links would take the place of what is chosen in the address.
  document.querySelectorAll('nav a, a.skip').forEach((link) =>
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const section = byId(link.getAttribute("href").slice(1));
      section.scrollIntoView();
      section.focus({ preventScroll: true });
    }),
  );
  state.read();
  const settled = (...works) => {
    state.write();
    return (page.ready = Promise.all(works.map((work) => work())).then(() => films.ready));
  };
  const ranking = rankingSection(plots);
  const scores = scoresSection(plots, () => settled(scores));
  const looked = () => settled(sheets, () => films.show());
  const sheets = sheetsSection(looked);
  const films = filmsSection((only) => (only ? settled(() => films.refresh()) : looked()));
  setsSection();
  const settings = settingsSection(() => settled(settings));
  const runs = runsSection();
  const scored = () => settled(ranking, scores, runs);
  byId("score-picker").replaceChildren(scorePicker(scored));
  const page = { lockstep: films.lockstep, ready: null };
  window.tenfold = page; // for those who look at the page from outside
  settled(ranking, scores, sheets, () => films.show(), settings, runs);
}
start();
