// Lengths for people, as the film's own words say them; the units come with the scene.

const LARGE = [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]];
const STEPS = [1, 2, 5, 10];

class Words {
  /** units: [name, metres, least] from the widest; widths: metres at each step of the way, or null without any. */
  constructor({ units, widths, barShare }, geometry) {
    this.units = units;
    this.logs = widths && widths.map(Math.log);
    this.barShare = barShare;
    this.geometry = geometry;
  }

  /** Width in metres of the level in sight at a position, null where the story gives none. */
  width(position) {
    if (!this.logs) return null;
    const last = this.logs.length - 1;
    const level = Math.min(Math.max(Math.floor(position), 0), last);
    const [at, part] = [this.logs[level], position - level];
    return Math.exp(level < last ? at + part * (this.logs[level + 1] - at) : at - part * this.geometry.log(level));
  }

  unit(metres) {
    return this.units.find(([, size, least]) => metres >= size * least * (1 - 1e-9));
  }

  /** A length in two digits: "3.2 million light years", "12 km", "0.1 nm". */
  say(metres) {
    const unit = this.unit(Number(metres.toExponential(1)));
    if (!unit) {
      const [digits, power] = metres.toExponential(1).split("e");
      return `${digits.replace(/\.0$/, "")} × 10${raised(Number(power))} m`;
    }
    return said(Number((metres / unit[1]).toExponential(1)), unit[0]);
  }

  /** The scale bar of a view of `metres` on `pixels`: { length in pixels, text }. */
  bar(metres, pixels) {
    const longest = metres * this.barShare;
    const [name, size] = this.unit(longest) ?? ["m", 1];
    const power = 10 ** Math.floor(Math.log10((longest / size) * (1 + 1e-9)));
    const step = STEPS.map((step) => step * power).filter((step) => step * size <= longest * (1 + 1e-9)).at(-1);
    const text = name === "m" && step < 1 ? this.say(step) : said(Number(step.toPrecision(2)), name);
    return { length: ((step * size) / metres) * pixels, text };
  }
}

function said(number, unit) {
  const [size, word] = LARGE.find(([size]) => number >= size) ?? [1, ""];
  const count = number / size;
  const digits = count >= 10 ? count.toLocaleString("en", { maximumFractionDigits: 0 }) : String(Number(count.toPrecision(2)));
  const name = number === 1 && unit === "light years" ? "light year" : unit;
  return [digits, word, name].filter(Boolean).join(" ");
}

function raised(number) {
  return String(number).replace(/./g, (sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign] ?? "⁻");
}
