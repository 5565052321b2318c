// Which lanes there are, from top to bottom, and what lies in each. One layout for each choice of what lanes stand for; of
// what is not asked for there is none.

/**
 * Spans of one height in a lane.
 * @typedef {object} Layer
 * @property {number} y       from the lane's top, pixels
 * @property {number} h       height of a row, pixels
 * @property {Span[]} spans   in the order in which they begin
 * @property {Float64Array} reach  how far spans until this one reach at most, in places
 */

/**
 * @typedef {object} Lane
 * @property {string} key
 * @property {string} title
 * @property {string} sub     what stands under the title
 * @property {number} y       pixels from the top of all lanes
 * @property {number} h
 * @property {Layer[]} layers
 * @property {number[]} marks events that are marked in it, ascending
 * @property {Span[]} bands   faults while they strike it
 * @property {string|null} object  whose lane it is
 * @property {number[]} labels  where words beside marks may stand, from the top of their track, pixels
 * @property {number} track_h how high a track of it is, pixels; instances that live at once have tracks of their own
 */

/**
 * @typedef {object} Layout
 * @property {Lane[]} lanes
 * @property {number} height
 * @property {Int32Array} lane_of  by event the lane that it is in; -1 if it is in none
 * @property {Float32Array} y_of   by event how far from the lane's top, pixels
 * @property {number[]} shown      events that are in a lane, ascending
 * @property {Arrow[]} arrows      those with both ends in a lane, in the order in which they leave
 */

/**
 * What lanes stand for; of which objects there are some, all where it is null; and which machines have one in any case.
 * @typedef {{by: "object"|"machine"|"request", objects: Set<string>|null, machines?: Set<number>}} Choice
 */

const ROW = 18;
const GAP = 10;
/** With so many objects or fewer a lane shows turns and gates apart. */
const FULL_OBJECTS_MAX = 4;
/** How high the parts of an object's lane are, and where. */
const FULL = { life: 2, runs: 20, turns: 39, mark: 48, gate: 60, labels: [74, 88, 102, 116], height: 124 };
const COMPACT = { life: 1, runs: 18, turns: 18, mark: 23, gate: 30, labels: [], height: 35 };

/** Builds the lanes of a layout. */
class LaneBuilder {
  /** @param {Model} model @param {Choice} choice */
  constructor(model, choice) {
    this.model = model;
    this.choice = choice;
    this.names = [...model.objects.keys()].filter((name) => choice.objects === null || choice.objects.has(name));
    this.form = this.names.length <= FULL_OBJECTS_MAX ? FULL : COMPACT;
    const count = model.history.events.length;
    /** @type {Layout} */
    this.layout = { lanes: [], height: 0, lane_of: new Int32Array(count).fill(-1), y_of: new Float32Array(count), shown: [], arrows: [] };
    this.beside = this.besideInstances();
  }

  /** @param {string} key @param {string} title @param {string} sub @param {number} h @param {string|null} [object] */
  lane(key, title, sub, h, object = null) {
    /** @type {Lane} */
    const lane = { key, title, sub, y: this.layout.height, h, layers: [], marks: [], bands: [], object, labels: [], track_h: h };
    this.layout.lanes.push(lane);
    this.layout.height += h + GAP;
    return lane;
  }

  /** @param {Lane} lane @param {number} y @param {number} h @param {Span[]} spans */
  layer(lane, y, h, spans) {
    if (spans.length > 0) lane.layers.push({ y, h, spans, reach: new Float64Array(spans.length) });
  }

  /** The event has its mark in the last lane. @param {number} index @param {number} y */
  mark(index, y) {
    const { layout } = this;
    layout.lane_of[index] = layout.lanes.length - 1;
    layout.y_of[index] = y;
    layout.lanes[layout.lanes.length - 1].marks.push(index);
  }

  world() {
    const { world, history } = this.model;
    const faults = world.faults.map((fault) => ({ ...fault }));
    const rows = faults.length === 0 ? 0 : pack(faults, 5);
    const quorums = world.quorums.map((span) => ({ ...span }));
    const quorum_rows = quorums.length === 0 ? 0 : pack(quorums, 2);
    const lane = this.lane("world", "World", faults.length === 0 ? "no faults" : `faults: ${faults.length}`, ROW * (1 + rows + quorum_rows));
    this.layer(lane, 0, ROW - 2, world.phases);
    this.layer(lane, ROW, ROW - 2, faults);
    this.layer(lane, ROW * (1 + rows), ROW - 2, quorums);
    const row_of = new Map();
    for (const fault of faults) row_of.set(fault.first, fault.row).set(fault.last, fault.row);
    for (const index of this.beside.world) this.mark(index, ROW / 2);
    history.events.forEach((_, index) => {
      if (row_of.has(index)) this.mark(index, ROW * (1.5 + row_of.get(index)));
    });
    lane.marks.sort((one, other) => one - other);
  }

