// What goes between lanes: requests with their answers, calls to outside services with theirs. Each message is an
// arrow between two events; what did not arrive has none.

/** @typedef {{kind: "request"|"answer"|"call"|"return", from: number, to: number, text: string,
 * way: "whole"|"straight"|"leg"}} Arrow  positions of the events at its ends. Where the witness tells at which machine a request
 * came in, its way is told twice: straight, and by its legs over that machine */

/**
 * A request of a client, with every event that names it.
 * @typedef {{id: any, object: string, span: Span, events: number[]}} ClientRequest
 */

/** A call to an outside service. @typedef {{id: any, service: string, object: string|null, span: Span, events: number[]}} ServiceCall */

/** @typedef {{requests: Map<any, ClientRequest>, calls: Map<any, ServiceCall>, arrows: Arrow[]}} Links */

/** The request that an event is about, if it is about one. @param {HistoryEvent} event */
function requestOf(event) {
  return event.event === "deliver" ? event.delivery.request?.request : event.request;
}

/** Reads what goes between lanes. */
class LinkReader {
  /** @param {HistoryData} history @param {number} end_ns */
  constructor(history, end_ns) {
    this.history = history;
    this.end_ns = end_ns;
    /** @type {Links} */
    this.links = { requests: new Map(), calls: new Map(), arrows: [] };
    /** By request, the `respond` that has not arrived. @type {Map<any, number>} */
    this.responded = new Map();
    /** By request, where it came in last. @type {Map<any, number>} */
    this.came_in = new Map();
    /** By request, the `answer_leave` that has not arrived. @type {Map<any, number>} */
    this.left = new Map();
    /** The last `await` of an instance for an outside service. @type {Map<string, any>} */
    this.awaiting = new Map();
    /** Which call an operation of an instance waits for. @type {Map<string, any>} */
    this.call_of = new Map();
    /** By call, its answer at the service. @type {Map<any, number>} */
    this.answered = new Map();
  }

  /** @param {Arrow["kind"]} kind @param {number} from @param {number} to @param {string} text @param {number} [over]
   * where the witness saw it on its way */
  arrow(kind, from, to, text, over) {
    const { arrows } = this.links;
    arrows.push({ kind, from, to, text, way: over === undefined ? "whole" : "straight" });
    if (over === undefined) return;
    if (kind === "answer") arrows.push({ kind, from, to: over, text, way: "leg" }, { kind, from: over, to, text, way: "leg" });
    else arrows.push({ kind, from: over, to, text, way: "leg" });
  }

  /** @param {HistoryEvent} event @param {number} index */
  read(event, index) {
    const request = requestOf(event);
    if (request !== undefined) this.request(request, event, index);
    if (event.call !== undefined && event.event !== "op") this.call(event.call, event, index);
    if (event.event === "await" && event.kind === "outside") this.awaiting.set(instanceKey(event), event.op);
    if (event.event === "op_result") this.result(event, index);
  }

  /** @param {any} id @param {HistoryEvent} event @param {number} index */
  request(id, event, index) {
    if (event.event === "call") {
      const span = { kind: "request", from: event.at_ns, to: this.end_ns, first: index, last: -1, text: `request ${id}: ${requestText(event, 40)}` };
      this.links.requests.set(id, { id, object: event.to, span, events: [] });
    }
    const request = this.links.requests.get(id);
    if (request === undefined) return;
    request.events.push(index);
    if (event.event === "request_arrive") {
      this.came_in.set(id, index);
      this.links.arrows.push({ kind: "request", from: request.span.first, to: index, text: `request ${id}`, way: "leg" });
    }
    if (event.event === "deliver") this.arrow("request", request.span.first, index, `request ${id}`, this.came_in.get(id));
    if (event.event === "answer_leave") this.left.set(id, index);
    if (event.event === "respond") this.responded.set(id, index);
    if (event.event !== "return") return;
    const [outcome, content] = variant(event.outcome);
    const told = outcome === "answered" ? `${content.status} ${bytesText(content.body, 24)}` : outcome;
    Object.assign(request.span, { to: event.at_ns, last: index, bad: outcome !== "answered", text: `${request.span.text} → ${told}` });
    const from = this.responded.get(id);
    if (from !== undefined && outcome === "answered") this.arrow("answer", from, index, `answer to request ${id}: ${told}`, this.left.get(id));
  }

  /** @param {any} id @param {HistoryEvent} event @param {number} index */
  call(id, event, index) {
    const { calls } = this.links;
    if (event.event === "outbound" || !calls.has(id)) {
      const span = { kind: "call", from: event.at_ns, to: this.end_ns, first: index, last: -1, text: `call ${id}: ${requestText(event, 40)}` };
      calls.set(id, { id, service: event.service ?? "outside service", object: event.object ?? null, span, events: [] });
    }
    const call = /** @type {ServiceCall} */ (calls.get(id));
    call.events.push(index);
    if (event.event === "outbound") this.call_of.set(`${instanceKey(event)} ${event.op ?? this.awaiting.get(instanceKey(event))}`, id);
    if (event.event === "outbound_arrive") {
      this.arrow("call", call.span.first, index, call.span.text);
      Object.assign(call.span, { from: event.at_ns, first: index });
    }
    if (event.event === "outbound_answer") {
      this.answered.set(id, index);
      const told = event.status ?? "no answer";
      const bad = !(event.status >= 200 && event.status < 300);
      Object.assign(call.span, { to: event.at_ns, last: index, bad, text: `${call.span.text} → ${told}` });
    }
  }

  /** @param {HistoryEvent} event @param {number} index */
  result(event, index) {
    const call = this.call_of.get(`${instanceKey(event)} ${event.op}`);
    const from = this.answered.get(call);
    if (from === undefined) return;
    this.links.calls.get(call)?.events.push(index);
    this.arrow("return", from, index, `answer to call ${call}: ${resultText(this.history, event)}`);
  }
}

/**
 * @param {HistoryData} history
 * @param {number} end_ns
 * @returns {Links}
 */
function readLinks(history, end_ns) {
  const reader = new LinkReader(history, end_ns);
  history.events.forEach((event, index) => reader.read(event, index));
  return reader.links;
}
