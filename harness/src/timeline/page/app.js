// What the page is at: which lanes, which scale, which part of it, what is selected. Everything else asks it to change that,
// and it has it drawn.

/** Room at either side of the evidence when it is shown, as a share of its extent. */
const MARGIN = 0.12;

/** The page. */
class App {
  /** @type {Layout} */
  layout;
  /** @type {Scale} */
  scale;
  /** @type {Float64Array} */
  places;
  /** @type {Overview} */
  overview;
  /** What `found_as_set` was made of. @type {number[]|null} */
  found_for = null;
  /** @type {Set<number>} */
  found_as_set = new Set();

  /** @param {Model} model @param {HTMLCanvasElement} canvas @param {() => void} changed called after each change but of the sight */
  constructor(model, canvas, changed) {
    this.model = model;
    this.canvas = canvas;
    this.brush = new Brush(canvas);
    this.changed = changed;
    /** @type {Choice} */
    this.choice = { by: "object", objects: null, machines: new Set() };
    /** @type {"time"|"sequence"} */
    this.scale_name = "time";
    /** @type {Sight} */
    this.sight = { from: 0, to: 1, scroll: 0, width: 800, height: 600 };
    this.selected = -1;
    this.finding = -1;
    this.query = "";
    /** @type {number[]|null} */
    this.found = null;
    this.is_asked = false;
    /** How long the last frame took, ms. */
    this.frame_ms = 0;
    this.resize();
  }

  /** Shows what a link asks for; what it leaves open, as on opening: the finding that the head names, with the lanes of
   * its object.
   * @param {Partial<Linked>} linked */
  open(linked) {
    const { findings, open } = this.model.history.head;
    const finding = linked.finding ?? (findings.length > 0 ? open ?? 0 : -1);
    if (finding in findings) this.aim(finding);
    if (linked.objects !== undefined) this.choice.objects = new Set(linked.objects);
    else if (linked.t !== undefined && linked.finding === undefined) this.choice.objects = null;
    this.choice.by = linked.by ?? this.choice.by;
    this.scale_name = linked.scale ?? (this.finding === -1 ? "time" : "sequence");
    this.query = linked.q ?? "";
    this.found = search(this.model, this.query);
    this.layOut();
    if (linked.t) this.lookAt(linked.t[0], linked.t[1]);
    else if (this.finding !== -1) this.lookAtEvidence();
    else this.lookAtAll();
    this.scrollToSight();
    if (linked.event !== undefined && linked.event !== null && linked.event in this.model.history.events) this.selected = linked.event;
    this.changed();
  }

  /** The finding is what it is about: its object, and the objects and machines of its evidence, have lanes. @param {number} finding */
  aim(finding) {
    this.finding = finding;
    const { object, evidence } = this.model.history.head.findings[finding];
    const proof = evidence.map((index) => this.model.history.events[index]);
    const told = [object, ...proof.map((event) => event.object ?? event.to ?? event.of)];
    const known = told.filter((name) => name !== undefined && this.model.objects.has(name));
    this.choice.objects = known.length > 0 ? new Set(known) : null;
    this.choice.machines = new Set(proof.map((event) => event.machine).filter((machine) => machine !== undefined));
    this.selected = -1;
  }

  /** @param {number} finding */
  showFinding(finding) {
    this.aim(finding);
    this.layOut();
    this.lookAtEvidence();
    this.changed();
  }

  /** Lanes and scale anew, from what is chosen. */
  layOut() {
    const { model } = this;
    this.layout = layOut(model, this.choice);
    this.scale = this.scale_name === "time" ? timeScale(model.from, model.to)
      : sequenceScale(model.history.events, this.layout.shown, model.from, model.to);
    this.places = project(this.layout, this.scale, model.history.events);
    this.overview = overviewOf(this.layout, this.places, this.scale, Math.floor((this.sight.width - FRAME.left - FRAME.right) / 3));
    keepScroll(this.sight, this.layout.height);
    this.ask();
  }

  /** Lanes or scale are others from here on; what is in the picture stays. @param {Partial<Choice>} choice
   * @param {"time"|"sequence"} [scale_name] */
  choose(choice, scale_name = this.scale_name) {
    const [from, to] = this.moments();
    Object.assign(this.choice, choice);
    this.scale_name = scale_name;
    this.layOut();
    this.lookAt(from, to);
    this.scrollToSight();
    this.changed();
  }

  /** The part of time that is in the picture, ns. @returns {[number, number]} */
  moments() {
    return [this.scale.moment(this.sight.from), this.scale.moment(this.sight.to)];
  }

  /** @param {number} from_ns @param {number} to_ns */
  lookAt(from_ns, to_ns) {
    look(this.sight, this.scale, this.scale.place(from_ns, -1), this.scale.place(to_ns, -1));
    this.ask();
  }

