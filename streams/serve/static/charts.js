// Bars and lines on uPlot: hover, click and arrow keys lead to the events of an interval.

import { el } from "./dom.js";
import { stretch } from "./format.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const all = new Set();

// Colours are read when a chart is made, so a change of theme makes them anew.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all.forEach((chart) => chart.remake()));

// Sparse columns become one slot an interval; null where nothing came.
export function dense({ from, to, seconds, points }, names) {
  const step = seconds * 1000, first = Math.floor(from / step) * step;
  const slots = Math.max(1, Math.ceil((to - first) / step));
  const x = Array.from({ length: slots }, (_, i) => (first + i * step) / 1000);
  const columns = names.map(() => new Array(slots).fill(null));
  points.start_ms.forEach((start, row) => {
    const slot = Math.floor((start - first) / step);
    if (slot >= 0 && slot < slots) names.forEach((name, i) => (columns[i][slot] = points[name][row]));
  });
  return { x, columns, step: seconds };
}

// Joins neighbouring intervals until there are few; a mean weighs each by the events that have a sentiment.
export function coarser(trend, most) {
  const slots = (trend.to - trend.from) / 1000 / trend.seconds, factor = Math.ceil(slots / most);
  if (factor <= 1) return trend;
  const seconds = trend.seconds * factor, joined = new Map();
  trend.points.start_ms.forEach((start, i) => {
    const at = Math.floor(start / 1000 / seconds) * seconds * 1000;
    const into = joined.get(at) ?? { weight: 0, sum: 0, events: 0 };
    const weight = trend.points.negative[i] + trend.points.neutral[i] + trend.points.positive[i];
    into.weight += weight; into.sum += (trend.points.sentiment[i] ?? 0) * weight; into.events += trend.points.events[i];
    joined.set(at, into);
  });
  const rows = [...joined].sort((a, b) => a[0] - b[0]);
  return { ...trend, seconds, points: {
    start_ms: rows.map(([at]) => at), events: rows.map(([, r]) => r.events),
    sentiment: rows.map(([, r]) => (r.weight ? r.sum / r.weight : null)),
  } };
}

export class Chart {
  // series: [{name, color: "--news", kind: "bars"|"line", show: value => text}]
  constructor(node, { label, open, height, range }) {
    Object.assign(this, { node, label, open, height, range });
    this.tip = el("div", { class: "tip", hidden: true });
    this.said = el("p", { class: "unseen", "aria-live": "polite" });
    this.node.tabIndex = 0;
    this.node.setAttribute("role", "group");
    this.node.addEventListener("keydown", (event) => this.key(event));
    this.node.addEventListener("focusout", () => this.plot?.setCursor({ left: -10, top: -10 }));
    new ResizeObserver(() => this.plot?.setSize({ width: this.node.clientWidth, height: this.node.clientHeight })).observe(node);
    all.add(this);
  }

  show(series, { x, columns, step }, blank) {
    const empty = columns.every((column) => column.every((value) => value === null));
    const shape = JSON.stringify([series.map((s) => [s.name, s.color, s.kind]), empty && blank]);
    Object.assign(this, { series, data: [x, ...columns], step, blank: empty ? blank : null });
    this.node.setAttribute("aria-label", `${this.label}, ${stretch(x[0] * 1000, (x.at(-1) + step) * 1000)}. Arrow keys move, Enter lists the events.`);
    if (shape !== this.shape || !this.plot) { this.shape = shape; this.remake(); } else this.plot.setData(this.data);
  }

  remake() {
    if (!this.data) return;
    this.plot?.destroy();
    this.node.replaceChildren(this.tip, this.said);
    this.tip.hidden = true;
    this.plot = new uPlot(this.options(), this.data, this.node);
    if (this.blank) this.node.append(el("div", { class: "blank" }, this.blank));
    this.plot.over.addEventListener("click", () => this.enter());
    this.plot.over.addEventListener("mouseleave", () => (this.tip.hidden = true));
  }

