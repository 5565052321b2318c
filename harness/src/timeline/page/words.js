// Says what an event is, in words: a sentence, a short label, where it happened, times. An event that is not known here is
// told by its name and fields, so that a history with newer events can still be read.

const TEXT_MAX = 90;

/**
 * Bytes of a history as text: a string, or base64 of what is no UTF-8.
 * @param {any} bytes
 * @param {number} [max] characters
 */
function bytesText(bytes, max = TEXT_MAX) {
  if (bytes === null || bytes === undefined) return "none";
  if (typeof bytes === "object") return `${(bytes.base64.length * 3) >> 2} bytes that are no text`;
  if (bytes.length <= max) return JSON.stringify(bytes);
  return `${JSON.stringify(bytes.slice(0, max - 1)).slice(0, -1)}…" (${bytes.length} characters)`;
}

/** What a request says beside its body, where it is not as usual (`POST /` without headers), and its body.
 * @param {HistoryEvent} event @param {number} [max] characters of the body */
function requestText(event, max = TEXT_MAX) {
  const parts = [];
  if (event.method !== undefined || event.path !== undefined) parts.push(`${event.method ?? "POST"} ${event.path ?? "/"}`);
  if (event.headers !== undefined) parts.push(headersText(event.headers));
  if (event.body !== undefined) parts.push(bytesText(event.body, max));
  return parts.length === 0 ? "what it says is not told" : parts.join(" ");
}

/** @param {[string, string][]} headers */
function headersText(headers) {
  return `[${headers.map(([name, value]) => `${name}: ${value}`).join(", ")}]`;
}

/** A status and a body, with headers between them where there are any. @param {{status: number, headers?: [string, string][], body: any}} answer */
function answerText({ status, headers, body }) {
  return `${status} ${headers === undefined ? "" : `${headersText(headers)} `}${bytesText(body)}`;
}

