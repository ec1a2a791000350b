// The drawer with the events behind a point.

import { get } from "./api.js";
import { $, el } from "./dom.js";
import { exact, percent, plural, seriesName, signed, stretch } from "./format.js";

const LIMIT = 100;
const TONES = { positive: "good", negative: "bad", neutral: "dim", critical: "bad", error: "bad", warning: "warn", info: "dim" };
let asked = null;

export function openEvents(series, from, to) {
  asked = { ...series, from: Math.floor(from), to: Math.ceil(to) };
  $("events-title").textContent = seriesName(series);
  $("events-when").textContent = `${stretch(from, to)} UTC`;
  if (!$("events").open) $("events").showModal();
  $("events-title").focus();
  load();
}

async function load() {
  const list = $("events-list"), mine = asked;
  list.replaceChildren(el("li", { class: "blank-line" }, "Loading…"));
  const sort = document.querySelector("input[name=sort]:checked").value;
  try {
    const { events } = await get("events", { ...mine, sort, limit: LIMIT });
    if (mine !== asked) return;
    list.replaceChildren(...(events.length ? events.map(event) : [el("li", { class: "blank-line" }, "No events in this interval.")]));
    const shown = events.length === LIMIT ? `the first ${LIMIT} events` : plural(events.length, "event");
    $("events-when").textContent = `${stretch(mine.from, mine.to)} UTC, ${shown}`;
  } catch (error) {
    if (mine === asked) list.replaceChildren(el("li", { class: "blank-line", role: "alert" }, error.message));
  }
}

function event(e) {
  const verdict = e.kind === "logs" ? e.severity : e.sentiment;
  const name = e.kind === "user" ? `${e.user_id} ${e.action}${e.item_id ? ` ${e.item_id}` : ""}` : e.source;
  return el("li", { class: `event ${e.kind}` },
    el("div", { class: "line" },
      el("time", { datetime: new Date(e.time_ms).toISOString() }, exact(e.time_ms)), el("b", {}, name),
      verdict && el("span", { class: `badge tone-${TONES[verdict] ?? "dim"}` }, e.kind === "logs" ? verdict : `${verdict} ${signed(e.sentiment_score)}`),
      e.category && el("span", { class: "chip" }, e.category),
      e.entities.map((entity) => el("span", { class: "chip" }, entity)),
      Object.entries(e.heads).map(([head, said]) => el("span", { class: "chip", title: `${head}, ${percent(said.score)} sure` }, `${head}: ${said.label}`)),
      e.kind === "logs" && e.anomaly_score >= 0.5 && el("span", { class: "badge tone-warn" }, `anomaly ${percent(e.anomaly_score)}`)),
    e.text && el("div", { class: "text", dir: "auto" }, e.text),
    el("small", {}, [`${e.topic}/${e.partition}/${e.offset}`, e.host, e.level && `level ${e.level}`, e.model && `read by ${e.model}`].filter(Boolean).join(" · "),
      /^https?:\/\//i.test(e.url) ? [" · ", el("a", { href: e.url, target: "_blank", rel: "noopener noreferrer" }, "source")] : null));
}

$("events-close").addEventListener("click", () => $("events").close());
$("events").addEventListener("click", (click) => click.target === $("events") && $("events").close());
$("events-sort").addEventListener("change", load);
