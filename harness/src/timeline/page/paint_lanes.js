// Draws what lies in lanes: bands of faults, spans, marks, words. Of what would fall on one pixel one is drawn.

/**
 * What is drawn.
 * @typedef {object} Scene
 * @property {Model} model
 * @property {Layout} layout
 * @property {Scale} scale
 * @property {Float64Array} places      by event
 * @property {Sight} sight
 * @property {Set<number>|null} found   events that were asked for; null where nothing was
 * @property {number} selected          event; -1 if none
 * @property {number} finding           -1 if there is none
 */

/** How much of an instance that came to a bad end is hatched, pixels. */
const END_CAP = 16;

/** Draws the lanes of a scene. */
class LanePainter {
  /** @param {Brush} brush @param {Scene} scene */
  constructor(brush, scene) {
    this.brush = brush;
    this.ctx = brush.ctx;
    this.scene = scene;
    this.evidence = new Set(scene.finding === -1 ? [] : scene.model.history.head.findings[scene.finding].evidence);
    this.left = FRAME.left;
    this.right = scene.sight.width - FRAME.right;
  }

  /** @param {number} place */
  x(place) {
    return xOf(this.scene.sight, place);
  }

  paint() {
    const { layout, sight } = this.scene;
    for (const lane of layout.lanes) {
      const y = FRAME.top + lane.y - sight.scroll;
      if (y + lane.h + GAP < FRAME.top || y > sight.height) continue;
      this.ground(lane, y);
      for (const layer of lane.layers) this.layer(layer, y + layer.y);
      this.marks(lane, y);
    }
  }

  /** @param {Lane} lane @param {number} y */
  ground(lane, y) {
    const { ctx, brush } = this;
    ctx.fillStyle = brush.colour.lane;
    ctx.fillRect(this.left, y - 2, this.right - this.left, lane.h + 4);
    for (const band of lane.bands) {
      const x0 = Math.max(this.left, this.x(/** @type {number} */ (band.a)));
      const x1 = Math.min(this.right, Math.max(x0 + 1, this.x(/** @type {number} */ (band.b))));
      if (x1 <= this.left || x0 >= this.right) continue;
      ctx.globalAlpha = 0.3;
      ctx.fillStyle = brush.hatch("fault");
      ctx.fillRect(x0, y - 2, x1 - x0, lane.h + 4);
      ctx.globalAlpha = 1;
    }
  }

  /** @param {Layer} layer @param {number} y */
  layer(layer, y) {
    const { from, to } = this.scene.sight;
    /** @type {number[]} */
    const drawn_until = [];
    for (let at = lastAtMost(layer.reach, from) + 1; at < layer.spans.length; at += 1) {
      const span = layer.spans[at];
      if (/** @type {number} */ (span.a) > to) break;
      if (/** @type {number} */ (span.b) < from) continue;
      const row = span.row ?? 0;
      const x0 = Math.max(this.left - 2, this.x(/** @type {number} */ (span.a)));
      const x1 = Math.min(this.right + 2, this.x(/** @type {number} */ (span.b)));
      if (x1 < (drawn_until[row] ?? -Infinity) + 1 && x1 - x0 < 1) continue;
      drawn_until[row] = x1;
      this.span(span, x0, Math.max(2, x1 - x0), y + row * ROW, layer.h);
    }
  }

  /** @param {Span} span @param {number} x @param {number} width @param {number} y @param {number} h */
  span(span, x, width, y, h) {
    const { ctx, brush } = this;
    ctx.fillStyle = brush.colour[span.kind === "fault" ? "fault-soft" : span.kind];
    ctx.fillRect(x, y, width, h);
    const is_hatched = PATTERNED.has(span.kind) || span.bad;
    if (is_hatched && width > 3) this.hatch(span, x, width, y, h);
    if (width < 14 || h < 12) return;
    ctx.strokeStyle = brush.colour.line;
    ctx.strokeRect(x + 0.5, y + 0.5, width - 1, h - 1);
    if (span.kind === "turn") return;
    const text_x = Math.max(x, this.left) + 10;
    brush.text(span.text, text_x, y + h / 2 + 0.5, Math.min(x + width, this.right) - text_x - 2, "fg");
  }

  /** Of an instance only the end was bad. @param {Span} span @param {number} x @param {number} width @param {number} y
   * @param {number} h */
  hatch(span, x, width, y, h) {
    const { ctx, brush } = this;
    const cap = span.kind === "instance" ? Math.min(width, END_CAP) : width;
    ctx.fillStyle = brush.hatch(span.bad ? "accent" : "fg");
    ctx.globalAlpha = span.bad ? 0.55 : 0.16;
    ctx.fillRect(x + width - cap, y, cap, h);
    ctx.globalAlpha = 1;
  }

