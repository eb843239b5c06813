"use strict";
/* Plots by Vega, in the page's colours. Expressions are walked, not compiled: the page's policy knows no eval. */

/** A box that follows the pointer and tells of a mark; text only. */
const tip = {
  box: null,
  show(event, value) {
    this.box ??= document.body.appendChild(make("div", { id: "tip", role: "status", hidden: true }));
    this.box.hidden = value === null || value === undefined || value === "";
    if (this.box.hidden) return;
    const pairs = typeof value === "object" ? Object.entries(value) : [["", value]];
    this.box.replaceChildren(
      make("dl", {}, pairs.map(([name, what]) => [make("dt", {}, name.replaceAll("_", " ")), make("dd", { dir: "auto" }, String(what))])),
    );
    const { width, height } = this.box.getBoundingClientRect();
    this.box.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4))}px`;
    this.box.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18}px`;
  },
};

class Plot {
  /** host: an element. spec: Vega-Lite without data. columns: of the table that tells the same to who cannot see it. */
  constructor(host, spec, columns) {
    this.spec = spec;
    this.columns = columns;
    this.chart = make("div", { class: "chart", "aria-hidden": "true" }); // Vega gives it a role and words of its own
    this.frame = make("div", { role: "img" }, this.chart);
    // Vega-Embed clears its place through innerHTML, which the page's policy refuses; this says the same.
    Object.defineProperty(this.chart, "innerHTML", { set: () => this.chart.replaceChildren() });
    this.table = make("div");
    this.drawing = Promise.resolve();
    host.classList.add("plot");
    host.replaceChildren(this.frame, make("details", {}, make("summary", {}, "The same as a table"), this.table));
    document.addEventListener("themechange", () => this.draw());
  }

  /** Draw `rows`. words: what the plot shows, for those who do not see it. changes: of the specification. */
  show(rows, words, changes = {}) {
    this.rows = rows;
    this.changes = changes;
    this.frame.setAttribute("aria-label", words);
    this.table.replaceChildren(sortableTable(this.columns, rows, { caption: words }));
    return this.draw();
  }

  draw() {
    if (!this.rows) return this.drawing;
    this.drawing = this.drawing.then(async () => {
      if (!this.rows.length) {
        this.embedded?.finalize();
        this.embedded = null;
        this.chart.replaceChildren(make("p", { class: "faint" }, "There is nothing to show here."));
        return;
      }
      const spec = { ...structuredClone(this.spec), ...this.changes, datasets: { rows: structuredClone(this.rows) } };
      this.embedded?.finalize();
      this.embedded = await vegaEmbed(this.chart, spec, {
        mode: "vega-lite",
        ast: true,
        actions: false,
        defaultStyle: false,
        renderer: "svg",
        config: plotConfig(this.chart.clientWidth),
        tooltip: (handler, event, item, value) => tip.show(event, value),
      });
      document.documentElement.dataset.plots = Number(document.documentElement.dataset.plots ?? 0) + 1;
    });
    return this.drawing;
  }
}

/** Vega's configuration in the page's present colours. */
function plotConfig(width) {
  const [ink, faint, edge] = ["--ink", "--faint", "--edge"].map((name) => theme.colour(name));
  const font = getComputedStyle(document.body).fontFamily;
  const text = { labelColor: ink, titleColor: faint, labelFont: font, titleFont: font, labelFontSize: 12.5, titleFontSize: 12.5, titleFontWeight: 400 };
  return {
    background: "transparent",
    font,
    axis: { ...text, gridColor: edge, domainColor: edge, tickColor: edge, gridOpacity: 0.8, labelPadding: 6, labelSeparation: 6 },
    axisY: { labelLimit: Math.max(90, Math.min(260, width * 0.42)) },
    legend: { ...text, symbolSize: 90, symbolStrokeWidth: 2, rowPadding: 5, columnPadding: 18 },
    view: { stroke: null },
    rule: { color: faint },
    tick: { color: ink },
    range: { category: [0, 1, 2, 3, 4, 5, 6, 7].map((arm) => theme.colour(`--arm-${arm}`)) },
  };
}
