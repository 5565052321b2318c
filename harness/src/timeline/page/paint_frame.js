// Draws what is around the lanes and across them: the overview, the axis, titles, arrows, the evidence with its numbers.

/** Draws a scene from back to front. @param {Brush} brush @param {Scene} scene @param {Overview} overview */
function paint(brush, scene, overview) {
  const { ctx } = brush;
  const { width, height } = scene.sight;
  ctx.font = FONT;
  ctx.textBaseline = "middle";
  ctx.lineWidth = 1;
  ctx.fillStyle = brush.colour.bg;
  ctx.fillRect(0, 0, width, height);
  inside(ctx, FRAME.left, FRAME.top - 2, width - FRAME.left - FRAME.right, height - FRAME.top + 2, () => {
    paintGrid(brush, scene);
    const lanes = new LanePainter(brush, scene);
    lanes.paint();
    paintArrows(brush, scene);
    paintSelected(brush, scene);
  });
  paintTitles(brush, scene);
  paintAxis(brush, scene);
  paintOverview(brush, scene, overview);
  paintEvidence(brush, scene);
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} width @param {number} height
 * @param {() => void} draw */
function inside(ctx, x, y, width, height, draw) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, width, height);
  ctx.clip();
  draw();
  ctx.restore();
}

/** @param {Scene} scene */
function sceneTicks(scene) {
  const { sight, scale } = scene;
  return ticks(scale, sight.from, sight.to, 96 / pixels(sight));
}

/** @param {Brush} brush @param {Scene} scene */
function paintGrid({ ctx, colour }, scene) {
  ctx.fillStyle = colour.line;
  for (const tick of sceneTicks(scene)) ctx.fillRect(Math.round(xOf(scene.sight, tick.place)), FRAME.top, 1, scene.sight.height);
}

/** @param {Brush} brush @param {Scene} scene */
function paintAxis(brush, scene) {
  const { ctx } = brush;
  const { sight, scale } = scene;
  const y = FRAME.overview + 12;
  inside(ctx, FRAME.left, FRAME.overview, sight.width - FRAME.left, FRAME.axis, () => {
    for (const tick of sceneTicks(scene)) {
      const x = xOf(sight, tick.place);
      ctx.fillStyle = brush.colour.line;
      ctx.fillRect(Math.round(x), y + 6, 1, FRAME.axis);
      brush.text(tick.text, x + 3, y, 92, "fg");
    }
    for (const gap of gaps(scale, sight.from, sight.to, 62 / pixels(sight))) {
      const text = `↔ ${gap.text}`;
      brush.text(text, xOf(sight, gap.place) - (text.length * brush.character) / 2, y + 18, 90, "muted");
    }
  });
  brush.text(scale.name === "time" ? "time to scale" : "by sequence", 10, y, FRAME.left - 20, "fg");
  if (arrowsInSight(scene).length > ARROWS_MAX) brush.text("closer for arrows", 10, y + 40, FRAME.left - 20, "muted");
  brush.text(`${duration(scale.moment(sight.to) - scale.moment(sight.from))} shown`, 10, y + 16, FRAME.left - 20, "muted");
}

/** @param {Brush} brush @param {Scene} scene */
function paintTitles(brush, scene) {
  const { ctx } = brush;
  const { layout, sight } = scene;
  inside(ctx, 0, FRAME.top - 2, FRAME.left, sight.height - FRAME.top + 2, () => {
    for (const lane of layout.lanes) {
      const y = FRAME.top + lane.y - sight.scroll;
      if (y + lane.h + GAP < FRAME.top || y > sight.height) continue;
      const both = lane.h >= 30 && lane.sub !== "";
      const text = both || lane.sub === "" ? lane.title : `${lane.title} · ${lane.sub}`;
      ctx.font = FONT.replace("11px", lane.key.startsWith("slot") || lane.key.startsWith("machine") ? "11px" : "bold 11px");
      brush.text(text, 10, y + (both ? 9 : lane.h / 2), FRAME.left - 16, "fg");
      ctx.font = FONT;
      if (both) brush.text(lane.sub, 10, y + 24, FRAME.left - 16, "muted");
    }
  });
}

/** Colours of arrows. @type {Object<string, string>} */
const ARROW_COLOURS = { request: "request-line", answer: "request-line", call: "call-line", return: "call-line" };

/** More arrows than this hide what they lead to: none is drawn then. */
const ARROWS_MAX = 240;

