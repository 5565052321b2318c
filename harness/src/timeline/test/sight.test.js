// Places, links, search, and the way from a sentence to its event.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { load } = require("./load.js");
const { erased } = require("./histories.js");

const page = load(
  "readData", "readModel", "layOut", "timeScale", "sequenceScale", "ticks", "gaps", "project", "look", "zoom", "xOf", "placeAt", "FRAME",
  "toFragment", "fromFragment", "search", "linkSentences", "secondsTo", "duration", "spread", "pack", "lastAtMost",
);
const model = page.readModel(page.readData(erased()));
const { events, head } = model.history;

test("by sequence time never runs back, and each event has room of its own", () => {
  const { shown } = page.layOut(model, { by: "object", objects: null });
  const scale = page.sequenceScale(events, shown, model.from, model.to);
  const places = shown.map((index) => scale.place(events[index].at_ns, index));
  places.slice(1).forEach((place, at) => assert.ok(place - places[at] > 0.999, `event ${shown[at + 1]}`));
  for (const index of shown) assert.ok(Math.abs(scale.moment(scale.place(events[index].at_ns, index)) - events[index].at_ns) < 1);
  const between = scale.place(5e9, -1);
  assert.ok(Math.abs(scale.moment(between) - 5e9) < 1e3);
});

test("ticks are round times with as many digits as they need, from hours to microseconds", () => {
  const words = (from, to, room) => page.ticks(page.timeScale(0, 1e14), from, to, room).map((tick) => tick.text);
  assert.deepEqual(words(0, 7.2e12, 3e12), ["0 s", "5000 s"]);
  assert.deepEqual(words(11e9, 11.1e9, 4e7), ["11.00 s", "11.05 s", "11.10 s"]);
  assert.deepEqual(words(11_000_250_000, 11_000_252_000, 900), ["11.000250 s", "11.000251 s", "11.000252 s"]);
});

test("a length of time is told in the unit that suits it", () => {
  assert.deepEqual([250, 250e3, 98.75e6, 3e9, 120e9, 7.2e12].map(page.duration), ["250 ns", "250 µs", "98.75 ms", "3 s", "2 min", "2 h"]);
});

test("zooming keeps what is under the pointer where it is, down to a microsecond and up to all of the run", () => {
  const scale = page.timeScale(0, 3.6e12);
  const sight = { from: 0, to: 3.6e12, scroll: 0, width: 1200, height: 600 };
  const at = page.placeAt(sight, 700);
  for (let step = 0; step < 40; step += 1) page.zoom(sight, scale, 2, 700);
  assert.equal(sight.to - sight.from, 1000);
  assert.ok(Math.abs(page.xOf(sight, at) - 700) < 1);
  for (let step = 0; step < 60; step += 1) page.zoom(sight, scale, 0.5, 300);
  assert.ok(sight.from <= 0 && sight.to >= 3.6e12 && sight.to - sight.from < 1.1 * 3.6e12);
});

test("a link leads to the same picture, and a single moment to a second around it", () => {
  const linked = { t: [11e9, 11_100_500_250], by: "machine", objects: ["A/b c", "D/e&f"], scale: "sequence", event: 7, finding: 0, q: "request:1" };
  assert.deepEqual(page.fromFragment(page.toFragment(linked)), linked);
  assert.deepEqual(page.fromFragment("#t=11.5"), { t: [11e9, 12e9] });
  assert.deepEqual(page.fromFragment("#t=x&lanes=y&scale=z&event=-1"), {});
});

test("every term of a search has to hold", () => {
  const found = (query) => page.search(model, query)?.map((index) => events[index].event);
  assert.equal(found("  "), undefined);
  assert.deepEqual(found("request:1"), ["call", "deliver", "respond", "return"]);
  assert.deepEqual(found("call:0 event:outbound_answer"), ["outbound_answer"]);
  assert.deepEqual(found('put("2"'), ["op"]);
  assert.deepEqual(found("rule:x1(b) event:op").length, 2);
  assert.deepEqual(found("object:foo event:run_start machine:0"), ["run_start"]);
  assert.deepEqual(found("object:foo machine:1"), []);
});

test("each moment that a sentence names leads to the event that it speaks of", () => {
  const parts = page.linkSentences(events, head.findings[0]);
  assert.equal(parts.map((part) => part.text).join(""), head.findings[0].sentences);
  const led = parts.filter((part) => part.event !== -1).map((part) => [part.text, events[part.event].call ?? events[part.event].event]);
  assert.deepEqual(led, [["request 1", "call"], ["11.001 s", "return"], ["11.000 s", "run_start"], ["11.000 s", "put"], ["11.100 s", "delete_all"]]);
});

test("flags of evidence at one moment stand side by side, in order, within the picture", () => {
  assert.deepEqual(page.spread([100, 100, 100], 20, 0, 500), [90, 110, 130]);
  assert.deepEqual(page.spread([490, 495], 20, 0, 500), [460, 480]);
  assert.deepEqual(page.spread([3], 20, 0, 500), [0]);
});

test("spans that overlap have rows of their own, and one that begins where another ends has not; what lasts for no time takes room too", () => {
  const spans = [[0, 10], [5, 6], [10, 12], [10, 10], [10, 10]].map(([from, to]) => ({ from, to }));
  assert.equal(page.pack(spans, 8), 3);
  assert.deepEqual(spans.map((span) => span.row), [0, 1, 0, 1, 2]);
});