/** @param {number} count @param {string} noun */
function counted(count, noun) {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** Seconds since the begin of the run, to the millisecond, as stories and verdicts say it. @param {number} ns */
function seconds(ns) {
  return `${Math.floor(ns / 1e9)}.${String(Math.floor(ns / 1e6) % 1000).padStart(3, "0")} s`;
}

/** Seconds with as many digits as a step of so many nanoseconds needs. @param {number} ns @param {number} step_ns */
function secondsTo(ns, step_ns) {
  const digits = Math.max(0, Math.min(9, Math.ceil(9 - Math.log10(Math.max(step_ns, 1)) - 1e-9)));
  const fraction = String(Math.round(ns % 1e9)).padStart(9, "0").slice(0, digits);
  return digits === 0 ? `${Math.floor(ns / 1e9)} s` : `${Math.floor(ns / 1e9)}.${fraction} s`;
}

/** A length of time in the unit that suits it. @param {number} ns */
function duration(ns) {
  const units = /** @type {[number, string][]} */ ([[3.6e12, "h"], [6e10, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "µs"]]);
  for (const [unit, name] of units) {
    if (ns >= unit) return `${Number((ns / unit).toPrecision(4))} ${name}`;
  }
  return `${Math.round(ns)} ns`;
}

/** @param {HistoryData} history @param {number} machine */
function machineText(history, machine) {
  const datacenter = history.header.datacenter_of[machine];
  return datacenter === undefined ? `machine ${machine}` : `machine ${machine} (dc ${datacenter})`;
}

/** Wall time in milliseconds as a moment of the run, where the history says how the two belong together.
 * @param {HistoryData} history @param {HistoryEvent} event @param {number} wall_ms */
function wallText(history, event, wall_ms) {
  const at = trueTime(history, event, wall_ms);
  return at === null ? `wall time ${wall_ms} ms` : seconds(Math.max(0, at));
}

/** The true time at which the clock of the event's machine shows this wall time; null if nothing tells.
 * @param {HistoryData} history @param {HistoryEvent} event @param {number} wall_ms */
function trueTime(history, event, wall_ms) {
  const zero = history.header.wall_zero_ns;
  if (event.wall_ns !== undefined) {
    return event.at_ns + Number(BigInt(wall_ms) * 1000000n - BigInt(event.wall_ns));
  }
  return zero === undefined ? null : Number(BigInt(wall_ms) * 1000000n - BigInt(zero));
}

/** A storage or alarm call as code would write it. @param {HistoryData} history @param {HistoryEvent} op @param {number} [max] */
function callText(history, op, max = 40) {
  const value = (/** @type {any} */ bytes) => bytesText(bytes, max);
  switch (op.call) {
    case "get": case "delete": return `${op.call}(${value(op.key)})`;
    case "put": return `put(${value(op.key)}, ${value(op.value)})`;
    case "get_many": case "delete_many": return `${op.call}(${op.keys.length} keys)`;
    case "put_many": return `put_many(${op.entries.length} entries)`;
    case "set_alarm": return `set_alarm(${wallText(history, op, op.scheduled_ms ?? op.time_ms)})`;
    case "delete_all": return op.preserve_alarm ? "delete_all(preserve_alarm)" : "delete_all()";
    case "list": {
      const named = ["prefix", "start", "start_after", "end", "reverse", "limit"].filter((name) => op[name]);
      return `list(${named.map((name) => `${name}: ${typeof op[name] === "string" ? value(op[name]) : op[name]}`).join(", ")})`;
    }
    default: return `${op.call}()`;
  }
}

/** @param {HistoryData} history @param {HistoryEvent} event */
function resultText(history, event) {
  const result = event.result;
  if (typeof result === "string") return result;
  const [[kind, value]] = Object.entries(result);
  switch (kind) {
    case "value": return bytesText(value, 40);
    case "alarm": return value === null ? "no alarm" : `an alarm at ${wallText(history, event, value)}`;
    case "entries": return entriesText(value);
    case "answer": return `the service's answer ${value.status}`;
    case "error": return `an error: ${value}`;
    case "deleted": return value ? "the key was there" : "the key was not there";
    case "deleted_count": return `${value} keys were there`;
    default: return JSON.stringify(result);
  }
}

/** @param {[string, any][]} entries keys with their values */
function entriesText(entries) {
  if (entries.length === 0) return "no entries";
  const first = entries.slice(0, 3).map(([key]) => bytesText(key, 20)).join(", ");
  return `${entries.length === 1 ? "1 entry" : `${entries.length} entries`}: ${first}${entries.length > 3 ? ", …" : ""}`;
}

/** Name and content of a value that is a string or an object of one field. @param {any} value @returns {[string, any]} */
function variant(value) {
  return typeof value === "string" ? [value, {}] : /** @type {[string, any]} */ (Object.entries(value)[0]);
}

/** @param {any} outcome of a request */
function outcomeText(outcome) {
  const [kind, content] = variant(outcome);
  if (kind === "answered") return `answered: ${answerText(/** @type {any} */ (content))}`;
  if (kind === "refused") return `refused: ${content.reason}`;
  return "over without an answer; whether it had an effect is unknown";
}

/** @param {any} outcome of a run of alarm() */
function runOutcomeText(outcome) {
  const [kind, content] = variant(outcome);
  if (kind === "ok") return "returns";
  if (kind === "failed") return `fails, and that counts: ${content.why}`;
  return `is failed by the platform, which does not count: ${content.why}`;
}

/** Whom a fault strikes. @param {any} scope */
function scopeText(scope) {
  if (scope === "network") return "all links between machines";
  const [kind, whom] = variant(scope);
  if (kind === "links") return `links from ${whom.from.join(", ")} to ${whom.to.join(", ")}`;
  return `${kind} ${whom}`;
}

/** What a fault takes from whom it strikes, where that is told. @param {string[]|undefined} takes */
function takesText(takes) {
  if (takes === undefined) return "";
  return takes.length === 0 ? "; it takes nothing" : `; it takes ${takes.map((one) => TAKEN[one] ?? one).join(", ")}`;
}

/** @type {Object<string, string>} */
const TAKEN = { unsynced: "what is not synced", durable: "what a disk had promised to keep" };

/** @type {Object<string, string>} */
const AWAITED = { storage: "storage: nothing else gets in meanwhile", outside: "an outside service: other events get in meanwhile", timer: "a timer: other events get in meanwhile" };

/** What object code tells of a promise of its own. @param {HistoryEvent} event */
function promiseText({ name, kind, held }) {
  if (kind === "unreachable") return `"${name}" is reached, and never was to be`;
  if (kind === "always") return held ? `"${name}" holds, as it always has to` : `"${name}" does not hold, and always has to`;
  return held ? `"${name}" holds this time` : `"${name}" does not hold this time`;
}

/** The fields of an event that every event has or that say where it is. */
const COMMON_FIELDS = new Set(["at_ns", "event", "machine", "wall_ns", "object", "instance", "epoch", "seq", "turn"]);

/** The other fields of an event, for what has no words of its own. @param {HistoryEvent} event */
function fieldsText(event) {
  const own = Object.entries(event).filter(([name]) => !COMMON_FIELDS.has(name));
  return own.map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
}

/** @type {Object<string, (history: HistoryData, event: HistoryEvent) => string>} */
const SENTENCES = {
  call: (_, e) => `request ${e.request} to ${e.to}: ${requestText(e)}`,
  return: (_, e) => `request ${e.request} is ${outcomeText(e.outcome)}`,
  request_arrive: (_, e) => `request ${e.request} arrives`,
  answer_leave: (_, e) => `an answer leaves: request ${e.request} is ${outcomeText(e.outcome)}`,
  answer_lost: (_, e) => `the answer to request ${e.request} is lost on its link`,
  instance_start: (_, e) => `is brought into memory${e.cause === undefined ? "" : e.cause === "alarm" ? " for its alarm" : " for a request"}; its constructor starts`,
  constructor_end: (_, e) => e.failed === undefined ? "the constructor has ended" : `the constructor failed: ${e.failed}`,
  instance_end: (_, e) => {
    const [reason, content] = variant(e.reason);
    const why = { evicted: "leaves memory: it was idle", lost: "is lost with its machine", moved: "is dropped: its machine does not hold it any more" }[reason];
    return why ?? `is reset: ${content.why}`;
  },
  deliver: (_, e) => {
    const [kind, content] = variant(e.delivery);
    if (kind === "request") return `request ${content.request} is delivered`;
    return kind === "alarm" ? "its alarm is delivered" : `the result of operation ${content.op} is delivered`;
  },
  gate: (_, e) => e.closed ? "lets nothing in until what it began has ended" : "lets events in again",
  await: (_, e) => `awaits operation ${e.op} (${AWAITED[e.kind] ?? e.kind})`,
  timer: (_, e) => `sets a timer for ${duration(e.for_ms * 1e6)} (operation ${e.op})`,
  promise: (_, e) => promiseText(e),
  op: (history, e) => `${callText(history, e)}${e.allow_concurrency ? ", other events get in meanwhile" : ""}`,
  op_result: (history, e) => `operation ${e.op} gives ${resultText(history, e)}`,
  run_start: (history, e) => `alarm() starts, scheduled for ${wallText(history, e, e.scheduled_ms)}${e.retry_count > 0 ? `, retry ${e.retry_count}` : ""}`,
  run_end: (_, e) => `alarm() ${runOutcomeText(e.outcome)}`,
  commit: (_, e) => `what turn ${e.turn} wrote is durable${e.ends_run === undefined ? "" : ", the end of alarm() with it"}`,
  respond: (_, e) => `the answer to request ${e.request} leaves: ${answerText(/** @type {any} */ (e))}`,
  outbound: (_, e) => `call ${e.call} to ${e.service} leaves: ${requestText(e)}`,
  outbound_leave: (_, e) => `call ${e.call} to ${e.service} leaves the machine: ${requestText(e)}`,
  outbound_arrive: (_, e) => `call ${e.call} arrives${e.body === undefined ? "" : `: ${requestText(e)}`}`,
  outbound_answer: (_, e) => e.status === undefined ? `call ${e.call} fails without an answer` : `call ${e.call} is answered: ${e.status}`,
  outbound_return: (_, e) => e.status === undefined ? `the connection of call ${e.call} fails` : `the answer to call ${e.call} reaches the process: ${e.status}`,
  outbound_lost: (_, e) => `call ${e.call} or its answer is lost`,
  process: (_, e) => ({ up: "its process starts or goes on", down: "its process is gone", paused: "its process stands still" })[/** @type {"up"} */ (e.state)],
  on_disk: (_, e) => `turn ${e.turn} of ${e.of} is on the disks of machines ${e.held_by.join(", ")} of ${e.replicas.join(", ")}`,
  fault_begin: (_, e) => `FAULT: ${e.kind}, ${scopeText(e.scope)}${takesText(e.takes)}`,
  fault_end: (_, e) => `fault ${e.fault} is over`,
  majority: (_, e) => `the objects of group ${e.group} have ${e.connected ? "a quorum" : "no quorum"}`,
  holder: (_, e) => `serves slice ${e.slice} from now on, epoch ${e.epoch}`,
  leader: (_, e) => `leads datacenter ${e.datacenter} from now on, term ${e.term}`,
  group_leader: (_, e) => `leads consensus group ${e.group} from now on, term ${e.term}`,
  committed: (_, e) => `group ${e.group} has committed ${e.index} entries`,
  replica: (_, e) => `its replica of group ${e.group} has applied ${e.applied} entries`,
  disk_damaged: () => "has found its disk damaged",
  phase: (_, e) => ({ warm_up: "warm-up", faults: "work and faults", quiet: "work, and no faults any more", end: "the run is over" })[/** @type {"end"} */ (e.phase)],
  at_rest: (history, e) => `at the end ${e.of} has ${counted(Object.keys(e.keys).length, "key")} and ${e.alarm ? `an alarm at ${wallText(history, e, e.alarm.scheduled_ms)}` : "no alarm"}`,
};

/** What happened, without where. @param {HistoryData} history @param {HistoryEvent} event */
function sentence(history, event) {
  const say = SENTENCES[event.event];
  return say === undefined ? `${event.event}: ${fieldsText(event)}` : say(history, event);
}

/** Where an event happened. @param {HistoryData} history @param {HistoryEvent} event */
function place(history, event) {
  if (event.object !== undefined) {
    return event.machine === undefined ? event.object : `${event.object} on ${machineText(history, event.machine)}`;
  }
  if (event.machine !== undefined) return machineText(history, event.machine);
  if (event.event === "call" || event.event === "return") return "client";
  if (event.event.startsWith("outbound_")) return "outside service";
  return event.event === "at_rest" ? "datastore" : "world";
}

/** A few words for the picture. @param {HistoryData} history @param {HistoryEvent} event */
function label(history, event) {
  switch (event.event) {
    case "op": return callText(history, event, 16);
    case "call": return `request ${event.request}: ${requestText(event, 24)}`;
    case "return": return `told ${event.outcome.answered ? `${event.outcome.answered.status} ${bytesText(event.outcome.answered.body, 20)}` : variant(event.outcome)[0]}`;
    case "deliver": {
      const [kind, content] = variant(event.delivery);
      return kind === "request" ? `request ${content.request} comes in` : `${kind} comes in`;
    }
    case "op_result": return resultText(history, event);
    case "run_start": return "alarm() starts";
    case "run_end": return `alarm() ${variant(event.outcome)[0]}`;
    case "respond": return `answers ${event.status}`;
    case "outbound": return `calls ${requestText(event, 24)}`;
    case "timer": return `timer ${duration(event.for_ms * 1e6)}`;
    case "promise": return `does not hold: "${event.name}"`;
    case "outbound_answer": return `answers ${event.status ?? "nothing"}`;
    case "commit": return "durable";
    default: return sentence(history, event);
  }
}