/** The arrows that are in the picture, up to one more than are drawn. @param {Scene} scene */
function arrowsInSight({ layout, places, sight }) {
  const found = [];
  for (const arrow of layout.arrows) {
    if (places[arrow.from] > sight.to || found.length > ARROWS_MAX) break;
    if (places[arrow.to] < sight.from) continue;
    const [one, other] = [layout.lanes[layout.lane_of[arrow.from]].y, layout.lanes[layout.lane_of[arrow.to]].y];
    if (Math.max(one, other) >= sight.scroll && Math.min(one, other) <= sight.scroll + sight.height) found.push(arrow);
  }
  return found;
}

/** @param {Brush} brush @param {Scene} scene */
function paintArrows(brush, scene) {
  const { layout, places, sight, found } = scene;
  const { ctx, colour } = brush;
  const arrows = arrowsInSight(scene);
  if (arrows.length > ARROWS_MAX) return;
  const y_of = (/** @type {number} */ index) => FRAME.top + layout.lanes[layout.lane_of[index]].y + layout.y_of[index] - sight.scroll;
  for (const arrow of arrows) {
    const [x0, y0, x1, y1] = [xOf(sight, places[arrow.from]), y_of(arrow.from), xOf(sight, places[arrow.to]), y_of(arrow.to)];
    ctx.globalAlpha = found === null || found.has(arrow.from) || found.has(arrow.to) ? 0.9 : 0.12;
    arrowLine(ctx, colour[ARROW_COLOURS[arrow.kind]], x0, y0, x1, y1, arrow.kind === "answer" || arrow.kind === "return");
  }
  ctx.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} ctx @param {string} colour @param {number} x0 @param {number} y0 @param {number} x1
 * @param {number} y1 @param {boolean} dashed */
function arrowLine(ctx, colour, x0, y0, x1, y1, dashed) {
  const length = Math.hypot(x1 - x0, y1 - y0) || 1;
  const [dx, dy] = [(x1 - x0) / length, (y1 - y0) / length];
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = 1.4;
  ctx.setLineDash(dashed ? [5, 3] : []);
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.lineWidth = 1;
  const [bx, by] = [x1 - dx * 3, y1 - dy * 3];
  ctx.beginPath();
  ctx.moveTo(bx, by);
  ctx.lineTo(bx - dx * 8 - dy * 4, by - dy * 8 + dx * 4);
  ctx.lineTo(bx - dx * 8 + dy * 4, by - dy * 8 - dx * 4);
  ctx.fill();
}

/** @param {Brush} brush @param {Scene} scene */
function paintSelected({ ctx, colour }, { selected, layout, places, sight }) {
  if (selected === -1) return;
  const x = xOf(sight, places[selected]);
  ctx.fillStyle = colour.focus;
  ctx.fillRect(Math.round(x) - 0.5, FRAME.top, 1, sight.height);
  if (layout.lane_of[selected] === -1) return;
  ctx.strokeStyle = colour.focus;
  ctx.lineWidth = 2;
  ctx.strokeRect(x - 9, FRAME.top + layout.lanes[layout.lane_of[selected]].y + layout.y_of[selected] - sight.scroll - 9, 18, 18);
  ctx.lineWidth = 1;
}

/**
 * Puts boxes of one width beside each other near where they belong, in the order of their places, without overlap.
 * @param {number[]} wanted  ascending
 * @param {number} width
 * @param {number} left
 * @param {number} right
 * @returns {number[]} where each begins
 */
function spread(wanted, width, left, right) {
  /** @type {number[]} */
  const found = [];
  for (const x of wanted) found.push(Math.max(x - width / 2, found.length === 0 ? left : found[found.length - 1] + width));
  let limit = right;
  for (let at = found.length - 1; at >= 0; at -= 1) {
    found[at] = Math.min(found[at], limit - width);
    limit = found[at];
  }
  return found;
}

const FLAG = 24;

/** The evidence that is in the picture, with where it is. @param {Scene} scene */
function flags(scene) {
  const { finding, model, places, sight } = scene;
  if (finding === -1) return [];
  const numbered = model.history.head.findings[finding].evidence.map((index, position) => ({ index, number: position + 1, x: xOf(sight, places[index]) }));
  const here = numbered.filter(({ x }) => x >= FRAME.left - 1 && x <= sight.width - FRAME.right + 1).sort((one, other) => one.x - other.x);
  const at = spread(here.map(({ x }) => x), FLAG, FRAME.left, sight.width - FRAME.right);
  return here.map((flag, position) => ({ ...flag, left: at[position] }));
}

