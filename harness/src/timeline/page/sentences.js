// Leads from the sentences of a finding to its events: which words of them speak of which event of its evidence.

/** @typedef {{text: string, event: number}} Part  event -1: words that speak of no event of the evidence */

/** Words by which sentences speak of an event of a kind. @type {Object<string, string[]>} */
const SPOKEN = {
  call: ["client", "sent", "request", "came in"],
  return: ["told", "answered", "acknowledged", "client"],
  run_start: ["alarm()", "started", "starts", "run"],
  run_end: ["alarm()", "ended", "returned", "failed", "run"],
  respond: ["answer", "response", "left", "leaves"],
  outbound: ["call", "service", "sent"],
  outbound_answer: ["service", "answered"],
  commit: ["durable", "commit"],
  instance_start: ["instance", "started", "memory", "constructor"],
  instance_end: ["instance", "lost", "reset"],
  fault_begin: ["fault"],
};

/** What of a sentence may speak of an event: a moment, or something with a number. */
const MENTION = /\d+\.\d{3} s\b|\b(?:request|call|instance|run|operation) \d+\b/g;

/** Whether an event is what a mention names. @param {HistoryEvent} event @param {string} mention */
function isMentioned(event, mention) {
  if (mention.endsWith(" s")) return seconds(event.at_ns) === mention;
  const [kind, number] = mention.split(" ");
  const named = { request: requestOf(event), call: event.event === "op" ? undefined : event.call, instance: event.instance, run: event.run, operation: event.op }[kind];
  return named !== undefined && String(named) === number;
}

/** How well the words before a mention fit an event. @param {HistoryEvent} event @param {string} words */
function fits(event, words) {
  const spoken = event.event === "op" ? [event.call, "stored", "read"] : SPOKEN[event.event] ?? [event.event];
  return spoken.filter((/** @type {string} */ word) => words.includes(word)).length;
}

/**
 * A finding's sentences in parts, some of which lead to an event.
 * @param {HistoryEvent[]} events
 * @param {Finding} finding
 * @returns {Part[]}
 */
function linkSentences(events, finding) {
  /** @type {Part[]} */
  const parts = [];
  let done = 0;
  for (const match of finding.sentences.matchAll(MENTION)) {
    const candidates = finding.evidence.filter((index) => isMentioned(events[index], match[0]));
    if (candidates.length === 0) continue;
    const begin = Math.max(finding.sentences.lastIndexOf(". ", match.index), finding.sentences.lastIndexOf(", ", match.index), 0);
    const words = finding.sentences.slice(begin, match.index);
    const best = candidates.reduce((one, other) => (fits(events[other], words) > fits(events[one], words) ? other : one));
    parts.push({ text: finding.sentences.slice(done, match.index), event: -1 }, { text: match[0], event: best });
    done = match.index + match[0].length;
  }
  parts.push({ text: finding.sentences.slice(done), event: -1 });
  return parts.filter((part) => part.text !== "");
}
