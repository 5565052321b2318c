// The alarm slot of an object as it was over time: set, due, firing, in backoff, given up (A1 to A6, R2, R3, R5). From what
// object code did, as the contract says what that means. What was lost with its instance before it was durable is taken back.

/** @typedef {{due: number|null, kind: "set"|"backoff", text: string}} Scheduled */

/** Follows the slot of one object. */
class SlotReader {
  /** @param {HistoryData} history */
  constructor(history) {
    this.history = history;
    /** @type {Span[]} */
    this.spans = [];
    /** What is scheduled as object code sees it. @type {Scheduled|null} */
    this.scheduled = null;
    /** What is scheduled in the datastore. @type {Scheduled|null} */
    this.durable = null;
    /** The run that goes on. @type {{run: any, retry: number, deleted: boolean}|null} */
    this.firing = null;
    /** @type {any} */
    this.instance = undefined;
    /** What each turn left in the slot, until it is durable. @type {Map<string, Scheduled|null>} */
    this.turns = new Map();
    /** What was scheduled when a transaction began. @type {Map<string, Scheduled|null>} */
    this.transactions = new Map();
    /** Calls that change the slot, until their result. @type {Map<string, Scheduled|null>} */
    this.calls = new Map();
  }

  /** Another state from here on. @param {string} kind @param {number} at @param {number} index @param {string} text */
  state(kind, at, index, text) {
    const before = this.spans[this.spans.length - 1];
    if (before !== undefined && before.last === -1 && before.to === Infinity) Object.assign(before, { to: at, last: index });
    if (kind !== "none") this.spans.push({ kind, from: at, to: Infinity, first: index, last: -1, text });
  }

  /** The state that the slot is in while nothing runs. @param {number} at @param {number} index */
  rest(at, index) {
    const { scheduled } = this;
    if (scheduled === null) return this.state("none", at, index, "");
    if (scheduled.due !== null && scheduled.due <= at) return this.state("due", at, index, `due: ${scheduled.text}`);
    this.state(scheduled.kind, at, index, scheduled.text);
    this.spans[this.spans.length - 1].due = scheduled.due;
  }

  /** @param {HistoryEvent} event @param {number} index */
  read(event, index) {
    const handler = READ_SLOT[event.event];
    if (handler !== undefined) handler(this, event, index);
  }

  /** Object code has put something into the slot, or nothing. @param {Scheduled|null} scheduled @param {HistoryEvent} event
   * @param {number} index */
  put(scheduled, event, index) {
    this.scheduled = scheduled;
    if (this.firing === null) {
      this.rest(event.at_ns, index);
    } else {
      this.firing.deleted = scheduled === null;
      this.state("firing", event.at_ns, index, scheduled === null ? "firing; nothing after it" : `firing; then ${scheduled.text}`);
    }
    this.turns.set(turnKey(event), scheduled);
  }

  /** What was not durable is gone with its instance; of one that was reset, what it had made before may be on its way still.
   * @param {number} at @param {number} index @param {boolean} [reset] */
  lose(at, index, reset = false) {
    const before = this.scheduled;
    const fired = this.firing !== null;
    this.firing = null;
    if (this.history.header.omits?.includes("commits")) return fired ? this.rest(at, index) : undefined;
    this.scheduled = this.durable;
    if (!reset) this.turns.clear();
    this.calls.clear();
    this.transactions.clear();
    if (fired || before !== this.scheduled) this.rest(at, index);
  }

  /** An instance whose turns are counted on from those of the one before it goes on from what that one has on its way.
   * @param {HistoryEvent} event its start @param {number} index */
  inherit(event, index) {
    const on_its_way = [...this.turns].filter(([key]) => Number(key.split(" ")[1]) < event.turn);
    this.turns = new Map(on_its_way);
    if (on_its_way.length === 0) return;
    this.scheduled = on_its_way[on_its_way.length - 1][1];
    this.rest(event.at_ns, index);
  }
}

/** @param {HistoryEvent} event */
const turnKey = (event) => `${event.instance} ${event.turn}`;
/** @param {HistoryEvent} event */
const opKey = (event) => `${event.instance} ${event.op}`;

