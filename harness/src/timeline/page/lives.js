// The lives of objects: instances, and what each did: constructor, turns, runs of alarm(), input gate, commits. From the
// account alone. Where a history does not tell an end, it is drawn as open and never invented.

/**
 * One instance of an object.
 * @typedef {object} Instance
 * @property {string} object
 * @property {number|string} id
 * @property {number} machine   -1 if the history does not tell
 * @property {number|undefined} epoch
 * @property {Span} life
 * @property {Span[]} runs      constructor and runs of alarm()
 * @property {Span[]} turns
 * @property {Span[]} durable   from the end of a turn to its commit
 * @property {Span[]} gate      while the input gate is closed
 * @property {number[]} marks   positions of its events, ascending
 * @property {number} track     among instances of its object that live at once, which one
 */

/** @typedef {{name: string, instances: Instance[], events: number[], tracks: number}} ObjectLife */

/** What an instance is known by. @param {HistoryEvent} event */
function instanceKey(event) {
  return `${event.object} ${event.instance}`;
}

/** Follows one instance through its events. */
class InstanceReader {
  /** @param {HistoryEvent} event its first @param {number} index */
  constructor(event, index) {
    const at = event.at_ns;
    const where = event.machine === undefined ? "" : `machine ${event.machine}`;
    const text = event.epoch === undefined ? where : `${where}, epoch ${event.epoch}`;
    this.gate = new Switch("gate");
    /** @type {Instance} */
    this.instance = {
      object: event.object, id: event.instance, machine: event.machine ?? -1, epoch: event.epoch, track: 0,
      life: { kind: "instance", from: at, to: at, first: index, last: -1, text },
      runs: [], turns: [], durable: [], gate: this.gate.spans, marks: [],
    };
    /** @type {Map<any, Span>} */
    this.open_runs = new Map();
    /** @type {Map<number, Span>} */
    this.turn_of = new Map();
    /** @type {Set<any>} */
    this.concurrent = new Set();
    /** @type {Set<any>} */
    this.awaited = new Set();
  }

  /** @param {HistoryEvent} event @param {number} index */
  read(event, index) {
    const { instance } = this;
    instance.marks.push(index);
    // What a reset instance had made may still become durable and leave: it lives no longer for that.
    if (instance.life.last === -1) instance.life.to = Math.max(instance.life.to, event.at_ns);
    if (!LEAVES_LATER.has(event.event)) this.turn(event, index);
    const handler = READ_INSTANCE[event.event];
    if (handler !== undefined) handler(this, event, index);
  }

  /** @param {HistoryEvent} event @param {number} index */
  turn(event, index) {
    if (event.turn === undefined) return;
    const span = this.turn_of.get(event.turn);
    if (span !== undefined) {
      span.to = event.at_ns;
      span.last = index;
      return;
    }
    const begun = { kind: "turn", from: event.at_ns, to: event.at_ns, first: index, last: index, text: `turn ${event.turn}` };
    this.turn_of.set(event.turn, begun);
    this.instance.turns.push(begun);
  }

  /** @param {any} key @param {string} kind @param {string} text @param {HistoryEvent} event @param {number} index */
  run(key, kind, text, event, index) {
    const span = { kind, from: event.at_ns, to: event.at_ns, first: index, last: -1, text };
    this.open_runs.set(key, span);
    this.instance.runs.push(span);
  }

  /** @param {any} key @param {HistoryEvent} event @param {number} index @param {string|null} failed why, if it failed */
  run_over(key, event, index, failed) {
    const span = this.open_runs.get(key);
    if (span === undefined) return;
    this.open_runs.delete(key);
    Object.assign(span, { to: event.at_ns, last: index, bad: failed !== null, text: failed === null ? span.text : `${span.text}: ${failed}` });
  }

  /** The instance is gone: nothing of it goes on. @param {number} at */
  end(at) {
    for (const span of this.open_runs.values()) Object.assign(span, { to: at, bad: true, text: `${span.text}: cut short` });
    this.open_runs.clear();
    this.gate.end(at);
    this.instance.life.to = at;
  }
}

/** Events that name the turn that made them, and come when it may be over. */
const LEAVES_LATER = new Set(["commit", "respond", "outbound", "outbound_leave", "instance_end"]);

