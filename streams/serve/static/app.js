// What is shown, and when it is asked for again.

import { alerts, summary } from "./alerts.js";
import { get } from "./api.js";
import { Chart, coarser, dense } from "./charts.js";
import { $, el, fill } from "./dom.js";
import { openEvents } from "./events.js";
import { KIND_NAMES, compact, count, plural, rate, seriesName, signed, since, time } from "./format.js";
import { ACTIONS, HEADS, NEWS, SERVICES, table } from "./tables.js";

const EVERY_MS = 3000;
const KINDS = ["news", "logs", "user"];
const RANGES = ["15m", "1h", "6h", "24h", "all"];
const DIMENSIONS = ["category", "entity", "source", "lang"];

const state = { range: "1h", about: "category", picked: null };
let turn = 0, timer = 0;

const series = (kind) => (state.picked?.kind === kind ? state.picked : { kind, dimension: "all", key: "all" });
const volume = Object.fromEntries(KINDS.map((kind) => [kind, new Chart($(`volume-${kind}`), {
  label: `${KIND_NAMES[kind]}, volume`, height: 132, open: (from, to) => openEvents(series(kind), from, to),
})]));
const mood = new Chart($("mood"), {
  label: "Sentiment", height: 210, range: () => [-1.05, 1.05],
  open: (from, to) => openEvents(series(state.picked?.kind === "user" ? "user" : "news"), from, to),
});
const faults = new Chart($("faults"), { label: "Log errors and anomalies", height: 170, open: (from, to) => openEvents(series("logs"), from, to) });

function kpi(name, tone, value, unit, more) {
  return el("div", { class: `kpi tone-${tone}` }, el("p", { class: "name" }, name),
    el("p", { class: "value" }, value, unit ? el("small", {}, ` ${unit}`) : ""), el("p", { class: "more" }, more));
}

function showFigures({ kinds, alerts: counts }) {
  const news = kinds.news, tone = !news || news.sentiment === null ? "dim" : news.sentiment > 0.05 ? "good" : news.sentiment < -0.05 ? "bad" : "dim";
  fill($("kpis"), [kinds, counts, Math.floor(Date.now() / 60_000)], () => [
    ...KINDS.map((kind) => {
      const k = kinds[kind];
      return kpi(KIND_NAMES[kind], kind, k ? rate(k.per_minute) : "–", k ? "per min" : "", !k ? "none yet" : k.events ? `${plural(k.events, "event")}, latest ${since(k.latest)}` : `none here, latest ${since(k.latest)}`);
    }),
    kpi("Mean news sentiment", tone, signed(news?.sentiment ?? null), "", news ? `${compact(news.positive)} positive, ${compact(news.negative)} negative` : "no news yet"),
    kpi("Open alerts", counts.critical ? "bad" : counts.firing ? "warn" : "good", count(counts.firing), "", counts.critical ? `${counts.critical} critical` : counts.firing ? "none critical" : "all quiet"),
  ]);
}

const swatch = (tone, name) => el("span", { class: `tone-${tone}`, title: name }, el("span", { class: "swatch" }), name);
const unpick = () => el("button", { type: "button", "aria-label": "Show all again", "data-focus": "unpick", onclick: () => pick(null) }, "✕");

const BENEATH = { news: ["negative", "--bad", "bad"], logs: ["errors", "--bad", "bad"], user: null };

function showVolume(kinds, chosen) {
  for (const kind of KINDS) {
    const trend = kinds[kind], picked = state.picked?.kind === kind && chosen ? state.picked : null, under = picked ? null : BENEATH[kind];
    const names = [{ name: KIND_NAMES[kind], color: `--${kind}`, kind: "bars", show: count }];
    if (picked) names.push({ name: picked.key, color: "--pick", kind: "bars", show: count });
    if (under) names.push({ name: under[0], color: under[1], kind: "bars", show: count });
    fill($(`volume-${kind}-name`), [trend?.events, trend?.seconds, picked], () => [
      el("span", {}, el("b", {}, KIND_NAMES[kind]), trend ? ` every ${width(trend.seconds)}` : ""),
      picked ? el("span", { class: "tone-pick" }, el("span", { class: "swatch" }), picked.key) : under && trend ? el("span", { class: `tone-${under[2]}` }, el("span", { class: "swatch" }), under[0]) : "",
    ]);
    const shown = trend ? dense(trend, ["events", ...(under ? [under[0]] : [])]) : nothing();
    if (trend && picked) shown.columns.push(dense({ ...trend, points: chosen.points }, ["events"]).columns[0]);
    if (trend && under) shown.columns[1] = shown.columns[1].map((value) => value || null);
    volume[kind].show(names.slice(0, shown.columns.length), shown, trend ? "No events in this range" : "No events yet");
  }
}