/** Each event of the evidence has a numbered flag, a line down to it, and a ring around it. @param {Brush} brush
 * @param {Scene} scene */
function paintEvidence(brush, scene) {
  const { ctx, colour } = brush;
  const { layout, sight } = scene;
  const y = FRAME.overview + FRAME.axis;
  for (const { index, number, x, left } of flags(scene)) {
    const lane = layout.lane_of[index];
    const target = lane === -1 ? FRAME.top : FRAME.top + layout.lanes[lane].y + layout.y_of[index] - sight.scroll;
    ctx.strokeStyle = colour.accent;
    ctx.lineWidth = 1.2;
    ctx.setLineDash([2, 3]);
    ctx.beginPath();
    ctx.moveTo(left + FLAG / 2, y + 20);
    ctx.lineTo(x, FRAME.top);
    ctx.lineTo(x, Math.max(FRAME.top, target - 8));
    ctx.stroke();
    ctx.setLineDash([]);
    if (target >= FRAME.top) {
      ctx.lineWidth = 2;
      ctx.beginPath();
      ctx.arc(x, target, 8, 0, 7);
      ctx.stroke();
    }
    ctx.lineWidth = 1;
    ctx.fillStyle = colour.accent;
    ctx.fillRect(left + 2, y + 2, FLAG - 4, 18);
    ctx.textAlign = "center";
    ctx.fillStyle = colour.bg;
    ctx.font = FONT.replace("11px", "bold 12px");
    ctx.fillText(String(number), left + FLAG / 2, y + 11.5);
    ctx.font = FONT;
    ctx.textAlign = "left";
  }
}

/** How much happens where, over the whole scale. @typedef {{counts: Float64Array, most: number}} Overview */

/** @param {Layout} layout @param {Float64Array} places @param {Scale} scale @param {number} columns @returns {Overview} */
function overviewOf(layout, places, scale, columns) {
  const counts = new Float64Array(Math.max(1, columns));
  for (const index of layout.shown) {
    counts[Math.min(counts.length - 1, Math.floor(((places[index] - scale.from) / (scale.to - scale.from)) * counts.length))] += 1;
  }
  return { counts, most: counts.reduce((one, other) => Math.max(one, other), 1) };
}

/** @param {Scene} scene @param {number} place @returns {number} x in the overview */
function overviewX({ sight, scale }, place) {
  return FRAME.left + ((place - scale.from) / (scale.to - scale.from)) * (sight.width - FRAME.left - FRAME.right);
}

/** @param {Brush} brush @param {Scene} scene @param {Overview} overview */
function paintOverview(brush, scene, overview) {
  const { ctx, colour } = brush;
  const { sight, model, places } = scene;
  const [left, right, h] = [FRAME.left, sight.width - FRAME.right, FRAME.overview - 6];
  ctx.fillStyle = colour.lane;
  ctx.fillRect(left, 3, right - left, h);
  for (const fault of model.world.faults) {
    const x0 = overviewX(scene, scene.scale.place(fault.from, fault.first));
    const x1 = overviewX(scene, scene.scale.place(fault.to, fault.last));
    ctx.globalAlpha = 0.5;
    ctx.fillStyle = brush.hatch("fault");
    ctx.fillRect(x0, 3, Math.max(2, x1 - x0), h);
    ctx.globalAlpha = 1;
  }
  ctx.fillStyle = colour.muted;
  const column = (right - left) / overview.counts.length;
  overview.counts.forEach((count, at) => {
    if (count === 0) return;
    const bar = Math.max(2, (h * Math.log1p(count)) / Math.log1p(overview.most));
    ctx.fillRect(left + at * column, 3 + h - bar, Math.max(1, column - 0.5), bar);
  });
  model.history.head.findings.forEach((finding, position) => {
    ctx.fillStyle = colour.accent;
    const x = overviewX(scene, finding.evidence.length > 0 ? places[finding.evidence[0]] : scene.scale.place(finding.at_ns, -1));
    ctx.fillRect(x - 1, 1, position === scene.finding ? 4 : 2, h + 4);
  });
  ctx.strokeStyle = colour.focus;
  ctx.lineWidth = 2;
  const x0 = Math.max(left, overviewX(scene, sight.from));
  ctx.strokeRect(x0, 2, Math.max(4, Math.min(right, overviewX(scene, sight.to)) - x0), h + 2);
  ctx.lineWidth = 1;
  brush.text("whole run", 10, 3 + h / 2, left - 20, "muted");
}