  /** @param {Lane} lane @param {number} y */
  marks(lane, y) {
    const { places, sight, model, found } = this.scene;
    const at_place = (/** @type {number} */ place) => {
      let low = 0;
      let high = lane.marks.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (places[lane.marks[middle]] < place) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    const begin = at_place(sight.from - 8 / pixels(sight));
    const end = at_place(sight.to + 8 / pixels(sight));
    const crowded = end - begin > (this.right - this.left) / 3;
    const words = new Words();
    if (!crowded) this.evidenceWords(lane, y, words);
    this.ctx.globalAlpha = found === null ? 1 : 0.2;
    this.someMarks(lane, lane.marks, begin, end, y, crowded, "fg");
    this.ctx.globalAlpha = 1;
    const above = this.above(lane, begin, end);
    this.someMarks(lane, above, 0, above.length, y, crowded, found === null ? "fg" : "focus");
    if (crowded) return;
    for (let at = begin; at < end; at += 1) {
      const index = lane.marks[at];
      if (!this.evidence.has(index) && isWorthWords(model.history.events[index])) this.words(lane, index, this.x(places[index]), y, words, "muted");
    }
  }

  /** What lies over all other marks: the evidence, and what was asked for. @param {Lane} lane @param {number} begin
   * @param {number} end of its marks, what is in the picture */
  above(lane, begin, end) {
    const { found, selected } = this.scene;
    const is_above = (/** @type {number} */ index) => found?.has(index) || this.evidence.has(index) || index === selected;
    return found === null && this.evidence.size === 0 && selected === -1 ? [] : lane.marks.slice(begin, end).filter(is_above);
  }

  /** Of marks that would lie on one pixel the first is drawn. @param {Lane} lane @param {number[]} indices ascending
   * @param {number} begin @param {number} end @param {number} y @param {boolean} crowded @param {string} colour */
  someMarks(lane, indices, begin, end, y, crowded, colour) {
    const { places, layout, model } = this.scene;
    /** @type {Map<number, number>} */
    const drawn_at = new Map();
    for (let at = begin; at < end; at += 1) {
      const index = indices[at];
      const mark_y = layout.y_of[index];
      const x = this.x(places[index]);
      if (x - (drawn_at.get(mark_y) ?? -Infinity) < (crowded ? 2 : 1)) continue;
      drawn_at.set(mark_y, x);
      if (crowded && !this.evidence.has(index)) this.tick(x, y + mark_y, colour);
      else this.mark(model.history.events[index], x, y + mark_y, colour);
    }
  }

  /** A mark where there is no room for a shape. @param {number} x @param {number} y @param {string} colour */
  tick(x, y, colour) {
    this.ctx.fillStyle = this.brush.colour[colour];
    const half = colour === "focus" ? 6 : 3;
    this.ctx.fillRect(x - 0.5, y - half, 1, 2 * half);
  }

  /** @param {HistoryEvent} event @param {number} x @param {number} y @param {string} colour */
  mark(event, x, y, colour) {
    const { ctx, brush } = this;
    const [shape, filled] = markOf(event);
    ctx.fillStyle = brush.colour[filled ? colour : "bg"];
    ctx.strokeStyle = brush.colour[colour];
    brush.shape(shape, x, y);
    if (shape !== "cross") ctx.fill();
    if (!filled) {
      ctx.lineWidth = shape === "cross" ? 2 : 1.2;
      ctx.stroke();
      ctx.lineWidth = 1;
    }
  }

  /** The evidence has its words before all others. @param {Lane} lane @param {number} y @param {Words} words */
  evidenceWords(lane, y, words) {
    const { places, sight, layout } = this.scene;
    const own = [...this.evidence].filter((index) => layout.lanes[layout.lane_of[index]] === lane);
    this.ctx.font = FONT.replace("11px", "bold 11px");
    for (const index of own) {
      if (places[index] >= sight.from && places[index] <= sight.to) this.words(lane, index, this.x(places[index]), y, words, "accent");
    }
    this.ctx.font = FONT;
  }

  /** Words under a mark, in the first line in which there is room. @param {Lane} lane @param {number} index
   * @param {number} x @param {number} y @param {Words} words @param {string} colour */
  words(lane, index, x, y, words, colour) {
    const text = label(this.scene.model.history, this.scene.model.history.events[index]).slice(0, 34);
    const width = text.length * this.brush.character;
    const begin = Math.max(this.left + 2, Math.min(x - 4, this.right - width - 4));
    const track = Math.floor(this.scene.layout.y_of[index] / lane.track_h) * lane.track_h;
    const line = lane.labels.find((one) => words.take(track + one, begin, begin + width + 8));
    if (line !== undefined) this.brush.text(text, begin, y + track + line, width + 2, colour);
  }
}

/** Which parts of which lines have words on them. */
class Words {
  constructor() {
    /** By line, from where to where. @type {Map<number, [number, number][]>} */
    this.taken = new Map();
  }

  /** Takes room on a line, if it has it. @param {number} line @param {number} from @param {number} to */
  take(line, from, to) {
    const taken = this.taken.get(line) ?? [];
    if (taken.some(([begin, end]) => to > begin && from < end)) return false;
    this.taken.set(line, [...taken, [from, to]]);
    return true;
  }
}
