// What stands beside the picture, as text: the finding's sentences, its evidence, what was found, the selected event. All that
// the picture shows of a finding can be read here too.

/** Of what was found so many are listed. */
const LISTED_MAX = 200;

/** @template {HTMLElement} T @param {string} id @returns {T} */
function byId(id) {
  return /** @type {T} */ (/** @type {unknown} */ (document.getElementById(id)));
}

/** An element with its text and children. @param {string} tag @param {Object<string, string>} attributes
 * @param {(Node|string)[]} children */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The page around the picture. */
class Panel {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {App|null} */
    this.app = null;
    this.moving = 0;
  }

  /** @param {App} app */
  begin(app) {
    this.app = app;
    const { head } = this.model.history;
    document.title = head.title;
    byId("title").textContent = head.title;
    byId("verdict").textContent = head.verdict;
    byId("verdict").className = head.findings.length > 0 ? "broken" : "clean";
    byId("note").textContent = head.note ?? "";
    byId("note").hidden = head.note === undefined;
    byId("command").textContent = head.command ?? "";
    byId("command").hidden = head.command === undefined;
    /** @type {HTMLElement} */ (document.querySelector('[data-key="v"]')).hidden = head.findings.length === 0;
    byId("keys").append(...KEYS.flatMap(([key, what]) => [element("dt", {}, key), element("dd", {}, what)]));
    this.controls(app);
    this.objects(app);
    this.faults(app);
  }

  /** @param {App} app */
  controls(app) {
    for (const button of document.querySelectorAll("[data-by]")) {
      button.addEventListener("click", () => app.choose({ by: /** @type {any} */ (button).dataset.by }));
    }
    for (const button of document.querySelectorAll("[data-scale]")) {
      button.addEventListener("click", () => app.choose({}, /** @type {any} */ (button).dataset.scale));
    }
    for (const button of document.querySelectorAll("[data-key]")) {
      button.addEventListener("click", () => {
        KEY_ACTIONS[/** @type {any} */ (button).dataset.key](app, this);
        this.moved();
      });
    }
    /** @type {HTMLInputElement} */
    const query = byId("query");
    let waiting = 0;
    query.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = window.setTimeout(() => app.ask_for(query.value), 120);
    });
    query.addEventListener("keydown", (event) => {
      if (event.key === "Enter") app.step(event.shiftKey ? -1 : 1);
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.dye());
  }

  /** The list from which objects are chosen. @param {App} app */
  objects(app) {
    const list = byId("object-list");
    const choose = () => {
      const chosen = [...list.querySelectorAll("input")].filter((box) => box.checked).map((box) => box.value);
      app.choose({ objects: chosen.length === 0 ? null : new Set(chosen) });
    };
    for (const name of this.model.objects.keys()) {
      const box = element("input", { type: "checkbox", value: name });
      box.addEventListener("change", choose);
      list.append(element("label", {}, box, ` ${name}`));
    }
    byId("all-objects").addEventListener("click", () => app.choose({ objects: null }));
  }

  /** Something was chosen, found or selected. */
  changed() {
    const app = /** @type {App} */ (this.app);
    for (const button of document.querySelectorAll("[data-by]")) button.setAttribute("aria-pressed", String(/** @type {any} */ (button).dataset.by === app.choice.by));
    for (const button of document.querySelectorAll("[data-scale]")) button.setAttribute("aria-pressed", String(/** @type {any} */ (button).dataset.scale === app.scale_name));
    const shown = app.choice.objects?.size ?? this.model.objects.size;
    byId("objects-shown").textContent = `Objects: ${shown === this.model.objects.size ? `all ${shown}` : `${shown} of ${this.model.objects.size}`}`;
    for (const box of byId("object-list").querySelectorAll("input")) box.checked = app.choice.objects?.has(box.value) ?? false;
    /** @type {HTMLInputElement} */
    const query = byId("query");
    if (document.activeElement !== query) query.value = app.query;
    this.findings(app);
    this.found(app);
    this.selected(app);
    this.moved();
  }

  /** @param {App} app */
  findings(app) {
    const { head } = this.model.history;
    const more = Object.entries(head.more ?? {}).map(([rule, count]) => `${count} more of ${rule}`);
    byId("findings").replaceChildren(
      ...head.findings.map((finding, position) => this.finding(app, finding, position)),
      ...(more.length > 0 ? [element("p", { class: "more" }, `Not told one by one: ${more.join(", ")}.`)] : []),
    );
  }

  /** @param {App} app @param {Finding} finding @param {number} position */
  finding(app, finding, position) {
    const is_shown = position === app.finding;
    const title = element("button", { class: "finding-title", "aria-expanded": String(is_shown) },
      element("span", { class: "rule" }, finding.rule), ` ${finding.object ?? ""} at ${seconds(finding.at_ns)}`);
    title.addEventListener("click", () => app.showFinding(position));
    const card = element("section", { class: is_shown ? "finding shown" : "finding" }, title);
    if (!is_shown) return card;
    const { events } = this.model.history;
    const sentences = element("p", { class: "sentences" }, ...linkSentences(events, finding).map((part) =>
      part.event === -1 ? part.text : this.jump(app, part.event, part.text)));
    const evidence = element("ol", { class: "evidence" }, ...finding.evidence.map((index, number) => this.item(app, index, String(number + 1))));
    card.append(sentences, element("h3", {}, "What proves it"), evidence);
    return card;
  }

  /** Words that lead to an event. @param {App} app @param {number} event @param {string} text */
  jump(app, event, text) {
    const link = element("button", { class: event === app.selected ? "jump selected" : "jump", "data-event": String(event) }, text);
    link.addEventListener("click", () => app.select(event));
    return link;
  }

  /** An event in a list. @param {App} app @param {number} index @param {string} number */
  item(app, index, number) {
    const event = this.model.history.events[index];
    const button = element("button", { class: index === app.selected ? "item selected" : "item", "data-event": String(index) },
      ...(number === "" ? [] : [element("span", { class: "number" }, number)]),
      element("span", { class: "when" }, seconds(event.at_ns)),
      element("span", { class: "where" }, place(this.model.history, event)),
      element("span", { class: "what" }, sentence(this.model.history, event)));
    button.addEventListener("click", () => app.select(index));
    return element("li", {}, button);
  }

  /** The faults of the run, each of which leads to its begin. @param {App} app */
  faults(app) {
    const { faults } = this.model.world;
    byId("faults").hidden = faults.length === 0;
    byId("faults").toggleAttribute("open", this.model.history.head.findings.length === 0);
    byId("faults-count").textContent = `${counted(faults.length, "fault")}${faults.length > LISTED_MAX ? `, the first ${LISTED_MAX} listed` : ""}`;
    byId("fault-list").replaceChildren(...faults.slice(0, LISTED_MAX).map((fault) => this.item(app, fault.first, "")));
  }

  /** @param {App} app */
  found(app) {
    const { found } = app;
    byId("found").hidden = found === null;
    if (found === null) return;
    byId("found-count").textContent = `${counted(found.length, "event")} found${found.length > LISTED_MAX ? `, the first ${LISTED_MAX} listed` : ""}`;
    byId("found-list").replaceChildren(...found.slice(0, LISTED_MAX).map((index) => this.item(app, index, "")));
  }

  /** @param {App} app */
  selected(app) {
    byId("selected").hidden = app.selected === -1;
    if (app.selected === -1) return;
    const { history, links } = this.model;
    const event = history.events[app.selected];
    byId("selected-what").textContent = sentence(history, event);
    byId("selected-where").textContent = `${place(history, event)}, at ${secondsTo(event.at_ns, 1)}`;
    byId("selected-fields").textContent = JSON.stringify(event, null, 1).replace(/^ /gm, "").replace(/^[{}]\n?/gm, "");
    const request = requestOf(event);
    /** @type {HTMLButtonElement} */
    const whole = byId("selected-request");
    whole.hidden = request === undefined || !links.requests.has(request);
    whole.textContent = `all of request ${request}`;
    whole.onclick = () => app.ask_for(`request:${request}`);
    document.querySelector(`.evidence [data-event="${app.selected}"]`)?.scrollIntoView({ block: "nearest" });
  }

  /** The picture shows another part: the address says so, a moment later. */
  moved() {
    clearTimeout(this.moving);
    this.moving = window.setTimeout(() => history.replaceState(null, "", /** @type {App} */ (this.app).link()), 150);
  }

  /** @param {{event: number, span: Span|null}|null} found @param {number} x @param {number} y */
  tip(found, x, y) {
    const tip = byId("tip");
    tip.hidden = found === null;
    if (found === null) return;
    const { history } = this.model;
    if (found.span !== null) {
      tip.textContent = `${found.span.text}\n${seconds(found.span.from)} to ${seconds(found.span.to)}, ${duration(found.span.to - found.span.from)}`;
    } else {
      const event = history.events[found.event];
      tip.textContent = `${secondsTo(event.at_ns, 1e3)}  ${place(history, event)}\n${sentence(history, event)}`;
    }
    const stage = /** @type {HTMLElement} */ (tip.parentElement);
    tip.style.left = `${Math.min(x + 14, stage.clientWidth - tip.offsetWidth - 4)}px`;
    tip.style.top = `${Math.min(y + 16, stage.clientHeight - tip.offsetHeight - 4)}px`;
  }

  focusSearch() {
    byId("query").focus();
  }

  otherTheme() {
    const root = document.documentElement;
    const is_dark = (root.dataset.theme ?? (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    root.dataset.theme = is_dark ? "light" : "dark";
    this.dye();
  }

  dye() {
    const app = /** @type {App} */ (this.app);
    app.brush.dye();
    app.ask();
  }

  help() {
    /** @type {HTMLDialogElement} */ (byId("help")).showModal();
  }
}
