// Everything that the page knows of a history, read once when it opens.

/**
 * @typedef {object} Model
 * @property {HistoryData} history
 * @property {number} from                     first moment, ns
 * @property {number} to                       last moment, ns
 * @property {Map<string, ObjectLife>} objects in the order of their names
 * @property {Map<string, Span[]>} slots       states of alarm slots, by object
 * @property {World} world
 * @property {Links} links
 * @property {string[]} services
 */

/** @param {HistoryData} history @returns {Model} */
function readModel(history) {
  const { events } = history;
  const from = events.length === 0 ? 0 : events[0].at_ns;
  const to = Math.max(from + 1, events.length === 0 ? 1 : events[events.length - 1].at_ns);
  const lives = readLives(history, to);
  const names = [...lives.keys()].sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
  const objects = new Map(names.map((name) => [name, /** @type {ObjectLife} */ (lives.get(name))]));
  const slots = new Map(names.map((name) => [name, readSlot(history, /** @type {ObjectLife} */ (lives.get(name)).events, to)]));
  const links = readLinks(history, to);
  const services = [...new Set([...links.calls.values()].map((call) => call.service))].sort();
  return { history, from, to, objects, slots, world: readWorld(history, to), links, services };
}