/** @type {Object<string, (reader: InstanceReader, event: HistoryEvent, index: number) => void>} */
const READ_INSTANCE = {
  instance_start(reader, event, index) {
    reader.run("constructor", "constructor", "constructor", event, index);
    reader.gate.on(event.at_ns, index, "input gate closed: constructor");
  },
  constructor_end(reader, event, index) {
    reader.run_over("constructor", event, index, event.failed ?? null);
    reader.gate.off(event.at_ns, index);
  },
  gate(reader, event, index) {
    if (event.closed) reader.gate.on(event.at_ns, index, "input gate closed");
    else reader.gate.off(event.at_ns, index);
  },
  op(reader, event) {
    if (event.allow_concurrency) reader.concurrent.add(event.op);
  },
  await(reader, event, index) {
    if (event.kind !== "storage" || reader.concurrent.has(event.op)) return;
    reader.awaited.add(event.op);
    reader.gate.on(event.at_ns, index, "input gate closed: storage");
  },
  op_result(reader, event, index) {
    if (reader.awaited.delete(event.op)) reader.gate.off(event.at_ns, index);
  },
  run_start(reader, event, index) {
    reader.run(event.run, "run", event.retry_count > 0 ? `alarm(), retry ${event.retry_count}` : "alarm()", event, index);
  },
  run_end(reader, event, index) {
    const [kind, content] = variant(event.outcome);
    reader.run_over(event.run, event, index, kind === "ok" ? null : content.why);
  },
  commit(reader, event, index) {
    const turn = reader.turn_of.get(event.turn);
    if (turn === undefined) return;
    reader.instance.durable.push({ kind: "durable", from: turn.to, to: event.at_ns, first: turn.last, last: index, text: `turn ${event.turn} becomes durable` });
  },
  instance_end(reader, event, index) {
    const [reason] = variant(event.reason);
    reader.end(event.at_ns);
    Object.assign(reader.instance.life, { last: index, bad: reason !== "evicted" && reason !== "moved", text: `${reader.instance.life.text}; ${ENDED[reason] ?? "reset"}` });
  },
};

/** @type {Object<string, string>} */
const ENDED = { evicted: "evicted", lost: "lost with its machine", moved: "moved away", over_limit: "over its limit" };

/**
 * The lives of all objects, by name.
 * @param {HistoryData} history
 * @param {number} end_ns  when the history ends
 * @returns {Map<string, ObjectLife>}
 */
function readLives(history, end_ns) {
  /** @type {Map<string, ObjectLife>} */
  const lives = new Map();
  /** @type {Map<string, InstanceReader>} */
  const readers = new Map();
  const lifeOf = (/** @type {string} */ name) => {
    const life = lives.get(name) ?? { name, instances: [], events: [], tracks: 1 };
    lives.set(name, life);
    return life;
  };
  history.events.forEach((event, index) => {
    if (event.object === undefined) return;
    const life = lifeOf(event.object);
    life.events.push(index);
    let reader = readers.get(instanceKey(event));
    if (reader === undefined) {
      reader = new InstanceReader(event, index);
      readers.set(instanceKey(event), reader);
      life.instances.push(reader.instance);
    }
    reader.read(event, index);
  });
  for (const life of lives.values()) settle(life, readers, end_ns);
  return lives;
}

/**
 * An instance that nobody saw end lives until another is there, or until the end if none is; never less than it was seen.
 * @param {ObjectLife} life @param {Map<string, InstanceReader>} readers @param {number} end_ns
 */
function settle(life, readers, end_ns) {
  life.instances.forEach((instance, position) => {
    if (instance.life.last !== -1) return;
    const next = life.instances[position + 1];
    const until = Math.max(instance.life.to, next === undefined ? end_ns : next.life.from);
    readers.get(`${instance.object} ${instance.id}`)?.end(until);
    if (next !== undefined) Object.assign(instance.life, { bad: true, text: `${instance.life.text}; not seen to end` });
  });
  const spans = life.instances.map((instance) => instance.life);
  life.tracks = pack(spans, 4);
  for (const instance of life.instances) instance.track = instance.life.row ?? 0;
}
