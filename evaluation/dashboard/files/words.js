// How things are called and written.

const known = new Map();

export function learn(scores) {
  scores.forEach((score, place) => known.set(score.name, { ...score, place }));
}

// What is known of a column: a score, and after "|" the model that gave it.
export function column(name) {
  const [score, ...scorer] = name.split("|");
  const entry = known.get(score) ?? { title: score, better: null, unit: "", about: "", place: known.size };
  return { ...entry, name, score, scorer: scorer.join("|") };
}

export function inOrder(names) {
  const all = names.map(column);
  all.sort((a, b) => a.place - b.place || a.name.localeCompare(b.name));
  return all.map((one) => one.name);
}

const ARROWS = { higher: "↑", lower: "↓", one: "→1" };
const BETTER = { higher: "higher is better", lower: "lower is better", one: "near to 1 is best" };

export const arrow = (name) => ARROWS[column(name).better] ?? "";

export function explained(name) {
  const { title, about, better, unit, scorer } = column(name);
  const parts = [about || title, BETTER[better] ?? "describes, does not judge"];
  return [parts.join("; "), unit && `unit: ${unit}`, scorer && `given by ${scorer}`].filter(Boolean).join("; ");
}

// How good a value is: what is larger is better; null where the score does not judge.
export function goodness(name, value) {
  const { better } = column(name);
  if (better === "higher") return value;
  if (better === "lower") return -value;
  return better === "one" ? -Math.abs(Math.log(Math.max(value, 1e-6))) : null;
}

export function number(value, size = Math.abs(value)) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const digits = size >= 100 ? 1 : size >= 10 ? 2 : size >= 0.01 ? 3 : 5;
  return value.toFixed(digits).replace("-", "−");
}

const DAY = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export const day = (seconds) => DAY.format(new Date(seconds * 1000));
export const time = (seconds) => TIME.format(new Date(seconds * 1000));

// The local day as YYYY-MM-DD, as date fields have it.
export function isoDay(seconds) {
  const date = new Date(seconds * 1000);
  const two = (part) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString()} ${n === 1 ? one : many}`;
