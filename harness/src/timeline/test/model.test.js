// What the page understands of a history: lives, slots, faults, messages.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { load, data } = require("./load.js");
const { example, erased, byHand, by, wall_ms } = require("./histories.js");

const { readData, readModel, unpack, sentence, place, layOut } = load("readData", "readModel", "unpack", "sentence", "place", "layOut");

const model = (text) => readModel(readData(text));
const slot = (events, header) => model(byHand(events, header)).slots.get("K/a").map((span) => [span.kind, span.from / 1e9, span.to / 1e9, span.text]);
const set = (instance, turn, op, s, more = {}) => by(instance, turn, "op", { op, call: "set_alarm", time_ms: wall_ms(s), scheduled_ms: wall_ms(s), ...more });
const start = (instance) => by(instance, 1, "instance_start", { cause: "alarm" });
const run = (instance, turn, id, retry_count) => by(instance, turn, "run_start", { run: id, scheduled_ms: wall_ms(2), retry_count, is_retry: retry_count > 0 });
const END = [30, { event: "phase", phase: "end" }];

test("numbers beyond 2^53 keep all their digits, and digits in a string stay as they are", () => {
  const line = '{"at_ns":1,"event":"x","state":9668130106876133758,"body":"9668130106876133758 \\" 1","small":1767225600000,"low":-9223372036854775808}';
  const { events } = readData(data({}, `{"datacenter_of":[]}\n${line}`));
  assert.deepEqual(events[0], { at_ns: 1, event: "x", state: "9668130106876133758", body: '9668130106876133758 " 1', small: 1767225600000, low: "-9223372036854775808" });
});

test("data of another format, without a header, or with evidence that is not there is refused with the reason", () => {
  assert.throws(() => readData('{"format":2,"findings":[]}\n{}\n'), /format 2; it reads format 1/);
  assert.throws(() => readData('{"format":1,"findings":[]}\n'), /no history/);
  assert.throws(() => readData(data({ findings: [{ rule: "F1", evidence: [3] }] }, "{}\n{}")), /F1 names event 3 of 1/);
});

test("what is packed into the page comes out of it", async () => {
  const packed = require("node:zlib").gzipSync("öffnen\n").toString("base64");
  assert.equal(await unpack(`\n${packed}\n`), "öffnen\n");
});

test("the example of the format: an alarm is set, due, fires, and is done with", () => {
  const { objects, slots, links } = model(data({}, example()));
  const [instance] = objects.get("Keeper/a").instances;
  assert.equal(instance.life.to, 9e9, "nobody saw it end: it lives until the end");
  assert.deepEqual(instance.runs.map((span) => [span.kind, span.text, span.bad]), [["constructor", "constructor", false], ["run", "alarm()", false]]);
  assert.deepEqual(instance.turns.map((span) => span.text), ["turn 1", "turn 2", "turn 3"]);
  assert.deepEqual(instance.durable.map((span) => [span.from, span.to]), [[1.001e9, 1.005e9], [3.002e9, 3.006e9]]);
  assert.deepEqual(slots.get("Keeper/a").map((span) => [span.kind, span.from, span.to]), [["set", 1.001e9, 3e9], ["due", 3e9, 3.002e9], ["firing", 3.002e9, 3.002e9]]);
  assert.deepEqual(links.arrows.map((arrow) => arrow.kind), ["request", "answer"]);
  assert.equal(links.requests.get(1).span.text, 'request 1: "three eggs" → 200 "kept"');
});

test("the Batcher's call leads to its service and back to the operation that waits for it", () => {
  const { links, history } = model(erased());
  const kinds = links.arrows.map((arrow) => [arrow.kind, history.events[arrow.from].event, history.events[arrow.to].event]);
  assert.deepEqual(kinds.filter(([kind]) => kind === "call" || kind === "return"), [["call", "outbound", "outbound_arrive"], ["return", "outbound_answer", "op_result"]]);
  assert.deepEqual(links.calls.get(0).events.map((index) => history.events[index].event), ["outbound", "outbound_arrive", "outbound_answer", "op_result"]);
});

test("R3, R2: a failed run is followed by backoff with its retry, and the seventh gives up", () => {
  const failed = { outcome: { failed: { why: "no" } } };
  const one = slot([[0, start(1)], [1, set(1, 2, 1, 2)], [2, run(1, 3, 1, 0)], [3, by(1, 3, "run_end", { run: 1, ...failed })], END]);
  assert.deepEqual(one, [
    ["set", 1, 2, "set for 2.000 s"], ["firing", 2, 3, "firing"],
    ["backoff", 3, 5, "backoff, retry 1 of 6"], ["due", 5, 30, "backoff, retry 1 of 6, may run"],
  ]);
  const seventh = slot([[0, start(1)], [2, run(1, 3, 7, 6)], [3, by(1, 3, "run_end", { run: 7, ...failed })], END]);
  assert.deepEqual(seventh, [["firing", 2, 3, "firing, retry 6"], ["given-up", 3, 30, "given up after 6 retries"]]);
});

