// Questions to the read API. The browser sends the ETag along by itself: what did not change is not sent again.

export class Trouble extends Error {
  constructor(code, message) { super(message); this.code = code; }
}

export async function get(name, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined));
  let response;
  try {
    response = await fetch(`/api/${name}?${query}`, { signal: AbortSignal.timeout(20_000) });
  } catch {
    throw new Trouble("page_away", "Pulsewire's page does not answer. Is `pulsewire serve` still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Trouble(answer.error ?? "failed", answer.detail ?? `the page answered with ${response.status}`);
  return answer;
}
