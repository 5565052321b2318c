// Colours, patterns and shapes. Nothing is told by colour alone: what came to a bad end is hatched, kinds of marks have
// shapes of their own, and spans say what they are.

/** The names of colours that style.css gives. */
const COLOURS = [
  "bg", "fg", "muted", "line", "lane", "accent", "accent-soft", "instance", "run", "constructor", "turn", "durable", "gate", "fault", "fault-soft",
  "down", "set", "due", "firing", "backoff", "given-up", "request", "call", "request-line", "call-line", "phase", "no-quorum", "focus",
];

/** Kinds of spans that are hatched whatever came of them: what is there is trouble, or waits. */
const PATTERNED = new Set(["fault", "down", "no-quorum", "due", "given-up"]);

/** What is drawn with: a canvas, its colours, its patterns. */
class Brush {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {Object<string, string>} */
    this.colour = {};
    /** @type {Map<string, CanvasPattern>} */
    this.hatches = new Map();
    this.ctx.font = FONT;
    /** How wide a character is, pixels. */
    this.character = this.ctx.measureText("0").width;
    this.dye();
  }

  /** Takes the colours from the style sheet, as they are now. */
  dye() {
    const style = getComputedStyle(document.documentElement);
    for (const name of COLOURS) this.colour[name] = style.getPropertyValue(`--${name}`).trim();
    this.hatches.clear();
  }

  /** Oblique lines in a colour. @param {string} name of a colour */
  hatch(name) {
    const known = this.hatches.get(name);
    if (known !== undefined) return known;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const ctx = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
    ctx.strokeStyle = this.colour[name];
    ctx.lineWidth = 1.6;
    ctx.beginPath();
    for (const shift of [-8, 0, 8]) {
      ctx.moveTo(shift, 8);
      ctx.lineTo(shift + 8, 0);
    }
    ctx.stroke();
    const pattern = /** @type {CanvasPattern} */ (this.ctx.createPattern(tile, "repeat"));
    this.hatches.set(name, pattern);
    return pattern;
  }

  /** Words, cut to a width. @param {string} text @param {number} x @param {number} y @param {number} width pixels
   * @param {string} colour */
  text(text, x, y, width, colour) {
    const room = Math.floor(width / this.character);
    if (room < 2) return;
    this.ctx.fillStyle = this.colour[colour];
    this.ctx.fillText(text.length <= room ? text : `${text.slice(0, room - 1)}…`, x, y);
  }

  /** The shape of an event's mark, around a point. @param {string} shape @param {number} x @param {number} y */
  shape(shape, x, y) {
    const { ctx } = this;
    ctx.beginPath();
    switch (shape) {
      case "diamond":
        ctx.moveTo(x, y - 5); ctx.lineTo(x + 4, y); ctx.lineTo(x, y + 5); ctx.lineTo(x - 4, y);
        break;
      case "square": ctx.rect(x - 3.5, y - 3.5, 7, 7); break;
      case "bell":
        ctx.moveTo(x, y - 5); ctx.lineTo(x + 5, y + 4); ctx.lineTo(x - 5, y + 4);
        break;
      case "in":
        ctx.moveTo(x - 4, y - 4); ctx.lineTo(x + 4, y - 4); ctx.lineTo(x, y + 4);
        break;
      case "out":
        ctx.moveTo(x - 4, y + 4); ctx.lineTo(x + 4, y + 4); ctx.lineTo(x, y - 4);
        break;
      case "cross":
        ctx.moveTo(x - 4, y - 4); ctx.lineTo(x + 4, y + 4); ctx.moveTo(x + 4, y - 4); ctx.lineTo(x - 4, y + 4);
        break;
      default: ctx.arc(x, y, 2.2, 0, 7);
    }
    ctx.closePath();
  }
}

/** All characters of it are equally wide. */
const FONT = '11px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

/** The shape and colour of an event's mark. @param {HistoryEvent} event @returns {[shape: string, filled: boolean]} */
function markOf(event) {
  switch (event.event) {
    case "op":
      if (event.call === "delete_all") return ["cross", false];
      if (/alarm/.test(event.call)) return ["bell", event.call !== "get_alarm"];
      return ["square", !/^(get|get_many|list|sync)$/.test(event.call)];
    case "timer": return ["bell", false];
    case "promise": return isBrokenPromise(event) ? ["cross", false] : ["dot", true];
    case "commit": return ["diamond", true];
    case "call": case "deliver": case "request_arrive": case "outbound_arrive": case "outbound_return": return ["in", true];
    case "return": case "respond": case "outbound": case "outbound_leave": case "answer_leave": case "outbound_answer": return ["out", true];
    case "instance_end": case "answer_lost": case "outbound_lost": return ["cross", false];
    case "leader": case "group_leader": case "holder": return ["diamond", false];
    default: return ["dot", true];
  }
}

/** @param {HistoryEvent} event of kind promise */
function isBrokenPromise(event) {
  return !event.held && event.kind !== "sometimes";
}

/** Events whose mark comes with words where there is room. @param {HistoryEvent} event */
function isWorthWords(event) {
  if (event.event === "deliver") return event.delivery.result === undefined;
  if (event.event === "promise") return isBrokenPromise(event);
  return ["op", "timer", "outbound", "respond", "commit", "at_rest"].includes(event.event);
}
