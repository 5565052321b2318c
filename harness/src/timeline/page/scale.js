// From moments to places in the picture and back. There are two scales. In the scale of time a length stands for a time. In
// the scale of sequence each event that is shown has room of its own, and the time between two events takes room by its
// logarithm: what happened within microseconds can be read beside what happened seconds before. Both rise with time.

/**
 * @typedef {object} Scale
 * @property {"time"|"sequence"} name
 * @property {number} from  place of the first moment
 * @property {number} to    place of the last moment
 * @property {number} closest  the smallest extent that makes sense to look at
 * @property {(at_ns: number, index: number) => number} place  of a moment, or of an event (index -1: of a moment alone)
 * @property {(place: number) => number} moment  at a place, true time in ns
 */

/** @param {number} from_ns @param {number} to_ns @returns {Scale} */
function timeScale(from_ns, to_ns) {
  return { name: "time", from: from_ns, to: to_ns, closest: 1000, place: (at_ns) => at_ns, moment: (place) => place };
}

/** How much room a time between two events takes, in rooms of an event. @param {number} gap_ns */
function gapRoom(gap_ns) {
  return gap_ns <= 0 ? 0 : 0.5 * Math.log2(1 + gap_ns / 1e5);
}

/** The last position of what is at most `value` in ascending numbers; -1 if there is none.
 * @param {ArrayLike<number>} ascending @param {number} value */
function lastAtMost(ascending, value) {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * @param {HistoryEvent[]} events
 * @param {number[]} shown   positions of the events that are shown, ascending
 * @param {number} from_ns
 * @param {number} to_ns
 * @returns {Scale & {times: Float64Array, places: Float64Array}}
 */
function sequenceScale(events, shown, from_ns, to_ns) {
  const times = new Float64Array(shown.length + 2);
  const places = new Float64Array(shown.length + 2);
  const own = new Float64Array(events.length).fill(NaN);
  times[0] = from_ns;
  shown.forEach((index, position) => {
    const at = position + 1;
    times[at] = events[index].at_ns;
    places[at] = places[at - 1] + 1 + gapRoom(times[at] - times[at - 1]);
    own[index] = places[at];
  });
  const last = shown.length + 1;
  times[last] = to_ns;
  places[last] = places[last - 1] + 1 + gapRoom(to_ns - times[last - 1]);
  const between = (/** @type {Float64Array} */ of, /** @type {Float64Array} */ to, /** @type {number} */ value) => {
    const at = Math.max(0, Math.min(last - 1, lastAtMost(of, value)));
    const length = of[at + 1] - of[at];
    return to[at] + (length > 0 ? Math.max(0, Math.min(1, (value - of[at]) / length)) * (to[at + 1] - to[at]) : 0);
  };
  return {
    name: "sequence", from: 0, to: places[last], closest: 4, times, places,
    place: (at_ns, index) => index >= 0 && own[index] >= 0 ? own[index] : between(times, places, at_ns),
    moment: (place) => between(places, times, place),
  };
}

/**
 * Where the axis has its ticks: places and words.
 * @param {Scale} scale
 * @param {number} from  place
 * @param {number} to    place
 * @param {number} room  the least distance between two ticks, in places
 * @returns {{place: number, text: string}[]}
 */
function ticks(scale, from, to, room) {
  return scale.name === "time" ? timeTicks(from, to, room) : sequenceTicks(/** @type {any} */ (scale), from, to, room);
}

/** @param {number} from @param {number} to @param {number} room */
function timeTicks(from, to, room) {
  const power = 10 ** Math.floor(Math.log10(Math.max(room, 1)));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= room) ?? 10);
  const found = [];
  for (let at = Math.max(0, Math.ceil(from / step)) * step; at <= to; at += step) found.push({ place: at, text: secondsTo(at, step) });
  return found;
}

/** @param {Scale & {times: Float64Array, places: Float64Array}} scale @param {number} from @param {number} to
 * @param {number} room */
function sequenceTicks({ times, places }, from, to, room) {
  const found = [];
  let before = { place: -Infinity, at: -1 };
  for (let at = Math.max(0, lastAtMost(places, from)); at < places.length && places[at] <= to; at += 1) {
    if (places[at] < from || places[at] - before.place < room || times[at] === before.at) continue;
    found.push({ place: places[at], text: secondsTo(times[at], times[at] - before.at < 1e6 && before.at >= 0 ? 1e3 : 1e6) });
    before = { place: places[at], at: times[at] };
  }
  return found;
}

/**
 * The times between events that take more room than `room`, for the scale of sequence.
 * @param {Scale} scale @param {number} from @param {number} to @param {number} room
 * @returns {{place: number, text: string}[]}
 */
function gaps(scale, from, to, room) {
  if (scale.name === "time") return [];
  const { times, places } = /** @type {{times: Float64Array, places: Float64Array}} */ (/** @type {any} */ (scale));
  const found = [];
  for (let at = Math.max(0, lastAtMost(places, from)); at + 1 < places.length && places[at] <= to; at += 1) {
    const length = times[at + 1] - times[at];
    if (length > 0 && places[at + 1] - places[at] >= room) found.push({ place: (places[at] + places[at + 1]) / 2, text: duration(length) });
  }
  return found;
}
