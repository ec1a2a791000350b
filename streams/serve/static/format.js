// Numbers and times for people. Times are UTC.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });
const dayYear = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit" });
const second = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const KIND_NAMES = { news: "News", logs: "Logs", user: "User events" };

export const count = (value) => whole.format(value);
export const compact = (value) => (value < 10_000 ? whole.format(value) : short.format(value));
export const rate = (value) => (value < 100 ? one.format(value) : compact(value));
export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
export const percent = (share) => (share > 0 && share < 0.001 ? "<0.1%" : `${one.format(share * 100)}%`);

// −0.42, +0.10, 0.00
export function signed(value) {
  if (value === null || value === undefined) return "–";
  const text = Math.abs(value).toFixed(2);
  return text === "0.00" ? "0.00" : (value < 0 ? "−" : "+") + text;
}

const DAY_MS = 86_400_000;

export function date(ms) {
  const thisYear = new Date(ms).getUTCFullYear() === new Date().getUTCFullYear();
  return (thisYear ? day : dayYear).format(ms);
}

const today = (ms) => Math.floor(ms / DAY_MS) === Math.floor(Date.now() / DAY_MS);

export const time = (ms) => (today(ms) ? clock.format(ms) : `${date(ms)}, ${clock.format(ms)}`);
export const exact = (ms) => (today(ms) ? second.format(ms) : `${date(ms)}, ${second.format(ms)}`);

// 14:05–14:10, or with days where it takes more than one
export function stretch(from, to) {
  if (to - from < DAY_MS && new Date(from).getUTCDate() === new Date(to - 1).getUTCDate()) return `${time(from)}–${clock.format(to)}`;
  return `${time(from)} – ${time(to)}`;
}

export function lasting(ms) {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 1) return "under a minute";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
  return `${Math.round(minutes / 1440)} days`;
}

// "3 min ago" while that helps, the date after that
export function since(ms) {
  const ago = Date.now() - ms;
  if (ago < 45_000 && ago > -60_000) return "just now";
  return ago > 0 && ago < DAY_MS ? `${lasting(ago)} ago` : time(ms);
}

const WORDS = { error_surge: "Error surge", volume_surge: "Volume surge", sentiment_drop: "Sentiment drop", action_drop: "Action drop" };
export const ruleName = (rule) => WORDS[rule] ?? rule.replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase());

export const seriesName = (s) => (s.dimension === "all" ? `All ${KIND_NAMES[s.kind]?.toLowerCase() ?? s.kind}` : s.key);