test("R3: the backoff doubles with each retry", () => {
  const third = slot([[0, start(1)], [2, run(1, 3, 3, 2)], [3, by(1, 3, "run_end", { run: 3, outcome: { failed: { why: "no" } } })], END]);
  assert.deepEqual(third.slice(1).map(([kind, from, to]) => [kind, from, to]), [["backoff", 3, 11], ["due", 11, 30]]);
});

test("R7: after a delete in the handler a failure is followed by nothing", () => {
  const deleted = slot([[0, start(1)], [2, run(1, 3, 1, 0)], [2.5, by(1, 3, "op", { op: 1, call: "delete_alarm" })],
    [3, by(1, 3, "run_end", { run: 1, outcome: { failed: { why: "no" } } })], END]);
  assert.deepEqual(deleted, [["firing", 2, 2.5, "firing"], ["firing", 2.5, 3, "firing; nothing after it"]]);
});

test("F5: an alarm set in the handler is there when the run is over", () => {
  const rearmed = slot([[0, start(1)], [2, run(1, 3, 1, 0)], [2.5, set(1, 3, 1, 9)], [3, by(1, 3, "run_end", { run: 1, outcome: "ok" })], END]);
  assert.deepEqual(rearmed.map(([kind, , , text]) => [kind, text]), [
    ["firing", "firing"], ["firing", "firing; then set for 9.000 s"], ["set", "set for 9.000 s"], ["due", "due since 9.000 s"],
  ]);
});

test("a run whose alarm was set before the history begins is due again when it is cut short", () => {
  const cut = slot([[0, start(1)], [2, run(1, 3, 1, 0)], [4, by(1, 3, "instance_end", { reason: "lost" })], END]);
  assert.deepEqual(cut.map(([kind, from, to]) => [kind, from, to]), [["firing", 2, 4], ["due", 4, 30]]);
});

test("a failure of the platform is not counted", () => {
  const platform = slot([[0, start(1)], [2, run(1, 3, 1, 0)], [3, by(1, 3, "run_end", { run: 1, outcome: { platform: { why: "disk" } } })], END]);
  assert.equal(platform[1][3], "backoff, not counted, retry 0 again");
});

test("S3: an alarm that was not durable when its machine was lost is taken back; one that was, stays", () => {
  const lost = [10, by(1, 2, "instance_end", { reason: "lost" })];
  assert.deepEqual(slot([[0, start(1)], [1, set(1, 2, 1, 20)], lost, END]), [["set", 1, 10, "set for 20.000 s"]]);
  assert.deepEqual(slot([[0, start(1)], [1, set(1, 2, 1, 20)], [1.1, by(1, 2, "commit")], lost, END]).map(([kind, , to]) => [kind, to]), [["set", 20], ["due", 30]]);
  const untold = slot([[0, start(1)], [1, set(1, 2, 1, 20)], lost, END], { omits: ["commits"] });
  assert.deepEqual(untold.map(([kind]) => kind), ["set", "due"], "a history without commits does not tell what was lost");
});

test("S3: what a reset instance has on its way goes on in the next one where its turns are counted on; else it is taken back", () => {
  const reset = (next) => slot([[0, start(1)], [1, set(1, 2, 1, 20)], [2, by(1, 3, "instance_end", { reason: { reset: { why: "section" } } })],
    [2, by(2, next, "instance_start", { cause: "request" })], [3, by(1, 2, "commit")], END]).filter(([, from, to]) => to > from).map(([kind, from, to]) => [kind, from, to]);
  assert.deepEqual(reset(3), [["set", 1, 2], ["set", 2, 20], ["due", 20, 30]]);
  assert.deepEqual(reset(1), [["set", 1, 2]]);
  const { objects } = model(byHand([[0, start(1)], [1, set(1, 2, 1, 20)], [2, by(1, 3, "instance_end", { reason: { reset: { why: "section" } } })],
    [2, by(2, 3, "instance_start", { cause: "request" })], [3, by(1, 2, "commit")], END]));
  assert.deepEqual(objects.get("K/a").instances.map((instance) => [instance.track, instance.life.to / 1e9]), [[0, 2], [0, 30]], "a late commit is no longer life");
});