  options() {
    const axis = { stroke: css("--dim"), grid: { stroke: css("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    return {
      width: this.node.clientWidth || 300, height: this.node.clientHeight || this.height, legend: { show: false }, padding: [8, 6, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: { y: false, drag: { setScale: false, x: false }, points: { size: 7, fill: (u, i) => css(this.series[i - 1].color) } },
      scales: { x: { time: true, range: () => this.ends() }, y: { range: this.range ?? ((u, low, high) => [0, Math.max(high ?? 0, 4) * 1.08]) } },
      axes: [
        { ...axis, grid: { show: false }, space: 70, size: 26, values: (u, ticks) => hours(ticks) },
        { ...axis, size: 40, space: 34, incrs: this.range ? [0.5, 1] : undefined, values: (u, ticks) => ticks.map(label) },
      ],
      series: [{}, ...this.series.map((s) => this.drawn(s))],
      hooks: { setCursor: [(u) => this.hover(u)], draw: [(u) => this.range && zero(u)] },
    };
  }

  drawn({ name, color, kind }) {
    const stroke = css(color);
    if (kind === "bars") return { label: name, stroke, fill: stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.78, 28, 1], radius: 0.18 }) };
    const near = (u) => Math.abs(u.valToPos(this.step * 4, "x", true) - u.valToPos(0, "x", true));
    return {
      label: name, stroke, width: 2, points: { show: true, size: 5, fill: stroke, width: 0 },
      gaps: (u, index, from, to, gaps) => gaps.filter(([left, right]) => right - left > near(u)),
    };
  }

  ends() {
    const [x] = this.data;
    return [x[0] - this.step * 0.5, x.at(-1) + this.step * 0.5];
  }

  rowAt(index) {
    return this.data.slice(1).map((column) => column[index]);
  }

  hover(u) {
    const index = u.cursor.idx;
    if (index === null || index === undefined || u.cursor.left < 0 || this.blank) return void (this.tip.hidden = true);
    const from = this.data[0][index] * 1000, values = this.rowAt(index);
    const lines = this.series.map((s, i) => `${s.name}: ${values[i] === null ? "–" : s.show(values[i])}`);
    this.tip.replaceChildren(el("b", {}, stretch(from, from + this.step * 1000)), ...lines.flatMap((line, i) => (i ? [el("br"), line] : [line])));
    this.tip.hidden = false;
    const left = u.valToPos(this.data[0][index], "x") + u.over.offsetLeft, width = this.tip.offsetWidth;
    this.tip.style.left = `${left + 12 + width > this.node.clientWidth ? Math.max(0, left - 12 - width) : left + 12}px`;
    this.tip.style.top = "4px";
    if (document.activeElement === this.node) this.said.textContent = [stretch(from, from + this.step * 1000), ...lines].join(", ");
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: "first", End: "last" }[event.key];
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); return void this.enter(); }
    if (step === undefined || !this.plot) return;
    event.preventDefault();
    const filled = this.data[0].map((_, i) => i).filter((i) => this.rowAt(i).some((value) => value !== null));
    if (!filled.length) return;
    const now = this.plot.cursor.left >= 0 ? this.plot.cursor.idx : null;
    const next = step === "first" ? filled[0] : step === "last" || now === null ? filled.at(-1)
      : step < 0 ? filled.findLast((i) => i < now) ?? filled[0] : filled.find((i) => i > now) ?? filled.at(-1);
    this.plot.setCursor({ left: this.plot.valToPos(this.data[0][next], "x"), top: 10 });
  }

  enter() {
    const index = this.plot?.cursor.idx;
    if (index === null || index === undefined || this.plot.cursor.left < 0) return;
    const from = this.data[0][index] * 1000;
    this.open(from, from + this.step * 1000);
  }
}

const label = (value) => (Math.abs(value) >= 1000 ? `${+(value / 1000).toFixed(1)}k` : value < 0 ? `−${-value}` : `${+value.toFixed(1)}`);

// The day is written once, where it begins, and years only in spans of years.
function hours(ticks) {
  const apart = ticks.length > 1 ? ticks[1] - ticks[0] : 0;
  return ticks.map((tick) => {
    const at = new Date(tick * 1000), iso = at.toISOString();
    if (apart >= 28 * 86400) return new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", month: "short", year: "numeric" }).format(at);
    if (apart >= 86400 || iso.slice(11, 16) === "00:00") return new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short" }).format(at);
    return iso.slice(11, 16);
  });
}

function zero(u) {
  const y = Math.round(u.valToPos(0, "y", true)) + 0.5;
  u.ctx.save();
  u.ctx.strokeStyle = css("--dim"); u.ctx.globalAlpha = 0.6; u.ctx.lineWidth = 1; u.ctx.setLineDash([4, 4]);
  u.ctx.beginPath(); u.ctx.moveTo(u.bbox.left, y); u.ctx.lineTo(u.bbox.left + u.bbox.width, y); u.ctx.stroke();
  u.ctx.restore();
}

