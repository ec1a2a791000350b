// Tables of the keys of a dimension: each with its course, volume and mean sentiment, or its faults.

import { el, fill, svg } from "./dom.js";
import { compact, count, percent, signed } from "./format.js";

const tone = (sentiment) => (sentiment === null ? "dim" : sentiment > 0.05 ? "good" : sentiment < -0.05 ? "bad" : "dim");

export function spark(values) {
  const high = Math.max(1, ...values), wide = 120 / values.length;
  const bars = values.map((value, i) => value && svg("rect", {
    x: (i * wide + 0.5).toFixed(2), width: Math.max(1, wide - 1).toFixed(2), rx: 0.8,
    y: (24 - Math.max(1.5, (value / high) * 23)).toFixed(2), height: Math.max(1.5, (value / high) * 23).toFixed(2), fill: "currentColor",
  })).filter(Boolean);
  return svg("svg", { viewBox: "0 0 120 24", class: "spark", preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars);
}

export function mood(value) {
  const wide = Math.min(1, Math.abs(value ?? 0)) * 32;
  return el("span", { class: `mood tone-${tone(value)}` },
    svg("svg", { viewBox: "0 0 64 8", "aria-hidden": "true" },
      svg("rect", { x: 0, y: 2, width: 64, height: 4, rx: 2, fill: "var(--soft)" }),
      svg("rect", { x: value < 0 ? 32 - wide : 32, y: 1, width: wide, height: 6, rx: 2, fill: "var(--tone)" }),
      svg("rect", { x: 31.5, y: 0, width: 1, height: 8, fill: "var(--dim)" })),
    el("span", { class: "inked" }, signed(value)));
}

const volume = (row, most, kind) => el("span", { class: `count tone-${kind}` },
  svg("svg", { viewBox: "0 0 56 6", class: "share", "aria-hidden": "true" },
    svg("rect", { width: 56, height: 6, rx: 3, fill: "var(--soft)" }),
    svg("rect", { width: Math.max(2, (row.events / most) * 56), height: 6, rx: 3, fill: "var(--tone)" })), compact(row.events));

const COLUMNS = {
  course: ["Trend", (row, { kind }) => el("span", { class: `tone-${kind}` }, spark(row.spark))],
  events: ["Events", (row, { most, kind }) => volume(row, most, kind)],
  sentiment: ["Mean sentiment", (row) => mood(row.sentiment)],
  errors: ["Errors", (row) => el("span", { class: row.errors ? "tone-bad inked" : "" }, count(row.errors))],
  share: ["Error share", (row) => percent(row.events ? row.errors / row.events : 0)],
  anomalies: ["Anomalies", (row) => el("span", { class: row.anomalies ? "tone-warn inked" : "" }, count(row.anomalies))],
};

export const NEWS = ["course", "events", "sentiment"];
export const SERVICES = ["course", "events", "errors", "share", "anomalies"];
export const ACTIONS = ["course", "events"];
export const HEADS = { news: ["events", "sentiment"], logs: ["events", "errors"], user: ["events", "sentiment"] };

export function table(node, top, { kind, dimension, columns, heading, blank, picked, pick }) {
  const is = (row) => picked?.kind === kind && picked.dimension === dimension && picked.key === row.key;
  fill(node, [top.rows, columns, picked], () => {
    if (!top.rows.length) return el("p", { class: "blank-line" }, blank);
    const most = Math.max(...top.rows.map((row) => row.events));
    return el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, heading), columns.map((name) => el("th", { scope: "col" }, COLUMNS[name][0])))),
      el("tbody", {}, top.rows.map((row) => el("tr", { class: is(row) ? "picked" : null },
        el("td", { class: "name" }, el("button", {
          type: "button", class: "key", title: row.key, "aria-pressed": is(row) ? "true" : "false", "data-focus": row.key,
          onclick: () => pick(is(row) ? null : { kind, dimension, key: row.key }),
        }, row.key)),
        columns.map((name) => el("td", {}, COLUMNS[name][1](row, { most, kind })))))));
  });
}