test("requests, timers, promises of object code and what faults take are told in words", () => {
  const told = (event) => sentence({ header: { datacenter_of: [0] } }, { at_ns: 0, ...event });
  assert.equal(told({ event: "call", request: 1, to: "K/a", method: "GET", path: "/x?y=1", headers: [["if-match", "7"]], body: "b" }), 'request 1 to K/a: GET /x?y=1 [if-match: 7] "b"');
  assert.equal(told({ event: "call", request: 1, to: "K/a" }), "request 1 to K/a: what it says is not told");
  assert.equal(told({ event: "return", request: 1, outcome: { answered: { status: 200, headers: [["etag", "7"]], body: "b" } } }), 'request 1 is answered: 200 [etag: 7] "b"');
  assert.equal(told({ event: "timer", op: 4, for_ms: 1500 }), "sets a timer for 1.5 s (operation 4)");
  assert.equal(told({ event: "promise", name: "in order", kind: "always", held: false }), '"in order" does not hold, and always has to');
  assert.equal(told({ event: "fault_begin", fault: 0, kind: "crash", scope: { machine: 3 }, takes: ["memory", "unsynced"] }), "FAULT: crash, machine 3; it takes memory, what is not synced");
  assert.equal(told({ event: "instance_start" }), "is brought into memory; its constructor starts");
});

test("F6: a run that is cut short is due again", () => {
  const cut = slot([[0, start(1)], [1, set(1, 2, 1, 2)], [1.1, by(1, 2, "commit")], [2, run(1, 3, 1, 0)], [4, start(2)], [5, run(2, 2, 2, 0)], END]);
  assert.deepEqual(cut.map(([kind, from]) => [kind, from]), [["set", 1], ["firing", 2], ["due", 4], ["firing", 5]]);
});

test("S5, A7: what a transaction rolls back and a call that is refused change nothing in the end", () => {
  const begin = [[0, start(1)], [1, set(1, 2, 1, 20)]];
  const rolled_back = [[2, by(1, 3, "op", { op: 2, call: "transaction" })], [2, by(1, 3, "op", { op: 3, call: "delete_alarm" })],
    [3, by(1, 3, "op_result", { op: 3, result: "done" })], [4, by(1, 3, "op_result", { op: 2, result: { error: "no" } })]];
  assert.deepEqual(slot([...begin, ...rolled_back, END]).map(([kind, from, to]) => [kind, from, to]), [["set", 1, 2], ["set", 4, 20], ["due", 20, 30]]);
  const refused = [[2, set(1, 3, 2, 25)], [2, by(1, 3, "op_result", { op: 2, result: { error: "no" } })]];
  assert.deepEqual(slot([...begin, ...refused, END]).filter(([, from, to]) => to > from).at(-1), ["due", 20, 30, "due since 20.000 s"]);
});

test("S8: delete_all empties the slot, and with preserve_alarm it does not", () => {
  const all = (preserve_alarm) => slot([[0, start(1)], [1, set(1, 2, 1, 20)], [2, by(1, 3, "op", { op: 2, call: "delete_all", preserve_alarm })], END]).map(([, , to]) => to);
  assert.deepEqual(all(false), [2]);
  assert.deepEqual(all(true), [20, 30]);
});

test("O3: the input gate is closed while storage is awaited, and not where the call lets others in", () => {
  const gate = (more) => {
    const op = [[1, by(1, 2, "op", { op: 1, call: "get", key: "k", ...more })], [1, by(1, 2, "await", { op: 1, kind: "storage" })], [3, by(1, 3, "op_result", { op: 1, result: { value: null } })]];
    return model(byHand([[0, start(1)], [0.5, by(1, 1, "constructor_end")], ...op, END])).objects.get("K/a").instances[0].gate.map((span) => [span.from / 1e9, span.to / 1e9]);
  };
  assert.deepEqual(gate({}), [[0, 0.5], [1, 3]]);
  assert.deepEqual(gate({ allow_concurrency: true }), [[0, 0.5]]);
});

test("O1: two instances that live at once stand on two tracks", () => {
  const { objects, history } = model(byHand([[0, start(1)], [2, start(2)], [5, by(1, 2, "op", { op: 1, call: "sync" })], END]));
  assert.deepEqual(objects.get("K/a").instances.map((instance) => [instance.track, instance.life.to / 1e9]), [[0, 5], [1, 30]]);
  assert.equal(history.events.length, 4);
});

test("each scope strikes its machines, and a band lies over the object that was there", () => {
  const scopes = [[{ machine: 1 }, [1]], [{ datacenter: 0 }, [0, 1]], [{ links: { from: [0], to: [2] } }, [0, 2]], ["network", [0, 1, 2]], [{ service: "up" }, []]];
  const events = scopes.map(([scope], fault) => [1, { event: "fault_begin", fault, kind: "cut", scope }]);
  const { world } = model(byHand([...events, [2, { event: "fault_end", fault: 0 }], END]));
  assert.deepEqual(world.faults.map((fault) => fault.machines), scopes.map(([, machines]) => machines));
  assert.deepEqual(world.faults.map((fault) => fault.to / 1e9), [2, 30, 30, 30, 30]);
  const struck = model(byHand([[0, start(1)], [3, { event: "fault_begin", fault: 0, kind: "crash", scope: { machine: 0 } }], [8, { ...start(2), machine: 2 }], [9, { event: "fault_end", fault: 0 }], END]));
  const lane = layOut(struck, { by: "object", objects: null }).lanes.find((one) => one.object === "K/a");
  assert.deepEqual(lane.bands.map((band) => [band.from / 1e9, band.to / 1e9]), [[3, 8]], "until it is on another machine");
});

