// What lasts, and how what lasts is laid side by side. Knows nothing of a history.

/**
 * Something that lasts from one moment to another.
 * @typedef {object} Span
 * @property {string} kind    what it is; drawing looks it up
 * @property {number} from    true time, ns
 * @property {number} to      true time, ns
 * @property {number} first   position of the event that begins it; -1 if no event does
 * @property {number} last    position of the event that ends it; -1 if no event does
 * @property {string} text    what stands in it
 * @property {boolean} [bad]  whether it came to a bad end
 * @property {number|null} [due]  when what it waits for is due, true time
 * @property {number} [row]   among spans that overlap, which one from the top
 * @property {number} [a]     where it begins in the picture, in the units of the scale
 * @property {number} [b]     where it ends there
 */

/**
 * Gives spans rows, so that none of a row overlap. Spans have to be in the order in which they begin.
 * @param {Span[]} spans
 * @param {number} rows_max  further spans share the last row
 * @returns {number} how many rows there are
 */
function pack(spans, rows_max) {
  /** @type {number[]} */
  const ends = [];
  for (const span of spans) {
    let row = ends.findIndex((end) => end <= span.from);
    if (row === -1) row = Math.min(ends.length, rows_max - 1);
    ends[row] = Math.max(ends[row] ?? 0, span.to, span.from + 1);
    span.row = row;
  }
  return Math.max(1, ends.length);
}

/**
 * Spans of a switch that is on and off, from the events that turn it. What is on at the end lasts until the end.
 */
class Switch {
  /** @param {string} kind */
  constructor(kind) {
    this.kind = kind;
    /** @type {Span[]} */
    this.spans = [];
    this.depth = 0;
  }

  /** One more reason to be on. @param {number} at @param {number} index @param {string} text */
  on(at, index, text) {
    this.depth += 1;
    if (this.depth === 1) this.spans.push({ kind: this.kind, from: at, to: at, first: index, last: -1, text });
  }

  /** One reason less. @param {number} at @param {number} index */
  off(at, index) {
    if (this.depth === 0) return;
    this.depth -= 1;
    if (this.depth === 0) this.close(at, index);
  }

  /** Off, whatever the reasons were. @param {number} at */
  end(at) {
    if (this.depth > 0) this.close(at, -1);
    this.depth = 0;
  }

  /** @param {number} at @param {number} index */
  close(at, index) {
    const span = this.spans[this.spans.length - 1];
    span.to = at;
    span.last = index;
  }
}
