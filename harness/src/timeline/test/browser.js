// A headless Chromium on a pipe, in the words of the Chrome DevTools Protocol. No library: a page is opened, asked, and looked
// at, and that takes a dozen calls.

const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const ANSWER_MS_MAX = 60_000;

/** The browser that is installed here, or null. */
function installed() {
  const named = process.env.CHROMIUM === undefined ? NAMES : [process.env.CHROMIUM];
  return named.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0) ?? null;
}

/** One browser with one page in it. */
class Browser {
  /** @param {string} command */
  constructor(command) {
    this.profile = fs.mkdtempSync(path.join(os.tmpdir(), "timeline-browser-"));
    const flags = [
      "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
      "--no-first-run", `--user-data-dir=${this.profile}`, "about:blank",
    ];
    this.process = spawn(command, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    this.sent = 0;
    /** What the console said that is an error, and exceptions. */
    this.errors = [];
    let rest = "";
    this.process.stdio[4].on("data", (chunk) => {
      const parts = (rest + chunk).split("\0");
      rest = parts.pop();
      for (const part of parts) this.receive(JSON.parse(part));
    });
  }

  receive(message) {
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (waiting !== undefined) waiting(message);
    if (message.method === "Runtime.exceptionThrown") this.errors.push(message.params.exceptionDetails.exception?.description ?? message.params.exceptionDetails.text);
    if (message.method === "Runtime.consoleAPICalled" && message.params.type === "error") this.errors.push(JSON.stringify(message.params.args));
    if (message.method === "Log.entryAdded" && message.params.entry.level === "error") this.errors.push(message.params.entry.text);
  }

  call(method, params = {}) {
    const id = ++this.sent;
    const message = { id, method, params, ...(this.session === undefined ? {} : { sessionId: this.session }) };
    this.process.stdio[3].write(`${JSON.stringify(message)}\0`);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), ANSWER_MS_MAX);
      this.waiting.set(id, (answer) => {
        clearTimeout(timer);
        if (answer.error === undefined) resolve(answer.result);
        else reject(new Error(`${method}: ${answer.error.message}`));
      });
    });
  }

  /** A page of this size. */
  async begin(width, height) {
    const { targetInfos } = await this.call("Target.getTargets");
    const target = targetInfos.find((info) => info.type === "page");
    const { sessionId } = await this.call("Target.attachToTarget", { targetId: target.targetId, flatten: true });
    this.session = sessionId;
    for (const domain of ["Page", "Runtime", "Log"]) await this.call(`${domain}.enable`);
    await this.resize(width, height);
  }

  async resize(width, height) {
    await this.call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    await this.settled();
  }

  /** Opens a page of ours and waits until it is shown. @returns how long that took, ms */
  async open(file, fragment = "") {
    const begin = performance.now();
    await this.call("Page.navigate", { url: "about:blank" });
    await this.call("Page.navigate", { url: `file://${file}${fragment}` });
    await this.ask(`new Promise((resolve) => {
      const look = () => document.documentElement?.dataset.state === undefined ? setTimeout(look, 5) : requestAnimationFrame(() => requestAnimationFrame(resolve));
      look();
    })`);
    return performance.now() - begin;
  }

  /** The value of an expression in the page. */
  async ask(expression) {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async press(key) {
    for (const type of ["keyDown", "keyUp"]) await this.call("Input.dispatchKeyEvent", { type, key, ...(key.length === 1 && type === "keyDown" ? { text: key } : {}) });
  }

  async mouse(type, x, y, more = {}) {
    await this.call("Input.dispatchMouseEvent", { type, x, y, ...more });
  }

  async click(x, y) {
    await this.mouse("mouseMoved", x, y);
    await this.mouse("mousePressed", x, y, { button: "left", clickCount: 1 });
    await this.mouse("mouseReleased", x, y, { button: "left", clickCount: 1 });
  }

  /** Two frames later: what was asked for is drawn. */
  async settled() {
    await this.ask("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())))");
  }

  async shot(file) {
    await this.settled();
    const { data } = await this.call("Page.captureScreenshot", { format: "png" });
    fs.writeFileSync(file, Buffer.from(data, "base64"));
  }

  async end() {
    await this.call("Browser.close").catch(() => undefined);
    await new Promise((resolve) => this.process.once("exit", resolve));
    fs.rmSync(this.profile, { recursive: true, force: true });
  }
}

module.exports = { Browser, installed };
