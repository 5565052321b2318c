// Finds events: by words in their sentence, and by `object:`, `request:`, `call:`, `machine:`, `event:`, `rule:`. Every term of
// a query has to hold.

/**
 * @param {Model} model
 * @param {string} query
 * @returns {number[]|null} positions of the events found, ascending; null where nothing is asked for
 */
function search(model, query) {
  const terms = query.trim().toLowerCase().split(/\s+/).filter((term) => term !== "");
  if (terms.length === 0) return null;
  const tests = terms.map((term) => termTest(model, term));
  const found = [];
  for (let index = 0; index < model.history.events.length; index += 1) {
    if (tests.every((test) => test(model.history.events[index], index))) found.push(index);
  }
  return found;
}

/**
 * @param {Model} model
 * @param {string} term
 * @returns {(event: HistoryEvent, index: number) => boolean}
 */
function termTest(model, term) {
  const { history, links } = model;
  const [, field, value] = /^(object|request|call|machine|event|rule):(.+)$/.exec(term) ?? [];
  const about = (/** @type {{id: any, events: number[]}[]} */ all) =>
    new Set(all.filter((one) => String(one.id) === value).flatMap((one) => one.events));
  switch (field) {
    case "object": return (event) => [event.object, event.of, event.to].some((name) => typeof name === "string" && name.toLowerCase().includes(value));
    case "request": {
      const events = about([...links.requests.values()]);
      return (_, index) => events.has(index);
    }
    case "call": {
      const events = about([...links.calls.values()]);
      return (_, index) => events.has(index);
    }
    case "machine": return (event) => String(event.machine) === value;
    case "event": return (event) => event.event === value;
    case "rule": {
      const findings = history.head.findings.filter((finding) => finding.rule.toLowerCase() === value);
      const evidence = new Set(findings.flatMap((finding) => finding.evidence));
      return (_, index) => evidence.has(index);
    }
    default: return (_, index) => textOf(history, index).includes(term);
  }
}

/** Sentences of events in lower case, made when they are first asked for. @type {WeakMap<HistoryData, string[]>} */
const texts = new WeakMap();

/** @param {HistoryData} history @param {number} index */
function textOf(history, index) {
  let known = texts.get(history);
  if (known === undefined) {
    known = [];
    texts.set(history, known);
  }
  const event = history.events[index];
  return (known[index] ??= `${place(history, event)} ${sentence(history, event)}`.toLowerCase());
}
