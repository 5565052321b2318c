// The world around the objects: phases, faults and whom they strike, processes, quorums, who leads.

/**
 * A fault, from its begin until its end or the end of the history.
 * @typedef {Span & {machines: number[], service: string|null}} Fault
 */

/**
 * @typedef {object} World
 * @property {Span[]} phases
 * @property {Fault[]} faults
 * @property {Span[]} quorums        while the objects of groups have no quorum
 * @property {Map<number, Span[]>} processes  while a machine's process is down or paused, by the witness
 * @property {number} machines       how many machines there are
 */

/**
 * Whether a fault strikes a service. One that names a service by a name that no call has strikes them all: which one it is, is
 * not told.
 * @param {Fault} fault @param {string} service @param {string[]} services
 */
function strikesService(fault, service, services) {
  return fault.service !== null && (fault.service === service || !services.includes(fault.service));
}

/** The machines that a scope strikes, and the service. @param {HistoryData} history @param {any} scope */
function struck(history, scope) {
  const datacenter_of = history.header.datacenter_of;
  const all = datacenter_of.map((/** @type {number} */ _, /** @type {number} */ machine) => machine);
  if (scope === "network") return { machines: all, service: null };
  const [kind, whom] = variant(scope);
  if (kind === "machine") return { machines: [whom], service: null };
  if (kind === "datacenter") {
    return { machines: all.filter((/** @type {number} */ machine) => datacenter_of[machine] === whom), service: null };
  }
  if (kind === "links") return { machines: [...new Set([...whom.from, ...whom.to])], service: null };
  return { machines: [], service: kind === "service" ? whom : null };
}

/** @type {Object<string, string>} */
const PHASE_NAMES = { warm_up: "warm-up", faults: "work and faults", quiet: "quiet: no faults any more" };

/**
 * @param {HistoryData} history
 * @param {number} end_ns
 * @returns {World}
 */
function readWorld(history, end_ns) {
  /** @type {World} */
  const world = { phases: [], faults: [], quorums: [], processes: new Map(), machines: history.header.datacenter_of.length };
  /** @type {Map<any, Fault>} */
  const open = new Map();
  /** @type {Map<any, Switch>} */
  const quorum = new Map();
  history.events.forEach((event, index) => {
    const at = event.at_ns;
    if (event.machine !== undefined) world.machines = Math.max(world.machines, event.machine + 1);
    switch (event.event) {
      case "phase": {
        const before = world.phases[world.phases.length - 1];
        if (before !== undefined) Object.assign(before, { to: at, last: index });
        if (event.phase !== "end") world.phases.push({ kind: "phase", from: at, to: end_ns, first: index, last: -1, text: PHASE_NAMES[event.phase] ?? event.phase });
        break;
      }
      case "fault_begin": {
        const text = `${event.kind}: ${scopeText(event.scope)}`;
        const fault = { kind: "fault", from: at, to: end_ns, first: index, last: -1, text, ...struck(history, event.scope) };
        open.set(event.fault, fault);
        world.faults.push(fault);
        break;
      }
      case "fault_end": {
        const fault = open.get(event.fault);
        if (fault !== undefined) Object.assign(fault, { to: at, last: index });
        break;
      }
      case "majority": {
        const one = quorum.get(event.group) ?? new Switch("no-quorum");
        quorum.set(event.group, one);
        if (event.connected) one.off(at, index);
        else if (one.depth === 0) one.on(at, index, `group ${event.group} has no quorum`);
        break;
      }
      case "process": process(world, event, index);
    }
  });
  for (const one of quorum.values()) one.end(end_ns);
  for (const spans of world.processes.values()) {
    for (const span of spans) span.to = Math.min(span.to, end_ns);
  }
  world.quorums = together([...quorum.values()].flatMap((one) => one.spans));
  return world;
}

/** @param {World} world @param {HistoryEvent} event @param {number} index */
function process(world, event, index) {
  const spans = world.processes.get(event.machine) ?? [];
  world.processes.set(event.machine, spans);
  const before = spans[spans.length - 1];
  if (before !== undefined && before.to === Infinity) Object.assign(before, { to: event.at_ns, last: index });
  if (event.state === "up") return;
  const text = event.state === "down" ? "down" : "paused";
  spans.push({ kind: "down", from: event.at_ns, to: Infinity, first: index, last: -1, text });
}

/** Groups that lose and regain their quorum together are one span. @param {Span[]} spans */
function together(spans) {
  /** @type {Map<string, Span[]>} */
  const alike = new Map();
  for (const span of spans) {
    const key = `${span.from} ${span.to}`;
    alike.set(key, [...(alike.get(key) ?? []), span]);
  }
  const merged = [...alike.values()].map((group) =>
    group.length === 1 ? group[0] : { ...group[0], text: `${group.length} groups have no quorum` });
  return merged.sort((one, other) => one.from - other.from);
}