function showMood(kinds, chosen) {
  const kind = state.picked?.kind === "user" ? "user" : "news", all = kinds[kind];
  const picked = state.picked?.kind === kind && chosen ? state.picked : null;
  const lines = [{ name: seriesName({ kind, dimension: "all" }), color: `--${kind}`, kind: "line", show: signed }];
  const trend = all && coarser(all, 48), shown = trend ? dense(trend, ["sentiment"]) : nothing();
  if (picked && trend) {
    lines.push({ name: picked.key, color: "--pick", kind: "line", show: signed });
    shown.columns.push(dense(coarser({ ...all, points: chosen.points }, 48), ["sentiment"]).columns[0]);
  }
  fill($("mood-legend"), [kind, picked], () => [swatch(kind, lines[0].name), picked ? [swatch("pick", picked.key), unpick()] : el("span", {}, "choose a row below to compare")]);
  mood.show(lines, shown, "Nothing with a sentiment in this range");
}

function showFaults(kinds, chosen) {
  const picked = state.picked?.kind === "logs" && chosen ? state.picked : null, all = kinds.logs;
  const shown = all ? dense(picked ? { ...all, points: chosen.points } : all, ["anomalies", "errors"]) : nothing();
  shown.columns = shown.columns.map((column) => column.map((value) => value || null));
  if (shown.columns.length < 2) shown.columns.push([null]);
  fill($("services-legend"), [picked], () => [swatch("warn", "anomalies"), swatch("bad", "errors"), picked ? [el("span", { title: picked.key }, el("b", {}, picked.key)), unpick()] : el("span", {}, "all services")]);
  const bars = (name, color) => ({ name, color, kind: "bars", show: count });
  faults.show([bars("Anomalies", "--warn"), bars("Errors", "--bad")], shown, all ? "No errors and no anomalies in this range" : "No logs yet");
}

// Heads without a place of their own, such as a user's, under each kind of event that they answer for
function showHeads(heads, common) {
  $("heads-panel").hidden = heads.every((top) => !top.rows.length);
  KINDS.forEach((kind, i) => {
    const node = $(`heads-${kind}`);
    node.hidden = !heads[i].rows.length;
    table(node, heads[i], { ...common, kind, dimension: "head", columns: HEADS[kind], heading: KIND_NAMES[kind], blank: "" });
  });
}

const nothing = () => ({ x: [Math.floor(Date.now() / 60_000) * 60], columns: [[null]], step: 60 });
const width = (seconds) => (seconds < 3600 ? `${seconds / 60} min` : seconds < 86_400 ? `${seconds / 3600} h` : `${seconds / 86_400} d`);

function showStatus(kinds) {
  const known = KINDS.map((kind) => kinds[kind]).filter(Boolean), latest = Math.max(0, ...known.map((k) => k.latest));
  const live = known.some((k) => k.live);
  say(!known.length ? "past" : live ? "live" : "past", !known.length ? "Waiting for the first event" : live ? "Live" : `Showing the newest data, up to ${time(latest)} UTC`);
}

function say(name, text) {
  $("status").className = `status ${name}`;
  if ($("status").lastElementChild.textContent !== text) $("status").lastElementChild.textContent = text;
}

function showTrouble(error) {
  const box = $("trouble");
  box.hidden = !error;
  $("main").classList.toggle("stale", Boolean(error));
  if (!error) return void fill(box, null, () => []);
  const title = { store_away: "The store is away", no_tables: "The store has no tables yet", page_away: "The page's server is away" }[error.code] ?? "No fresh data";
  const old = $("data").hidden ? "" : "What is below may be old. ";
  const detail = error.message.charAt(0).toUpperCase() + error.message.slice(1).replace(/[.?]?$/, (end) => end || ".");
  fill(box, [error.code, detail, old], () => [el("strong", {}, title), `${detail} ${old}This page tries again by itself.`]);
  say("away", title);
}

// The course of a picked series. One that there cannot be, as an address passed on may name it, is picked no more.
async function trend(picked, range) {
  try {
    return await get("trend", { ...picked, range });
  } catch (error) {
    if (error.code !== "bad_request") throw error;
    if (state.picked === picked) { state.picked = null; remember(); }
    return null;
  }
}

