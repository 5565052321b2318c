// Finds what lies under the pointer.

/** How far from a mark the pointer may be, pixels. */
const REACH = 8;

/**
 * @param {Scene} scene
 * @param {number} x
 * @param {number} y
 * @returns {{event: number, span: Span|null}|null} the event nearest to the point, or the span under it
 */
function hit(scene, x, y) {
  const flag = flags(scene).find(({ left }) => x >= left && x < left + FLAG);
  if (y >= FRAME.overview + FRAME.axis && y < FRAME.top) return flag === undefined ? null : { event: flag.index, span: null };
  const lane = laneAt(scene, y);
  if (lane === null || x < FRAME.left) return null;
  const inner_y = y - FRAME.top - lane.y + scene.sight.scroll;
  const event = nearestMark(scene, lane, x, inner_y);
  if (event !== -1) return { event, span: null };
  const place = placeAt(scene.sight, x);
  for (const layer of [...lane.layers].reverse()) {
    const span = layer.spans.find((one) => {
      const top = layer.y + (one.row ?? 0) * ROW;
      return inner_y >= top && inner_y < top + layer.h && /** @type {number} */ (one.a) <= place && /** @type {number} */ (one.b) >= place;
    });
    if (span !== undefined) return { event: span.first, span };
  }
  const band = lane.bands.find((one) => /** @type {number} */ (one.a) <= place && /** @type {number} */ (one.b) >= place);
  return band === undefined ? null : { event: band.first, span: band };
}

/** @param {Scene} scene @param {number} y */
function laneAt({ layout, sight }, y) {
  if (y < FRAME.top) return null;
  const inner = y - FRAME.top + sight.scroll;
  return layout.lanes.find((lane) => inner >= lane.y - 2 && inner < lane.y + lane.h + 2) ?? null;
}

/** Of several marks at one point the evidence goes first. @param {Scene} scene @param {Lane} lane @param {number} x
 * @param {number} y within the lane */
function nearestMark(scene, lane, x, y) {
  const { places, layout, sight, finding, model } = scene;
  const evidence = finding === -1 ? [] : model.history.head.findings[finding].evidence;
  let best = -1;
  let best_distance = REACH;
  for (const index of lane.marks) {
    const far = Math.abs(xOf(sight, places[index]) - x);
    if (far > REACH || Math.abs(layout.y_of[index] - y) > REACH) continue;
    const distance = Math.hypot(far, layout.y_of[index] - y) - (evidence.includes(index) ? REACH : 0);
    if (distance < best_distance) [best, best_distance] = [index, distance];
  }
  return best;
}
