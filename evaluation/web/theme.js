"use strict";
/* Light or dark: as the system says, until somebody says otherwise here. Pages hear of it by "themechange". */
const theme = {
  key: "tenfold-theme",
  dark: matchMedia("(prefers-color-scheme: dark)"),

  get name() {
    return document.documentElement.dataset.theme ?? (this.dark.matches ? "dark" : "light");
  },

  start() {
    try {
      const kept = localStorage.getItem(this.key);
      if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
    } catch { /* a page from disk may have no memory */ }
    this.dark.addEventListener("change", () => this.tell());
  },

  turn() {
    const next = this.name === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem(this.key, next);
    } catch { /* as above */ }
    this.tell();
  },

  tell() {
    document.dispatchEvent(new Event("themechange"));
  },

  /** A switch for it. */
  button() {
    const word = () => (this.name === "dark" ? "Light" : "Dark");
    const button = make("button", { type: "button", title: "Change between light and dark", onclick: () => this.turn() }, word());
    document.addEventListener("themechange", () => (button.textContent = word()));
    return button;
  },

  /** What a colour of the style sheet, as "--ink", is now. */
  colour(name) {
    const probe = make("span", { hidden: true });
    document.body.append(probe);
    probe.style.color = `var(${name})`;
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  },
};
theme.start();

/** Marks of arms, as the plots draw them: every arm has a shape beside its colour. */
const SHAPES = [
  "M6 1a5 5 0 1 0 0 10a5 5 0 1 0 0-10Z", "M1.5 1.5h9v9h-9Z", "M6 1L11.5 10.8H.5Z", "M6 0L11.5 6L6 12L.5 6Z",
  "M4 .5h4V4h3.5v4H8v3.5H4V8H.5V4H4Z", "M6 11L.5 1.2h11Z", "M11 6L1.2 .5v11Z", "M1 6L10.8 .5v11Z",
];
function armMark(arm) {
  const mark = make("svg", { class: "mark", viewBox: "0 0 12 12", "aria-hidden": "true" }, make("path", { d: SHAPES[arm % SHAPES.length] }));
  mark.style.color = `var(--arm-${arm % 8})`;
  return mark;
}
