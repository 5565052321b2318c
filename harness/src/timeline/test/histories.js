// Histories for the tests: the example of model/HISTORY.md, the documentation's Batcher losing an item, small ones written by
// hand, and a long one.

const fs = require("node:fs");
const path = require("node:path");
const { data } = require("./load.js");

const CONSTANTS = {
  retry_start_ms: 2000, retry_exponent_max: 9, retry_jitter_percent: 25, retries_max: 6, wall_error_max_ms: 0, drift_max_ppm: 500,
  lateness_calm_ms: 100, lateness_one_failure_ms: 30000, lateness_failures_ms: 60000,
};

const WALL_ZERO_MS = 1_700_000_000_000;

/** The example that HISTORY.md tells. */
function example() {
  const text = fs.readFileSync(path.join(__dirname, "../../../../model/HISTORY.md"), "utf8");
  return /```jsonl\n([\s\S]*?)```/.exec(text)[1];
}

/** The documentation's Batcher: an item that was acknowledged is erased, X1(b). */
function erased() {
  const history = fs.readFileSync(path.join(__dirname, "erased_by_delete_all.jsonl"), "utf8");
  const events = history.trim().split("\n").slice(1).map((line) => JSON.parse(line));
  const at = (test) => events.findIndex(test);
  const evidence = [
    at((event) => event.event === "call" && event.request === 1), at((event) => event.event === "run_start"),
    at((event) => event.event === "outbound"), at((event) => event.event === "op" && event.op === 9),
    at((event) => event.event === "return" && event.request === 1), at((event) => event.call === "delete_all"),
  ];
  const sentences = "The client that sent \"item-111\" to BatcherDocs/foo (request 1) was told at 11.001 s that it is queued. It never " +
    "reached the upstream service. alarm() started at 11.000 s and read the items to send before this one was there. The request came " +
    "in while alarm() was awaiting the service, was stored at 11.000 s and acknowledged. Then alarm() went on, and its delete_all at " +
    "11.100 s removed everything, this item with it.";
  const finding = { rule: "X1(b)", object: "BatcherDocs/foo", at_ns: events[evidence[5]].at_ns, sentences, evidence };
  const head = { title: "batcher-docs, seed 1, made smaller", verdict: "BROKEN: X1(b)", command: "reveille shrink batcher-docs 1", findings: [finding] };
  return data(head, history);
}

/** A history by hand. Events are given as seconds and fields; `by` names an instance's events. */
function byHand(events, header = {}) {
  const head = { version: 1, product: "by hand", scenario: "", datacenter_of: [0, 0, 1], constants: CONSTANTS, ...header };
  const lines = events.map(([s, fields]) => {
    const placed = fields.machine === undefined ? {} : { wall_ns: `${WALL_ZERO_MS + Math.round(s * 1e3)}000000` };
    return JSON.stringify({ at_ns: Math.round(s * 1e9), ...placed, ...fields }).replace(/"wall_ns":"(\d+)"/, '"wall_ns":$1');
  });
  return data({}, [JSON.stringify(head), ...lines].join("\n"));
}

/** The fields of an instance's event. */
const by = (instance, turn, event, more = {}) => ({ machine: 0, object: "K/a", instance, epoch: instance, seq: 0, turn, event, ...more });

/** A wall time of the run. */
const wall_ms = (s) => WALL_ZERO_MS + Math.round(s * 1e3);

/** Many objects that arm themselves again and again: `count` events, and one of them never runs again. */
function long(count) {
  const objects = 40;
  const events = [];
  let turn = 0;
  let s = 0;
  while (events.length < count - 8) {
    turn += 1;
    const object = `Cron/object-${turn % objects}`;
    const machine = (turn % objects) % 3;
    const own = (event, more = {}) => ({ machine, object, instance: 1, epoch: 1, seq: 0, turn, event, ...more });
    s += 0.013 + (turn % 7) * 0.011;
    if (turn <= objects) events.push([s, own("instance_start", { cause: "request" })], [s, own("constructor_end")]);
    events.push(
      [s, own("deliver", { delivery: { alarm: { run: turn } } })], [s, own("run_start", { run: turn, scheduled_ms: wall_ms(s), retry_count: 0, is_retry: false })],
      [s, own("op", { op: turn, call: "put", key: "count", value: `value ${turn * 7919}` })], [s, own("op_result", { op: turn, result: "done" })],
      [s, own("outbound", { call: turn, service: "http://example.com/tick", body: `tick ${turn}` })],
      [s + 0.001, { event: "outbound_arrive", call: turn }], [s + 0.002, { event: "outbound_answer", call: turn, status: 200 }],
      [s + 0.003, own("op", { op: turn + 1e6, call: "set_alarm", time_ms: wall_ms(s + 5), scheduled_ms: wall_ms(s + 5) })],
      [s + 0.003, own("run_end", { run: turn, outcome: "ok" })], [s + 0.005, own("commit", { ends_run: turn })],
    );
    if (turn % 50 === 0) events.push([s + 0.006, { event: "fault_begin", fault: turn, kind: "crash", scope: { machine } }], [s + 0.009, { event: "fault_end", fault: turn }]);
  }
  const last = events.length - 1;
  const text = byHand(events);
  const head = JSON.parse(text.slice(0, text.indexOf("\n")));
  const at = events.findIndex(([, fields]) => fields.event === "run_start" && fields.run === Math.floor(turn / 2));
  head.findings = [{ rule: "F1", object: events[at][1].object, at_ns: Math.round(events[last][0] * 1e9), sentences: "It never ran again.", evidence: [at, at + 6] }];
  head.verdict = "BROKEN: F1";
  return JSON.stringify(head) + text.slice(text.indexOf("\n"));
}

module.exports = { CONSTANTS, example, erased, byHand, by, wall_ms, long };