/** @type {Object<string, (slot: SlotReader, event: HistoryEvent, index: number) => void>} */
const READ_SLOT = {
  instance_start(slot, event, index) {
    if (slot.instance !== undefined) slot.lose(event.at_ns, index);
    slot.inherit(event, index);
    slot.instance = event.instance;
  },
  instance_end(slot, event, index) {
    if (event.instance !== slot.instance) return;
    slot.instance = undefined;
    const [reason] = variant(event.reason);
    if (reason !== "evicted") slot.lose(event.at_ns, index, reason === "reset" || reason === "over_limit");
  },
  op(slot, event, index) {
    const before = slot.scheduled;
    if (event.call === "transaction") slot.transactions.set(opKey(event), before);
    if (event.call === "set_alarm" && event.scheduled_ms !== undefined) {
      const due = trueTime(slot.history, event, event.scheduled_ms);
      slot.calls.set(opKey(event), before);
      slot.put({ due, kind: "set", text: `set for ${wallText(slot.history, event, event.scheduled_ms)}` }, event, index);
    }
    if (event.call === "delete_alarm" || (event.call === "delete_all" && !event.preserve_alarm)) {
      slot.calls.set(opKey(event), before);
      slot.put(null, event, index);
    }
  },
  op_result(slot, event, index) {
    const key = opKey(event);
    const before = slot.calls.has(key) ? slot.calls.get(key) : slot.transactions.get(key);
    slot.calls.delete(key);
    slot.transactions.delete(key);
    if (before !== undefined && variant(event.result)[0] === "error") slot.put(before, event, index);
  },
  run_start(slot, event, index) {
    const told = { due: event.at_ns, kind: /** @type {const} */ ("set"), text: `set for ${wallText(slot.history, event, event.scheduled_ms)}` };
    slot.durable ??= slot.scheduled ?? told;
    slot.firing = { run: event.run, retry: event.retry_count, deleted: false };
    slot.scheduled = null;
    slot.state("firing", event.at_ns, index, event.retry_count > 0 ? `firing, retry ${event.retry_count}` : "firing");
  },
  run_end(slot, event, index) {
    const run = slot.firing;
    if (run === null || run.run !== event.run) return;
    slot.firing = null;
    const [kind] = variant(event.outcome);
    const { retries_max, retry_start_ms } = slot.history.header.constants;
    const counted = kind === "failed";
    const given_up = counted && run.retry >= retries_max;
    if (kind !== "ok" && !given_up && !run.deleted && slot.scheduled === null) {
      const text = counted ? `backoff, retry ${run.retry + 1} of ${retries_max}` : `backoff, not counted, retry ${run.retry} again`;
      slot.scheduled = { due: null, kind: "backoff", text };
      slot.rest(event.at_ns, index);
      slot.spans[slot.spans.length - 1].due = counted ? event.at_ns + retry_start_ms * 1e6 * 2 ** run.retry : null;
    } else if (given_up && slot.scheduled === null) {
      slot.state("given-up", event.at_ns, index, `given up after ${run.retry} retries`);
    } else {
      slot.rest(event.at_ns, index);
    }
    slot.turns.set(turnKey(event), slot.scheduled);
  },
  commit(slot, event) {
    const key = turnKey(event);
    if (!slot.turns.has(key)) return;
    slot.durable = /** @type {Scheduled|null} */ (slot.turns.get(key));
    slot.turns.delete(key);
  },
};

/**
 * The states of an object's slot, one after the other; where it is empty there is none.
 * @param {HistoryData} history
 * @param {number[]} events  the object's, ascending
 * @param {number} end_ns    when the history ends
 * @returns {Span[]}
 */
function readSlot(history, events, end_ns) {
  const slot = new SlotReader(history);
  for (const index of events) slot.read(history.events[index], index);
  return slot.spans.flatMap((span) => {
    span.to = Math.min(span.to, end_ns);
    return splitWhereDue(span);
  });
}

/** An alarm that waits past its time is due from then on. @param {Span} span @returns {Span[]} */
function splitWhereDue(span) {
  const due = span.due;
  if (due === undefined || due === null || due <= span.from || due >= span.to) return [span];
  const text = span.kind === "set" ? `due since ${seconds(due)}` : `${span.text}, may run`;
  return [
    { ...span, to: due, last: -1 },
    { ...span, kind: "due", from: due, first: -1, text },
  ];
}