test("an event of a kind that is not known is told by its fields, and stands in a lane", () => {
  const strange = { event: "weather", machine: 1, wind: { from: "west" }, speed: 9 };
  const read = model(byHand([[1, strange], [2, { event: "tide", height: 3 }], END]));
  assert.equal(sentence(read.history, read.history.events[0]), 'weather: wind {"from":"west"}, speed 9');
  assert.equal(place(read.history, read.history.events[0]), "machine 1 (dc 0)");
  const { lane_of, lanes } = layOut(read, { by: "object", objects: null });
  assert.deepEqual([lanes[lane_of[0]].key, lanes[lane_of[1]].key], ["machine 1", "world"]);
});

test("every event has a lane where lanes are by object, and by machine", () => {
  for (const text of [erased(), data({}, example())]) {
    const read = model(text);
    for (const by of ["object", "machine"]) {
      const { lane_of, lanes } = layOut(read, { by, objects: null });
      const homeless = read.history.events.filter((event, index) => lane_of[index] === -1 && event.event !== "at_rest");
      assert.deepEqual(homeless, [], `${by}: ${lanes.length} lanes`);
    }
  }
});

test("W1: where the witness saw a request come in and its answer leave, lanes by machine show its way over that machine", () => {
  const told = { answered: { status: 200, body: "ok" } };
  const read = model(byHand([
    [0, { event: "call", request: 1, to: "K/a", body: "x" }], [0.1, { machine: 2, event: "request_arrive", request: 1 }], [0.2, start(1)],
    [0.3, by(1, 2, "deliver", { delivery: { request: { request: 1 } } })], [0.4, by(1, 2, "respond", { request: 1, status: 200, body: "ok" })],
    [0.5, { machine: 2, event: "answer_leave", request: 1, outcome: told }], [0.6, { event: "return", request: 1, outcome: told }], END,
  ]));
  const ways = (by) => layOut(read, { by, objects: null }).arrows.map((arrow) => `${read.history.events[arrow.from].event} → ${read.history.events[arrow.to].event}`);
  assert.deepEqual(ways("object"), ["call → deliver", "respond → return"]);
  assert.deepEqual(ways("machine"), ["call → request_arrive", "request_arrive → deliver", "respond → answer_leave", "answer_leave → return"]);
});

test("a machine that is down or paused by the witness has a span until it is up again", () => {
  const state = (machine, state) => ({ machine, event: "process", state });
  const { world } = model(byHand([[0, state(0, "up")], [1, state(0, "down")], [3, state(0, "up")], [4, state(1, "paused")], END]));
  const spans = [...world.processes].map(([machine, all]) => [machine, all.map((span) => [span.text, span.from / 1e9, span.to / 1e9])]);
  assert.deepEqual(spans, [[0, [["down", 1, 3]]], [1, [["paused", 4, 30]]]]);
});

test("a fault of a service lies over its lane, and over all where no call names that service", () => {
  const fault = (service) => [[1, { event: "fault_begin", fault: 0, kind: "slow", scope: { service } }], END];
  const call = (id, service) => [2, by(1, 2, "outbound", { call: id, service, body: "" })];
  const struck = (service) => layOut(model(byHand([[0, start(1)], fault(service)[0], call(1, "one"), call(2, "two"), END])), { by: "object", objects: null })
    .lanes.filter((lane) => lane.key.startsWith("service") && lane.bands.length > 0).map((lane) => lane.title);
  assert.deepEqual(struck("two"), ["two"]);
  assert.deepEqual(struck("upstream"), ["one", "two"]);
});

test("L2: groups that lose and regain their quorum together are told as one", () => {
  const quorum = (s, group, connected) => [s, { event: "majority", group, connected }];
  const { world } = model(byHand([quorum(0, 0, true), quorum(1, 0, false), quorum(1, 1, false), quorum(2, 2, false), quorum(3, 0, true), quorum(3, 1, true), END]));
  assert.deepEqual(world.quorums.map((span) => [span.from / 1e9, span.to / 1e9, span.text]), [[1, 3, "2 groups have no quorum"], [2, 30, "group 2 has no quorum"]]);
});
