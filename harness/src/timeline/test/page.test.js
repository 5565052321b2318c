// The page in a real browser: it opens, zooms, filters, marks the evidence, and says nothing on the console. Places and words
// are compared, not pixels. Where no Chromium is installed these tests say that they did not run.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { after, before, describe, test } = require("node:test");
const { Browser, installed } = require("./browser.js");
const { page, data } = require("./load.js");
const { byHand, by, erased, long, example } = require("./histories.js");

const command = installed();
const BYTES_MAX = 2 * 1024 * 1024;
const FRAME_MS_MAX = 50;

describe("the page", { skip: command === null ? "did not run: no Chromium is installed" : false }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "timeline-page-"));
  /** @type {Browser} */
  let browser;
  const file = (name, text) => {
    const at = path.join(folder, `${name}.html`);
    fs.writeFileSync(at, page(text));
    return at;
  };
  const ask = (expression) => browser.ask(expression);
  const press = async (key) => {
    await browser.press(key);
    await browser.settled();
  };
  /** Where an event is on the screen. */
  const point = (index) => ask(`(() => {
    const { places, sight, layout } = timeline, lane = layout.lanes[layout.lane_of[${index}]], box = timeline.canvas.getBoundingClientRect();
    const x = 186 + (places[${index}] - sight.from) * (sight.width - 198) / (sight.to - sight.from);
    return [box.x + x, box.y + 104 + lane.y + layout.y_of[${index}] - sight.scroll];
  })()`);

  before(async () => {
    browser = new Browser(command);
    await browser.begin(1280, 800);
  });
  after(async () => {
    await browser.end();
    fs.rmSync(folder, { recursive: true });
  });

  test("opens on the finding, with the lanes of its object and all of its evidence in the picture", async () => {
    await browser.open(file("erased", erased()));
    assert.equal(await ask("document.title"), "batcher-docs, seed 1, made smaller");
    assert.equal(await ask("document.getElementById('verdict').textContent"), "BROKEN: X1(b)");
    assert.deepEqual(await ask("timeline.layout.lanes.map((lane) => lane.key)"), [
      "world", "clients", "object BatcherDocs/foo", "slot BatcherDocs/foo", "service http://example.com/some-upstream-service", "machine 0",
    ]);
    assert.deepEqual(await ask("timeline.model.history.head.findings[0].evidence.map((index) => timeline.places[index] > timeline.sight.from && timeline.places[index] < timeline.sight.to)"), Array(6).fill(true));
    assert.match(await ask("document.querySelector('.sentences').textContent"), /^The client that sent "item-111" .* this item with it\.$/);
    assert.deepEqual(await ask("[...document.querySelectorAll('.evidence .what')].map((item) => item.textContent)"), [
      'request 1 to BatcherDocs/foo: "item-111"', "alarm() starts, scheduled for 11.000 s",
      'call 0 to http://example.com/some-upstream-service leaves: "[\\"item-91\\"]"', 'put("2", "item-111")',
      'request 1 is answered: 200 "{\\"queued\\":2}"', "delete_all()",
    ]);
  });

  test("a word of a sentence leads to its event, and a click on the event back to the list", async () => {
    await ask("[...document.querySelectorAll('.sentences .jump')].find((link) => link.textContent === '11.100 s').click()");
    await browser.settled();
    assert.equal(await ask("timeline.model.history.events[timeline.selected].call"), "delete_all");
    assert.equal(await ask("document.querySelector('.evidence .item.selected .what').textContent"), "delete_all()");
    const put = await ask("timeline.model.history.head.findings[0].evidence[3]");
    await browser.click(...await point(put));
    await browser.settled();
    assert.equal(await ask("timeline.selected"), put);
    assert.equal(await ask("document.querySelector('.evidence .item.selected .number').textContent"), "4");
    assert.match(await ask("document.getElementById('selected-fields').textContent"), /"value": "item-111"/);
  });

  test("the pointer over a mark says what it is", async () => {
    const run = await ask("timeline.model.history.head.findings[0].evidence[1]");
    await browser.mouse("mouseMoved", ...await point(run));
    assert.equal(await ask("document.getElementById('tip').hidden"), false);
    assert.match(await ask("document.getElementById('tip').textContent"), /^11\.000000 s {2}BatcherDocs\/foo on machine 0 \(dc 0\)\nalarm\(\) starts/);
  });

  test("zooms by wheel and keys, from all of the run to microseconds, with the place under the pointer kept", async () => {
    await press("s");
    assert.equal(await ask("timeline.scale.name"), "time");
    await press("0");
    const shown = "timeline.sight.to - timeline.sight.from";
    assert.ok(await ask(shown) >= 12e9, "all of the run");
    await press("v");
    await press("Escape");
    const place = "(600 - 186) * (timeline.sight.to - timeline.sight.from) / (timeline.sight.width - 198) + timeline.sight.from";
    const kept = await ask(place);
    const top = await ask("timeline.canvas.getBoundingClientRect().y");
    for (let turn = 0; turn < 40; turn += 1) await browser.mouse("mouseWheel", 600, top + 300, { deltaX: 0, deltaY: -240 });
    await browser.settled();
    assert.equal(await ask(shown), 1000, "a microsecond");
    assert.ok(Math.abs(await ask(place) - kept) < 10);
    await press("v");
    await press("s");
  });

  test("a search lists what it finds and steps through it", async () => {
    await press("/");
    await browser.call("Input.insertText", { text: "request:1" });
    await ask("new Promise((resolve) => setTimeout(resolve, 200))");
    assert.equal(await ask("document.getElementById('found-count').textContent"), "4 events found");
    await press("Enter");
    assert.equal(await ask("timeline.model.history.events[timeline.selected].event"), "call");
    await press("Enter");
    assert.equal(await ask("timeline.model.history.events[timeline.selected].event"), "deliver");
    await press("Escape");
    await ask("timeline.ask_for('')");
  });

  test("lanes are by object, by machine, or by request, as one chooses", async () => {
    await press("2");
    assert.ok((await ask("timeline.layout.lanes.map((lane) => lane.key)")).includes("object BatcherDocs/foo on 0"));
    await press("3");
    assert.deepEqual(await ask("timeline.layout.lanes.map((lane) => lane.key)"), ["world", "request 0", "request 1", "service http://example.com/some-upstream-service"]);
    await press("1");
  });

  test("the picture keeps its proportions when the window changes", async () => {
    await browser.resize(700, 900);
    const [box, sight] = await ask("(() => { const box = timeline.canvas.getBoundingClientRect(); return [[box.width, box.height], [timeline.sight.width, timeline.sight.height]]; })()");
    assert.deepEqual(sight, box);
    await browser.resize(1280, 800);
  });

  test("an object that is chosen is shown alone, and with none chosen all are", async () => {
    await browser.open(file("herd", long(2_000)));
    await ask("timeline.choose({ objects: null })");
    await ask("document.querySelector('#object-list input[value=\"Cron/object-7\"]').click()");
    assert.deepEqual(await ask("timeline.layout.lanes.map((lane) => lane.object).filter((name) => name !== null)"), ["Cron/object-7", "Cron/object-7"]);
    assert.equal(await ask("document.getElementById('objects-shown').textContent"), "Objects: 1 of 40");
    await ask("document.getElementById('all-objects').click()");
    assert.equal(await ask("timeline.choice.objects"), null);
    await browser.open(path.join(folder, "erased.html"));
  });

  test("every event of the evidence is in a lane, on whatever machine and of whatever object it is, and so for each finding", async () => {
    const lead = (s, machine) => [s, { machine, event: "leader", datacenter: 0, term: 1 }];
    const text = byHand([[0, by(1, 1, "instance_start", { cause: "request" })], [1, by(1, 2, "op", { op: 1, call: "sync" })], lead(2, 1), lead(3, 2),
      [4, { ...by(1, 1, "instance_start", { cause: "request" }), object: "K/b" }], [5, { ...by(1, 1, "instance_start", { cause: "request" }), object: "K/c" }]]);
    const finding = { rule: "D4", object: "K/a", at_ns: 3e9, sentences: "Two lead.", evidence: [1, 2, 3, 4] };
    const other = { rule: "O1", object: "K/c", at_ns: 5e9, sentences: "It starts twice.", evidence: [5] };
    await browser.open(file("two", text.replace('"findings":[]', `"findings":[${JSON.stringify(finding)},${JSON.stringify(other)}]`)));
    assert.deepEqual(await ask("timeline.layout.lanes.map((lane) => lane.key)"), ["world", "object K/a", "object K/b", "machine 0", "machine 1", "machine 2"]);
    await press("]");
    assert.deepEqual(await ask("timeline.layout.lanes.map((lane) => lane.key)"), ["world", "object K/c", "machine 0"]);
    assert.ok(await ask("timeline.sight.from < timeline.places[5] && timeline.places[5] < timeline.sight.to"));
    assert.equal(await ask("document.querySelector('.sentences').textContent"), "It starts twice.");
    await browser.open(path.join(folder, "erased.html"));
  });

  test("the address leads to the same picture in another window", async () => {
    await press("n");
    await ask("new Promise((resolve) => setTimeout(resolve, 300))");
    const state = "[timeline.moments().map((ns) => Math.round(ns / 1e3)), timeline.selected, timeline.scale_name, timeline.finding]";
    const [fragment, there] = [await ask("location.hash"), await ask(state)];
    await browser.open(path.join(folder, "erased.html"), fragment);
    assert.deepEqual(await ask(state), there);
  });

  test("light and dark have colours of their own", async () => {
    const ground = "timeline.brush.colour.bg";
    const one = await ask(ground);
    await press("t");
    assert.notEqual(await ask(ground), one);
    await press("t");
    assert.equal(await ask(ground), one);
  });

  test("a clean history opens on all of the run, and a note says what is left out", async () => {
    await browser.open(file("clean", data({ title: "by hand", verdict: "no promise was broken", note: "300,000 of 1,200,000 events" }, example())));
    assert.equal(await ask("document.getElementById('verdict').className"), "clean");
    assert.equal(await ask("document.getElementById('note').textContent"), "300,000 of 1,200,000 events");
    assert.equal(await ask("timeline.scale_name"), "time");
    assert.ok(await ask("timeline.sight.from <= 1e9 && timeline.sight.to >= 9e9"));
  });

  test("data that cannot be read is said to be so", async () => {
    await browser.open(file("other", erased().replace('"format":1', '"format":9')));
    assert.match(await ask("document.getElementById('failure').textContent"), /data of format 9/);
  });

  test("30,000 events: under 2 MB, and no frame of a zoom takes more than 50 ms", async () => {
    const at = file("long", long(30_000));
    assert.ok(fs.statSync(at).size < BYTES_MAX, `${fs.statSync(at).size} bytes`);
    await browser.open(at);
    const slowest = await ask(`(async () => {
      const frame = () => new Promise(requestAnimationFrame);
      let slowest = 0;
      for (const scale of ["time", "sequence"]) {
        timeline.choose({ objects: null }, scale);
        timeline.lookAtAll();
        await frame(); await frame();
        for (let step = 0; step < 60; step += 1) {
          timeline.canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: step < 30 ? -200 : 200, clientX: 700, clientY: 400 }));
          await frame(); await frame();
          // What else this machine does meanwhile does not count: of three frames of one sight the fastest is what it takes.
          const three = [0, 1, 2].map(() => (timeline.draw(), timeline.frame_ms));
          slowest = Math.max(slowest, Math.min(...three));
        }
      }
      return slowest;
    })()`);
    assert.ok(slowest <= FRAME_MS_MAX, `${slowest} ms`);
  });

  /** Pages that the command has written, in TIMELINE_PAGES with colons between them. */
  const written = (process.env.TIMELINE_PAGES ?? "").split(":").filter((name) => name !== "");
  test("pages that the command has written open, on the finding that they name", { skip: written.length === 0 ? "did not run: no pages are named" : false }, async () => {
    for (const name of written) {
      await browser.open(path.resolve(name));
      assert.equal(await ask("document.documentElement.dataset.state"), "open", name);
      const head = await ask("timeline.model.history.head");
      assert.equal(await ask("timeline.finding"), head.findings.length > 0 ? head.open : -1, name);
      if (head.findings.length === 0) continue;
      const seen = await ask("timeline.model.history.head.findings[timeline.finding].evidence.map((index) => timeline.layout.lane_of[index] !== -1 && timeline.places[index] > timeline.sight.from && timeline.places[index] < timeline.sight.to)");
      assert.ok(seen.every((one) => one), name);
    }
  });

  test("nothing of all this was an error on the console", () => {
    assert.deepEqual(browser.errors, []);
  });
});
