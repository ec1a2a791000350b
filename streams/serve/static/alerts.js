// Incidents: the firing ones first; each opens to what it saw, what it expected, and the events that show it.

import { el, fill } from "./dom.js";
import { KIND_NAMES, count, lasting, ruleName, seriesName, signed, since, stretch, time } from "./format.js";

const TONES = { critical: "bad", warning: "warn", info: "news" };
const opened = new Set();

export function alerts(node, list, { open, pick }) {
  // the minute is part of the signature, or "3 min ago" would stay that
  fill(node, [list, Math.floor(Date.now() / 60_000)], () => list.length
    ? list.map((alert) => incident(alert, { open, pick }))
    : el("p", { class: "blank-line" }, "Nothing has been out of the ordinary."));
}

function incident(alert, { open, pick }) {
  const firing = alert.status === "firing", tone = firing ? TONES[alert.severity] ?? "warn" : "dim";
  const key = `${alert.fingerprint} ${alert.starts_ms}`;
  const node = el("details", { class: `alert ${alert.status} tone-${tone}`, open: opened.has(key) },
    el("summary", { "data-focus": key },
      el("span", { class: "line" },
        el("span", { class: "badge" }, firing ? alert.severity : "resolved"), ruleName(alert.rule),
        el("span", { class: "when", title: `${time(alert.starts_ms)} UTC` }, when(alert, firing))),
      el("span", { class: "what" }, alert.annotations.summary ?? `${ruleName(alert.rule)}: ${seriesName(series(alert))}`)),
    el("div", { class: "body" }, ...body(alert, { open, pick })));
  node.addEventListener("toggle", () => (node.open ? opened.add(key) : opened.delete(key)));
  return node;
}

// An incident of last year that still fires began on a date; one of this morning has lasted for a while.
function when(alert, firing) {
  const began = since(alert.starts_ms);
  return firing ? (began.endsWith(" ago") ? `for ${began.slice(0, -4)}` : `since ${began}`).replace("since just now", "just now") : began;
}

const series = ({ labels }) => ({ kind: labels.kind, dimension: labels.dimension, key: labels.key });

function body(alert, { open, pick }) {
  const of = series(alert), until = alert.window_ms + alert.window_seconds * 1000;
  const number = (value) => (alert.rule.startsWith("sentiment") ? signed(value) : `${+value.toFixed(2)}`);
  const facts = {
    Series: of.dimension === "all" ? seriesName(of) : `${KIND_NAMES[of.kind] ?? of.kind}, ${of.dimension} ${of.key}`,
    Saw: `${number(alert.value)}, expected ${number(alert.expected)} (score ${alert.score.toFixed(1)})`,
    Began: `${time(alert.starts_ms)} UTC`,
    Lasted: alert.status === "resolved" ? lasting(alert.ends_ms - alert.starts_ms) : null,
    Window: `${stretch(alert.window_ms, until)} UTC`,
  };
  const from = Math.min(alert.window_ms, alert.starts_ms);
  return [
    alert.annotations.description && el("p", {}, alert.annotations.description),
    el("dl", { class: "facts" }, Object.entries(facts).filter(([, text]) => text).flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)])),
    alert.evidence.length
      ? el("ul", { class: "evidence", "aria-label": "Evidence" }, alert.evidence.map((e) => el("li", {}, String(e.text ?? ""), el("small", {}, `${e.topic}/${e.partition}/${e.offset}, score ${Number(e.score).toFixed(2)}`))))
      : el("p", { class: "hint" }, "No events to show as evidence: what is missing leaves none."),
    el("div", { class: "buttons" },
      el("button", { class: "button", type: "button", "data-focus": `events ${alert.id}`, onclick: () => open(of, from, until) }, "Events of this incident"),
      of.dimension !== "all" && el("button", { class: "button", type: "button", "data-focus": `pick ${alert.id}`, onclick: () => pick(of) }, "Show in the charts")),
  ];
}

export const summary = ({ firing, resolved }) => `${firing ? `${firing} firing` : "none firing"}${resolved ? `, ${count(resolved)} resolved` : ""}`;