async function refresh() {
  clearTimeout(timer);
  const mine = ++turn, { range, about, picked } = state;
  try {
    if (!$("trouble").hidden) await get("overview", { range }); // one question until that is answered again
    const [overview, incidents, topics, services, actions, chosen, ...heads] = await Promise.all([
      get("overview", { range }), get("alerts"), get("top", { kind: "news", dimension: about, range }),
      get("top", { kind: "logs", dimension: "service", range }), get("top", { kind: "user", dimension: "action", range }),
      picked ? trend(picked, range) : null, ...KINDS.map((kind) => get("top", { kind, dimension: "head", range, limit: 20 })),
    ]);
    if (mine !== turn) return;
    showTrouble(null);
    show(overview, { incidents, topics, services, actions, heads, chosen });
  } catch (error) {
    if (mine !== turn) return;
    showTrouble(error);
  }
  timer = setTimeout(refresh, document.hidden ? EVERY_MS * 10 : EVERY_MS);
}

function show(overview, { incidents, topics, services, actions, heads, chosen }) {
  const any = KINDS.some((kind) => overview.kinds[kind]);
  $("nothing").hidden = any;
  $("data").hidden = !any;
  showStatus(overview.kinds);
  if (!any) return;
  const heading = $("about-tabs").querySelector("[aria-selected=true]")?.textContent.replace(/ies$/, "y").replace(/s$/, "") ?? "";
  const common = { picked: state.picked, pick }, { kinds } = overview;
  each(
    () => showFigures(overview), () => showVolume(kinds, chosen), () => showMood(kinds, chosen), () => showFaults(kinds, chosen),
    () => table($("about"), topics, { ...common, kind: "news", dimension: state.about, columns: NEWS, heading, blank: "No news of that sort in this range." }),
    () => table($("services"), services, { ...common, kind: "logs", dimension: "service", columns: SERVICES, heading: "Service", blank: "No logs in this range." }),
    () => table($("actions"), actions, { ...common, kind: "user", dimension: "action", columns: ACTIONS, heading: "Action", blank: "No user events in this range." }),
    () => showHeads(heads, common),
    () => alerts($("alerts"), incidents.alerts, { open: openEvents, pick }),
    () => ($("alerts-count").textContent = summary(overview.alerts)),
  );
}

// A part that fails does not take the others with it.
function each(...parts) {
  for (const part of parts) {
    try { part(); } catch (error) { console.error(error); }
  }
}

// The address says what is shown, so that it can be passed on.
function remember() {
  const query = new URLSearchParams({ range: state.range, about: state.about });
  if (state.picked) for (const name of ["kind", "dimension", "key"]) query.set(name, state.picked[name]);
  history.replaceState(null, "", `?${query}`);
}

function recall() {
  const query = new URLSearchParams(location.search), get = (name) => query.get(name);
  if (RANGES.includes(get("range"))) state.range = get("range");
  if (DIMENSIONS.includes(get("about"))) state.about = get("about");
  if (KINDS.includes(get("kind")) && get("key")) state.picked = { kind: get("kind"), dimension: get("dimension") ?? "all", key: get("key") };
}

function change(changes) {
  Object.assign(state, changes);
  remember();
  mark();
  refresh();
}

function pick(picked) {
  if (picked?.kind === "news" && DIMENSIONS.includes(picked.dimension)) return change({ picked, about: picked.dimension });
  change({ picked });
}

function mark() {
  document.querySelector(`input[name=range][value="${state.range}"]`).checked = true;
  for (const tab of $("about-tabs").children) {
    const on = tab.dataset.dimension === state.about;
    tab.setAttribute("aria-selected", on);
    tab.tabIndex = on ? 0 : -1;
  }
}

$("ranges").addEventListener("change", (event) => change({ range: event.target.value }));
$("about-tabs").addEventListener("click", (event) => event.target.dataset.dimension && change({ about: event.target.dataset.dimension }));
$("about-tabs").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const about = DIMENSIONS[(DIMENSIONS.indexOf(state.about) + step + DIMENSIONS.length) % DIMENSIONS.length];
  change({ about });
  $("about-tabs").querySelector(`[data-dimension=${about}]`).focus();
});
document.addEventListener("visibilitychange", () => document.hidden || refresh());

recall();
mark();
refresh();