  lookAtAll() {
    look(this.sight, this.scale, this.scale.from, this.scale.to);
    this.ask();
  }

  lookAtEvidence() {
    const { evidence, at_ns } = this.model.history.head.findings[this.finding];
    const at = evidence.length > 0 ? evidence.map((index) => this.places[index]) : [this.scale.place(at_ns, -1)];
    const [from, to] = [Math.min(...at), Math.max(...at)];
    const around = Math.max((to - from) * MARGIN, this.scale.name === "time" ? 1e5 : 3);
    look(this.sight, this.scale, from - around, to + around);
    this.scrollTo(evidence);
    this.ask();
  }

  /** Scrolls so that the first of these events is in the picture. @param {number[]} events */
  scrollTo(events) {
    const lanes = events.map((index) => this.layout.lane_of[index]).filter((lane) => lane !== -1);
    if (lanes.length === 0) return;
    const top = Math.min(...lanes.map((lane) => this.layout.lanes[lane].y));
    const bottom = Math.max(...lanes.map((lane) => this.layout.lanes[lane].y + this.layout.lanes[lane].h));
    const room = this.sight.height - FRAME.top;
    if (bottom > this.sight.scroll + room) this.sight.scroll = bottom - room + GAP;
    if (top < this.sight.scroll) this.sight.scroll = top;
    keepScroll(this.sight, this.layout.height);
  }

  /** Of lanes by request most are empty at any moment: scrolls to the first that is not. */
  scrollToSight() {
    if (this.choice.by !== "request") return;
    const { from, to } = this.sight;
    const is_seen = (/** @type {number} */ index) => this.places[index] >= from && this.places[index] <= to;
    const first = this.layout.lanes.slice(1).find((lane) => lane.marks.some(is_seen));
    if (first === undefined) return;
    this.sight.scroll = first.y;
    keepScroll(this.sight, this.layout.height);
  }

  /** Selects an event and brings it into the picture. @param {number} event -1 for none */
  select(event) {
    this.selected = event;
    if (event !== -1) {
      if (this.layout.lane_of[event] === -1 && this.choice.objects !== null) this.choose({ objects: null });
      const place = this.places[event];
      const extent = this.sight.to - this.sight.from;
      if (place < this.sight.from || place > this.sight.to) look(this.sight, this.scale, place - extent / 2, place + extent / 2);
      this.scrollTo([event]);
    }
    this.ask();
    this.changed();
  }

  /** The next event in the lane of the selected one, or of what was found. @param {1|-1} step */
  step(step) {
    const lane = this.layout.lane_of[this.selected] ?? -1;
    const among = this.found ?? (lane === -1 ? this.layout.shown : this.layout.lanes[lane].marks);
    const at = among.indexOf(this.selected);
    const from = this.selected === -1 ? -1 : lastAtMost(among, this.selected);
    const next = at === -1 && step === -1 ? from : from + step;
    if (next >= 0 && next < among.length) this.select(among[next]);
  }

  /** @param {string} query */
  ask_for(query) {
    this.query = query;
    this.found = search(this.model, query);
    this.ask();
    this.changed();
  }

  /** The link to what is in the picture. */
  link() {
    const objects = this.choice.objects === null ? null : [...this.choice.objects];
    return toFragment({
      t: this.moments(), by: this.choice.by, scale: this.scale_name, objects, q: this.query,
      event: this.selected === -1 ? null : this.selected, finding: this.finding === -1 ? null : this.finding,
    });
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    this.sight.width = Math.max(400, box.width);
    this.sight.height = Math.max(200, box.height);
    this.canvas.width = Math.round(this.sight.width * ratio);
    this.canvas.height = Math.round(this.sight.height * ratio);
    this.brush.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (this.layout === undefined) return;
    keepScroll(this.sight, this.layout.height);
    this.draw();
  }

  /** @returns {Scene} */
  scene() {
    const { model, layout, scale, places, sight, selected, finding } = this;
    return { model, layout, scale, places, sight, selected, finding, found: this.found === null ? null : this.found_set() };
  }

  found_set() {
    if (this.found_for !== this.found) {
      this.found_for = this.found;
      this.found_as_set = new Set(this.found);
    }
    return this.found_as_set;
  }

  /** Asks for a frame; several requests until it is drawn are one. */
  ask() {
    if (this.is_asked) return;
    this.is_asked = true;
    requestAnimationFrame(() => {
      this.is_asked = false;
      this.draw();
    });
  }

  draw() {
    const begin = performance.now();
    paint(this.brush, this.scene(), this.overview);
    this.frame_ms = performance.now() - begin;
  }
}
