// Reads what the page carries: one head, the history's header, and its events. Knows the form of the data and nothing of
// what events mean.

/**
 * One event of the history: the fields of model/HISTORY.md. An integer beyond 2^53 is kept as a string of its digits.
 * @typedef {Object<string, any>} HistoryEvent
 */

/**
 * A broken promise, as the judge tells it.
 * @typedef {object} Finding
 * @property {string} rule        id of the rule
 * @property {string} [object]    the object that it was broken for
 * @property {number} at_ns       true time at which it was broken
 * @property {string} sentences   what happened and what should have
 * @property {number[]} evidence  positions among the events of this page
 */

/**
 * What is said of the history as a whole.
 * @typedef {object} Head
 * @property {number} format            1
 * @property {string} title             what ran, for the title
 * @property {string} verdict           one line: what came out
 * @property {Finding[]} findings       in the order of time
 * @property {number} [open]             position of the finding that the page opens on; the first if it is left out
 * @property {Object<string, number>} [more]  how often each rule was broken beside the findings told
 * @property {string} [command]         the command that shows this run again
 * @property {string} [note]            what of the history is left out here, and why
 */

/** @typedef {{head: Head, header: Object<string, any>, events: HistoryEvent[], lines: string[]}} HistoryData */

const FORMAT = 1;

/** A number of sixteen digits or more may be larger than what a number of JavaScript holds exactly. */
const LONG_NUMBER = /\d{16}/;
const STRING_OR_LONG_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;

/**
 * One line of JSON. Integers that would lose digits become strings.
 * @param {string} line
 * @returns {any}
 */
function parseLine(line) {
  if (!LONG_NUMBER.test(line)) return JSON.parse(line);
  const exact = line.replace(STRING_OR_LONG_NUMBER, (token) =>
    token[0] === '"' || Number.isSafeInteger(Number(token)) ? token : `"${token}"`);
  return JSON.parse(exact);
}

/**
 * The page's data as text: a line for the head, one for the history's header, one for each event.
 * @param {string} text
 * @returns {HistoryData}
 */
function readData(text) {
  const lines = text.split("\n").filter((line) => line !== "");
  if (lines.length < 2) throw new Error("the page carries no history: it needs a head and a header");
  const head = parseLine(lines[0]);
  if (head.format !== FORMAT) {
    throw new Error(`the page carries data of format ${head.format}; it reads format ${FORMAT}`);
  }
  const header = parseLine(lines[1]);
  const own = lines.slice(2);
  const events = own.map(parseLine);
  for (const finding of head.findings) {
    const stray = finding.evidence.find((/** @type {number} */ index) => !(index in events));
    if (stray !== undefined) {
      throw new Error(`the evidence of ${finding.rule} names event ${stray} of ${events.length}`);
    }
  }
  return { head, header, events, lines: own };
}

/**
 * Undoes what put the data into the page: base64 of gzip of UTF-8.
 * @param {string} base64
 * @returns {Promise<string>}
 */
async function unpack(base64) {
  const bytes = Uint8Array.from(atob(base64.trim()), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}
