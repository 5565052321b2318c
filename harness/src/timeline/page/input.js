// Mouse, wheel, touch and keys on the picture.

const KEYS = /** @type {[string, string][]} */ ([
  ["← →", "earlier, later"], ["+ −", "closer, farther"], ["↑ ↓", "scroll the lanes"], ["0", "the whole run"],
  ["v", "the evidence of the finding"], ["[ ]", "finding before, finding after"], ["n p", "next, previous event of the lane or of what was found"],
  ["s", "time to scale, or by sequence"], ["1 2 3", "lanes by object, by machine, by request and service"],
  ["/", "search"], ["t", "light or dark"], ["Esc", "nothing selected"], ["?", "these keys"],
]);

/** What each key does. @type {Object<string, (app: App, page: Panel) => void>} */
const KEY_ACTIONS = {
  ArrowLeft: (app) => shift(app, -0.15),
  ArrowRight: (app) => shift(app, 0.15),
  ArrowUp: (app) => scrollBy(app, -60),
  ArrowDown: (app) => scrollBy(app, 60),
  "+": (app) => zoomAtMiddle(app, 1.5),
  "=": (app) => zoomAtMiddle(app, 1.5),
  "-": (app) => zoomAtMiddle(app, 1 / 1.5),
  0: (app) => app.lookAtAll(),
  v: (app) => app.finding === -1 || app.showFinding(app.finding),
  "[": (app) => otherFinding(app, -1),
  "]": (app) => otherFinding(app, 1),
  n: (app) => app.step(1),
  p: (app) => app.step(-1),
  s: (app) => app.choose({}, app.scale_name === "time" ? "sequence" : "time"),
  1: (app) => app.choose({ by: "object" }),
  2: (app) => app.choose({ by: "machine" }),
  3: (app) => app.choose({ by: "request" }),
  "/": (_, page) => page.focusSearch(),
  t: (_, page) => page.otherTheme(),
  Escape: (app) => app.select(-1),
  "?": (_, page) => page.help(),
};

/** @param {App} app @param {number} share of what is shown */
function shift(app, share) {
  const by = (app.sight.to - app.sight.from) * share;
  look(app.sight, app.scale, app.sight.from + by, app.sight.to + by);
  app.ask();
}

/** @param {App} app @param {number} by pixels */
function scrollBy(app, by) {
  app.sight.scroll += by;
  keepScroll(app.sight, app.layout.height);
  app.ask();
}

/** Around the selected event if it is in the picture. @param {App} app @param {number} factor */
function zoomAtMiddle(app, factor) {
  const selected = app.selected === -1 ? NaN : xOf(app.sight, app.places[app.selected]);
  const is_seen = selected >= FRAME.left && selected <= app.sight.width;
  zoom(app.sight, app.scale, factor, is_seen ? selected : (FRAME.left + app.sight.width - FRAME.right) / 2);
  app.ask();
}

/** @param {App} app @param {number} step */
function otherFinding(app, step) {
  const next = app.finding + step;
  if (next in app.model.history.head.findings) app.showFinding(next);
}

/** @param {App} app @param {Panel} page */
function listen(app, page) {
  const { canvas } = app;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches("input, select, textarea")) {
      if (event.key === "Escape") canvas.focus();
      return;
    }
    const action = KEY_ACTIONS[event.key];
    if (action === undefined || document.querySelector("dialog[open]") !== null) return;
    event.preventDefault();
    action(app, page);
    page.moved();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) shift(app, (event.deltaX || event.deltaY) / app.sight.width);
    else if (event.offsetX < FRAME.left || event.altKey) scrollBy(app, event.deltaY);
    else {
      zoom(app.sight, app.scale, Math.exp(-event.deltaY * 0.0018), event.offsetX);
      app.ask();
    }
    page.moved();
  }, { passive: false });
  drag(app, page);
  new ResizeObserver(() => app.resize()).observe(canvas);
}

/** A drag moves the picture, in the overview it chooses what is shown; a click selects. @param {App} app @param {Panel} page */
function drag(app, page) {
  const { canvas } = app;
  /** @type {{x: number, y: number, from: number, to: number, scroll: number, is_overview: boolean, is_moved: boolean}|null} */
  let held = null;
  const overviewLook = (/** @type {number} */ x) => {
    const { sight, scale } = app;
    const place = scale.from + ((x - FRAME.left) / (sight.width - FRAME.left - FRAME.right)) * (scale.to - scale.from);
    const half = (sight.to - sight.from) / 2;
    look(sight, scale, place - half, place + half);
    app.ask();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    const { from, to, scroll } = app.sight;
    held = { x: event.offsetX, y: event.offsetY, from, to, scroll, is_overview: event.offsetY < FRAME.overview, is_moved: false };
    if (held.is_overview) overviewLook(event.offsetX);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held === null) {
      page.tip(hit(app.scene(), event.offsetX, event.offsetY), event.offsetX, event.offsetY);
      return;
    }
    const [dx, dy] = [event.offsetX - held.x, event.offsetY - held.y];
    held.is_moved ||= Math.hypot(dx, dy) > 3;
    if (held.is_overview) overviewLook(event.offsetX);
    else if (held.is_moved) {
      const by = dx / pixels(app.sight);
      look(app.sight, app.scale, held.from - by, held.to - by);
      app.sight.scroll = held.scroll - dy;
      keepScroll(app.sight, app.layout.height);
      app.ask();
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    if (held !== null && !held.is_moved && !held.is_overview) {
      const found = hit(app.scene(), event.offsetX, event.offsetY);
      if (found !== null && found.event !== -1) app.select(found.event);
    }
    held = null;
    page.moved();
  });
  canvas.addEventListener("pointerleave", () => page.tip(null, 0, 0));
  canvas.addEventListener("dblclick", (event) => {
    const lane = laneAt(app.scene(), event.offsetY);
    if (event.offsetX < FRAME.left && lane !== null && lane.object !== null) {
      app.choose({ objects: app.choice.objects === null ? new Set([lane.object]) : null });
    }
  });
}
