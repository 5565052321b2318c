// What one looks at: the part of the scale that is in the picture, how far the lanes are scrolled, and the link that leads
// there again.

/** Pixels that are not lanes: titles at the left; overview, axis and flags at the top. */
const FRAME = { left: 186, right: 12, overview: 34, axis: 40, flags: 26, top: 104 };

/**
 * @typedef {object} Sight
 * @property {number} from    place at the left edge of the lanes
 * @property {number} to      place at their right edge
 * @property {number} scroll  pixels
 * @property {number} width   of the canvas, pixels
 * @property {number} height
 */

/** Pixels that a place takes. @param {Sight} sight */
function pixels(sight) {
  return (sight.width - FRAME.left - FRAME.right) / (sight.to - sight.from);
}

/** @param {Sight} sight @param {number} place */
function xOf(sight, place) {
  return FRAME.left + (place - sight.from) * pixels(sight);
}

/** @param {Sight} sight @param {number} x */
function placeAt(sight, x) {
  return sight.from + (x - FRAME.left) / pixels(sight);
}

/** Looks at another part of the scale, of the same extent or another; never beyond what there is by more than a quarter.
 * @param {Sight} sight @param {Scale} scale @param {number} from @param {number} to */
function look(sight, scale, from, to) {
  const margin = 0.02 * (scale.to - scale.from);
  const extent = Math.max(scale.closest, Math.min(to - from, scale.to - scale.from + 2 * margin));
  const middle = (from + to) / 2;
  const begin = Math.max(scale.from - margin, Math.min(middle - extent / 2, scale.to + margin - extent));
  sight.from = begin;
  sight.to = begin + extent;
}

/** Closer by a factor, with the place at `x` staying where it is. @param {Sight} sight @param {Scale} scale
 * @param {number} factor @param {number} x */
function zoom(sight, scale, factor, x) {
  const extent = Math.max(scale.closest, (sight.to - sight.from) / factor);
  const share = (x - FRAME.left) / (sight.width - FRAME.left - FRAME.right);
  const fixed = placeAt(sight, x);
  look(sight, scale, fixed - share * extent, fixed + (1 - share) * extent);
}

/** @param {Sight} sight @param {number} height  of all lanes */
function keepScroll(sight, height) {
  sight.scroll = Math.max(0, Math.min(sight.scroll, height - (sight.height - FRAME.top)));
}

/**
 * What a link says.
 * @typedef {object} Linked
 * @property {[number, number]|null} t   from and to, true time in ns
 * @property {"object"|"machine"|"request"} by
 * @property {string[]|null} objects
 * @property {"time"|"sequence"} scale
 * @property {number|null} event
 * @property {number|null} finding
 * @property {string} q
 */

/** @param {Linked} linked */
function toFragment(linked) {
  const fields = new URLSearchParams();
  if (linked.t !== null) fields.set("t", linked.t.map((ns) => (ns / 1e9).toFixed(9).replace(/\.?0+$/, "")).join(".."));
  fields.set("lanes", linked.by);
  fields.set("scale", linked.scale);
  for (const object of linked.objects ?? []) fields.append("object", object);
  if (linked.finding !== null) fields.set("finding", String(linked.finding));
  if (linked.event !== null) fields.set("event", String(linked.event));
  if (linked.q !== "") fields.set("q", linked.q);
  return `#${fields}`;
}

/** What a link says; what it leaves out is as on opening. A single moment is shown with a second around it.
 * @param {string} fragment @returns {Partial<Linked>} */
function fromFragment(fragment) {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  /** @type {Partial<Linked>} */
  const linked = {};
  const times = (fields.get("t") ?? "").split("..").map((text) => Number(text) * 1e9);
  if (fields.has("t") && times.every(Number.isFinite)) {
    linked.t = times.length === 1 ? [times[0] - 5e8, times[0] + 5e8] : [times[0], times[1]];
  }
  const by = fields.get("lanes");
  if (by === "object" || by === "machine" || by === "request") linked.by = by;
  const scale = fields.get("scale");
  if (scale === "time" || scale === "sequence") linked.scale = scale;
  if (fields.has("object")) linked.objects = fields.getAll("object");
  for (const name of /** @type {("event"|"finding")[]} */ (["event", "finding"])) {
    const value = fields.get(name);
    if (value !== null && /^\d+$/.test(value)) linked[name] = Number(value);
  }
  if (fields.has("q")) linked.q = /** @type {string} */ (fields.get("q"));
  return linked;
}
