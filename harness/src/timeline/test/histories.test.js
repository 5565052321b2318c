// Every history that is kept for the judge can be shown: each of its events has words and a lane, and nothing that lasts ends
// before it begins.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const { load, data } = require("./load.js");

const KEPT = path.join(__dirname, "../../../../model/tests/histories");
const page = load("readData", "readModel", "layOut", "timeScale", "sequenceScale", "project", "sentence", "place", "label");

for (const name of fs.readdirSync(KEPT).filter((one) => one.endsWith(".jsonl"))) {
  test(name.replace(".jsonl", ""), () => {
    const model = page.readModel(page.readData(data({}, fs.readFileSync(path.join(KEPT, name), "utf8"))));
    const { history } = model;
    for (const event of history.events) {
      for (const words of [page.sentence(history, event), page.place(history, event), page.label(history, event)]) {
        assert.doesNotMatch(words, /undefined|NaN|\[object/, JSON.stringify(event));
      }
    }
    for (const by of ["object", "machine"]) {
      const layout = page.layOut(model, { by, objects: null });
      const homeless = history.events.filter((event, index) => layout.lane_of[index] === -1 && event.of === undefined);
      assert.deepEqual(homeless, [], by);
      for (const scale of [page.timeScale(model.from, model.to), page.sequenceScale(history.events, layout.shown, model.from, model.to)]) {
        const places = page.project(layout, scale, history.events);
        assert.ok(places.every((place) => place >= scale.from - 1e-6 && place <= scale.to + 1e-6), scale.name);
        const spans = layout.lanes.flatMap((lane) => [...lane.bands, ...lane.layers.flatMap((layer) => layer.spans)]);
        assert.deepEqual(spans.filter((span) => !(span.to >= span.from && span.b >= span.a)), []);
      }
    }
  });
}