  /** Requests or calls, packed into one lane. @param {string} key @param {string} title
   * @param {string} sub @param {(ClientRequest|ServiceCall)[]} all @param {(event: HistoryEvent) => boolean} here which events are in it */
  packed(key, title, sub, all, here) {
    const spans = all.map((one) => ({ ...one.span, text: one.span.text })).sort((one, other) => one.from - other.from);
    const row_of = new Map();
    const rows = pack(spans, 8);
    for (const span of spans) row_of.set(span.first, span.row);
    const lane = this.lane(key, title, sub, rows * ROW);
    this.layer(lane, 0, ROW - 2, spans);
    for (const one of all) {
      for (const index of one.events) {
        if (here(this.model.history.events[index])) this.mark(index, ROW * ((row_of.get(one.span.first) ?? 0) + 0.5));
      }
    }
    lane.marks.sort((one, other) => one - other);
  }

  clients() {
    const requests = [...this.model.links.requests.values()].filter((request) => this.isShown(request.object));
    if (requests.length === 0) return;
    const here = (/** @type {HistoryEvent} */ event) => event.event === "call" || event.event === "return" || (event.object === undefined && event.machine === undefined);
    this.packed("clients", "Clients", counted(requests.length, "request"), requests, here);
  }

  services() {
    const { links, services } = this.model;
    for (const service of services) {
      const calls = [...links.calls.values()].filter((call) => call.service === service && (call.object === null || this.isShown(call.object)));
      if (calls.length === 0) continue;
      const here = (/** @type {HistoryEvent} */ event) => event.event !== "outbound" && event.object === undefined && event.machine === undefined;
      this.packed(`service ${service}`, service.replace(/^https?:\/\//, ""), `outside service, ${counted(calls.length, "call")}`, calls, here);
      this.last().bands = this.model.world.faults.filter((fault) => strikesService(fault, service, services));
    }
  }

  last() {
    return this.layout.lanes[this.layout.lanes.length - 1];
  }

  /** @param {string} object */
  isShown(object) {
    return this.choice.objects === null || this.choice.objects.has(object);
  }

  /** The lane of some of an object's instances. @param {string} key @param {string} title @param {string} sub
   * @param {string} name @param {Instance[]} instances @param {boolean} own_too  what is told of the object as well */
  object(key, title, sub, name, instances, own_too) {
    const { form } = this;
    const tracks = Math.max(...instances.map((instance) => instance.track)) + 1;
    const lane = this.lane(key, title, sub, tracks * form.height, name);
    for (let track = 0; track < tracks; track += 1) {
      const own = instances.filter((instance) => instance.track === track);
      const top = track * form.height;
      this.layer(lane, top + form.life, 16, own.map((instance) => ({ ...instance.life, row: 0 })));
      this.layer(lane, top + form.runs, form === FULL ? 16 : 11, own.flatMap((instance) => instance.runs));
      if (form === FULL) {
        this.layer(lane, top + form.turns, 18, own.flatMap((instance) => instance.turns));
        this.layer(lane, top + form.mark - 2, 4, own.flatMap((instance) => instance.durable));
      }
      this.layer(lane, top + form.gate, 5, own.flatMap((instance) => instance.gate));
    }
    for (const index of own_too ? this.beside.of.get(name) ?? [] : []) this.mark(index, form.mark);
    for (const instance of instances) {
      for (const index of instance.marks) this.mark(index, instance.track * form.height + this.markY(index));
    }
    lane.labels = form.labels;
    lane.track_h = form.height;
    lane.bands = this.bandsOver(instances);
    lane.marks.sort((one, other) => one - other);
  }

  /** @param {number} index */
  markY(index) {
    const name = this.model.history.events[index].event;
    if (name === "instance_start" || name === "instance_end") return this.form.life + 8;
    if (name === "run_start" || name === "run_end" || name === "constructor_end") return this.form.runs + (this.form === FULL ? 8 : 5);
    return this.form.mark;
  }

  /** Faults of the machine that an object was last on, until it is somewhere else. @param {Instance[]} instances */
  bandsOver(instances) {
    /** @type {Span[]} */
    const bands = [];
    instances.forEach((instance, position) => {
      const until = instances[position + 1]?.life.from ?? this.model.to;
      for (const fault of this.model.world.faults) {
        if (!fault.machines.includes(instance.machine) || fault.machines.length === this.model.world.machines) continue;
        const from = Math.max(fault.from, instance.life.from);
        const to = Math.min(fault.to, Math.max(until, instance.life.to));
        if (from < to) bands.push({ ...fault, from, to, first: from === fault.from ? fault.first : -1, last: to === fault.to ? fault.last : -1 });
      }
    });
    return bands.sort((one, other) => one.from - other.from);
  }

  /** @param {string} name */
  slot(name) {
    const spans = this.model.slots.get(name) ?? [];
    if (spans.length === 0) return;
    if (this.choice.by === "object") this.layout.height -= GAP - 3;
    const lane = this.lane(`slot ${name}`, "alarm slot", this.choice.by === "object" ? "" : name, this.form === FULL ? 24 : 14, name);
    this.layer(lane, 2, this.form === FULL ? 20 : 12, spans);
  }

  /** @param {number} machine */
  machine(machine) {
    const { history, world } = this.model;
    const datacenter = history.header.datacenter_of[machine];
    const lane = this.lane(`machine ${machine}`, `machine ${machine}`, datacenter === undefined ? "" : `datacenter ${datacenter}`, 26);
    lane.bands = world.faults.filter((fault) => fault.machines.includes(machine));
    this.layer(lane, 3, 20, world.processes.get(machine) ?? []);
    for (const index of this.beside.machine[machine] ?? []) this.mark(index, 13);
  }

  /** Events that no instance does: by the machine that does them, by the object that they are told of, and all others that are
   * about no request, call or fault. */
  besideInstances() {
    /** @type {{machine: number[][], of: Map<string, number[]>, world: number[]}} */
    const beside = { machine: [], of: new Map(), world: [] };
    const { history, links } = this.model;
    history.events.forEach((event, index) => {
      if (event.object !== undefined) return;
      if (event.of !== undefined) {
        const of = beside.of.get(event.of) ?? [];
        of.push(index);
        beside.of.set(event.of, of);
      } else if (event.machine !== undefined) {
        const about = links.requests.get(event.request) ?? links.calls.get(event.call);
        if (about === undefined || about.object === null || this.isShown(about.object)) (beside.machine[event.machine] ??= []).push(index);
      } else if (event.request === undefined && event.call === undefined && event.fault === undefined) {
        beside.world.push(index);
      }
    });
    return beside;
  }

  /** The machines that have held what is shown, and those that are asked for. */
  machines() {
    const all = Array.from({ length: this.model.world.machines }, (_, machine) => machine);
    if (this.choice.objects === null) return all;
    const homes = new Set(this.names.flatMap((name) => this.instances(name).map((instance) => instance.machine)));
    return all.filter((machine) => homes.has(machine) || this.choice.machines?.has(machine));
  }

  /** @param {string} name */
  instances(name) {
    return /** @type {ObjectLife} */ (this.model.objects.get(name)).instances;
  }

  byObject() {
    this.clients();
    for (const name of this.names) {
      const instances = this.instances(name);
      this.object(`object ${name}`, name, counted(instances.length, "instance"), name, instances, true);
      this.slot(name);
    }
    this.services();
    for (const machine of this.machines()) this.machine(machine);
  }

  byMachine() {
    this.clients();
    for (const machine of this.machines()) {
      this.machine(machine);
      for (const name of this.names) {
        const here = this.instances(name).filter((instance) => instance.machine === machine);
        if (here.length > 0) this.object(`object ${name} on ${machine}`, name, `on machine ${machine}`, name, here, false);
      }
    }
    for (const name of this.names) this.slot(name);
    this.services();
  }

  byRequest() {
    for (const request of this.model.links.requests.values()) {
      if (!this.isShown(request.object)) continue;
      const lane = this.lane(`request ${request.id}`, `request ${request.id}`, request.object, 24, request.object);
      this.layer(lane, 3, 18, [request.span]);
      for (const index of request.events) this.mark(index, 12);
    }
    this.services();
  }

  /** Between two lanes; where lanes are by machine by its legs, else straight. @param {Arrow} arrow */
  isDrawn({ from, to, way }) {
    const { lane_of } = this.layout;
    const is_asked = way === "whole" || (way === "leg") === (this.choice.by === "machine");
    return is_asked && lane_of[from] !== -1 && lane_of[to] !== -1 && lane_of[from] !== lane_of[to];
  }

  /** @returns {Layout} */
  build() {
    const { layout, choice } = this;
    this.world();
    ({ object: () => this.byObject(), machine: () => this.byMachine(), request: () => this.byRequest() })[choice.by]();
    layout.lane_of.forEach((lane, index) => {
      if (lane !== -1) layout.shown.push(index);
    });
    layout.arrows = this.model.links.arrows.filter((arrow) => this.isDrawn(arrow)).sort((one, other) => one.from - other.from);
    return layout;
  }
}

/** @param {Model} model @param {Choice} choice @returns {Layout} */
function layOut(model, choice) {
  return new LaneBuilder(model, choice).build();
}

/**
 * Gives everything in the layout its place on the scale.
 * @param {Layout} layout
 * @param {Scale} scale
 * @param {HistoryEvent[]} events
 * @returns {Float64Array} by event its place
 */
function project(layout, scale, events) {
  for (const lane of layout.lanes) {
    for (const span of lane.bands) placeSpan(span, scale);
    for (const layer of lane.layers) {
      let reach = -Infinity;
      layer.spans.forEach((span, position) => {
        placeSpan(span, scale);
        reach = Math.max(reach, /** @type {number} */ (span.b));
        layer.reach[position] = reach;
      });
    }
  }
  return Float64Array.from(events, (event, index) => scale.place(event.at_ns, index));
}

/** @param {Span} span @param {Scale} scale */
function placeSpan(span, scale) {
  span.a = scale.place(span.from, span.first);
  span.b = Math.max(span.a, scale.place(span.to, span.last));
}
