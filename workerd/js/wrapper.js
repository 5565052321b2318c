// What an object does, told on the console while it does it: the account of a history (model/HISTORY.md). The driver adds what
// only the outside sees.
//
// The wrapper must not be felt. It replaces methods of the runtime's prototypes and passes each call on as it came; what it
// hands back is the promise that it was handed, and it looks at that before the object can, so that no job runs earlier or later
// than without it. It keeps no ctx and no storage of its own: classes that extend nothing, and bundles, are told like all others.
//
// Not seen, and so not told: SQL, WebSockets, timers, calls between objects by RPC. What an object writes that the output gate does
// not wait for cannot be told; the account then ends (`blind`).
import { AsyncLocalStorage } from "node:async_hooks";
import boot from "boot.json";

const write = console.log.bind(console);
const whose = new AsyncLocalStorage(); // the teller of whatever runs now
const tellers = new WeakMap(); // a runtime's storage, ctx or transaction -> its teller
let instances = 0, calls = 0, requests = new Set();

// Values as the history has them: texts as they are, everything else as JSON.
const PLAIN = (_, v) => typeof v === "bigint" ? `${v}n` : v instanceof Map || v instanceof Set ? [...v] : v;
const value = v => typeof v === "string" ? v : JSON.stringify(v, PLAIN) ?? "";
const pairs = entries => [...entries].map(([k, v]) => [String(k), value(v)]);
const many = k => Array.isArray(k);

// Each storage call: how it is told, and how its result is.
const RESULT = {
  done: () => "done",
  value: v => ({ value: v === undefined ? null : value(v) }),
  entries: v => ({ entries: pairs(v) }),
  deleted: v => typeof v === "number" ? { deleted_count: v } : { deleted: v },
  alarm: v => ({ alarm: v }),
};
const CALLS = {
  get: k => many(k) ? [{ call: "get_many", keys: k.map(String) }, RESULT.entries] : [{ call: "get", key: String(k) }, RESULT.value],
  put: (k, v) => typeof k === "object" && k !== null ? [{ call: "put_many", entries: pairs(Object.entries(k)) }, RESULT.done] : [{ call: "put", key: String(k), value: value(v) }, RESULT.done],
  delete: k => many(k) ? [{ call: "delete_many", keys: k.map(String) }, RESULT.deleted] : [{ call: "delete", key: String(k) }, RESULT.deleted],
  list: ({ prefix, start, startAfter, end, reverse, limit } = {}) => [{ call: "list", prefix, start, start_after: startAfter, end, reverse: reverse && true, limit }, RESULT.entries],
  deleteAll: () => [{ call: "delete_all", preserve_alarm: boot.preserve_alarm }, RESULT.done],
  getAlarm: () => [{ call: "get_alarm" }, RESULT.alarm],
  setAlarm: at => { const time = Math.trunc(Number(at)), given = Number.isFinite(time); return [{ call: "set_alarm", time_ms: given ? time : 0, scheduled_ms: given && time > 0 ? Math.max(time, Date.now()) : given ? time : 0 }, RESULT.done]; },
  deleteAlarm: () => [{ call: "delete_alarm" }, RESULT.done],
  sync: () => [{ call: "sync" }, RESULT.done],
};
const OPTIONS_AT = { get: 1, put: 2, delete: 1, list: 0, deleteAll: 0, getAlarm: 0, setAlarm: 1, deleteAlarm: 0 };

class Teller {
  constructor(ctx, name) {
    this.name = `${name}/${ctx.id.name ?? ctx.id}`; this.instance = boot.epoch * 1e6 + ++instances;
    this.seq = this.turn = this.ops = this.runs = this.sections = 0; this.run = null; this.isOver = true; this.isBuilt = this.isGone = false;
  }
  line(fields) { if (!this.isBlind) write("@@" + JSON.stringify({ wall_ms: Date.now(), object: this.name, instance: this.instance, seq: this.seq++, turn: this.turn, ...fields })); }
  // A turn lasts as long as its jobs do. What still runs after many jobs is told as a new turn, which claims less and never more.
  begin() { if (!this.isOver) return; this.isOver = false; this.turn++; let jobs = 200; const hop = () => { if (--jobs) queueMicrotask(hop); else this.isOver = true; }; hop(); }
  tell(fields) { this.begin(); this.line(fields); }
  deliver(delivery) { this.isOver = true; this.tell({ event: "deliver", delivery }); }
  blind(why) { this.line({ event: "blind", why }); this.isBlind = true; }
  // A call that waits for the world outside the object's storage.
  outside(op, kind, promise, result) {
    this.tell({ event: "await", op, kind });
    const back = result => { this.deliver({ result: { op } }); this.tell({ event: "op_result", op, result }); };
    promise.then(v => back(result(v)), e => back({ error: String(e) }));
    return promise;
  }
  call(name, args, real, self) {
    const options = args[OPTIONS_AT[name] - (name === "put" && typeof args[0] === "object" ? 1 : 0)];
    if (options?.allowUnconfirmed && name !== "get") this.blind(`${name} with allowUnconfirmed`);
    const op = ++this.ops, [what, result] = CALLS[name](...args);
    if (options?.allowConcurrency) what.allow_concurrency = true;
    this.tell({ event: "op", op, ...what });
    let promise;
    try { promise = real.apply(self, args); } catch (e) { this.tell({ event: "op_result", op, result: { error: e.message } }); throw e; }
    if (name === "sync") return this.outside(op, "sync", promise, RESULT.done);
    promise.then(v => this.tell({ event: "op_result", op, result: result(v) }), e => this.tell({ event: "op_result", op, result: { error: e.message } }));
    return promise;
  }
  // Runs a closure as it is run without this, and hears how it ends before whoever waits for it.
  around(closure, args, self, ended, failed) {
    let made;
    try { made = closure.apply(self, args); } catch (e) { failed(e); throw e; }
    if (typeof made?.then === "function") made.then(ended, failed); else ended();
    return made;
  }
  // A section of the constructor is a part of it, though it runs when the constructor's own code has ended.
  section(real, closure, self) {
    const isConstructor = !this.isBuilt; if (isConstructor) this.sections++;
    return real.call(self, (...args) => {
      if (!isConstructor) this.tell({ event: "gate", closed: true });
      const end = () => { if (!isConstructor) this.tell({ event: "gate", closed: false }); else if (!--this.sections && this.isLeft) this.built(); };
      return this.around(closure, args, undefined, end, e => { if (isConstructor) this.failed(e); else this.gone({ reset: { why: String(e?.message ?? e), cause: "section" } }); });
    });
  }
  transaction(real, closure, self) {
    const op = ++this.ops; let isBack = false;
    return real.call(self, txn => {
      if (txn) { tellers.set(txn, this); patch(Object.getPrototypeOf(txn)); }
      this.isOver = true; this.tell({ event: "gate", closed: true }); this.tell({ event: "op", op, call: "transaction" });
      if (txn) this.rollback = () => { isBack = true; };
      const end = result => { this.tell({ event: "gate", closed: false }); this.tell({ event: "op_result", op, result }); this.isOver = true; };
      return this.around(closure, txn ? [txn] : [], undefined, () => end(isBack ? { error: "rolled back" } : "done"), e => end({ error: String(e?.message ?? e) }));
    });
  }
  built() { if (this.isBuilt) return; this.isBuilt = true; this.tell({ event: "constructor_end" }); }
  failed(e) { if (this.isBuilt || this.isGone) return; const why = String(e?.message ?? e); this.tell({ event: "constructor_end", failed: why }); this.gone({ reset: { why, cause: "constructor" } }); }
  gone(reason) { if (this.isGone) return; this.isGone = true; if (this.run !== null) this.tell({ event: "run_end", run: this.run, outcome: { failed: { why: reason.reset.why, how: "reset" } } }); this.run = null; this.tell({ event: "instance_end", reason }); }
}

const of = self => tellers.get(self) ?? whose.getStore();
const PATCHED = Symbol("told");
function replace(on, name, make) {
  const real = on?.[name];
  if (typeof real !== "function" || real[PATCHED]) return;
  const made = make(real); made[PATCHED] = true;
  Object.defineProperty(made, "name", { value: name }); Object.defineProperty(made, "length", { value: real.length });
  Object.defineProperty(on, name, { value: made, configurable: true, writable: true, enumerable: Object.getOwnPropertyDescriptor(on, name)?.enumerable ?? false });
}
function patch(proto) {
  for (const name of Object.keys(CALLS)) replace(proto, name, real => function (...args) { const t = of(this); return t ? t.call(name, args, real, this) : real.apply(this, args); });
  for (const name of ["transaction", "transactionSync"]) replace(proto, name, real => function (closure, ...rest) { const t = of(this); return t && typeof closure === "function" ? t.transaction(real, closure, this) : real.call(this, closure, ...rest); });
  replace(proto, "rollback", real => function (...args) { of(this)?.rollback?.(); return real.apply(this, args); });
}
function patchKv(kv, t) { // The synchronous calls on the same keys: each has its result at once.
  tellers.set(kv, t);
  for (const name of ["get", "put", "delete", "list"]) replace(Object.getPrototypeOf(kv), name, real => function (...args) {
    const t = of(this); if (!t) return real.apply(this, args);
    const op = ++t.ops, [what, result] = CALLS[name](...args); t.tell({ event: "op", op, ...what });
    try {
      const v = real.apply(this, args), all = name === "list" ? [...v] : v;
      t.tell({ event: "op_result", op, result: result(all) }); return name === "list" ? all[Symbol.iterator]() : v;
    } catch (e) { t.tell({ event: "op_result", op, result: { error: e.message } }); throw e; }
  });
}
function patchCtx(ctx) {
  const proto = Object.getPrototypeOf(ctx);
  replace(proto, "blockConcurrencyWhile", real => function (closure, ...rest) {
    const t = of(this); return t && typeof closure === "function" ? t.section(real, closure, this) : real.call(this, closure, ...rest);
  });
  replace(proto, "abort", real => function (...args) { of(this)?.gone({ reset: { why: String(args[0] ?? "aborted") } }); return real.apply(this, args); });
}

function patchFetch() {
  replace(globalThis, "fetch", real => function (input, init) {
    const t = whose.getStore(); if (!t) return real.call(this, input, init);
    const op = ++t.ops, call = `${boot.epoch}.${++calls}`;
    t.tell({ event: "calling", call, op });
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined)); headers.set("x-reveille-call", call);
    return t.outside(op, "outside", real.call(this, input, { ...init, headers }), r => ({ answer: { status: r.status } }));
  });
  if (globalThis.scheduler) replace(Object.getPrototypeOf(scheduler), "wait", real => function (...args) {
    const t = whose.getStore(); return t ? t.outside(++t.ops, "timer", real.apply(this, args), () => ({ answer: { status: 200 } })) : real.apply(this, args);
  });
}

/** The class, told. */
export function told(Class, name) {
  if (typeof Class !== "function") return Class;
  patchFetch();
  const Told = class extends Class {
    constructor(ctx, env) {
      const t = new Teller(ctx, name);
      tellers.set(ctx, t); tellers.set(ctx.storage, t); patch(Object.getPrototypeOf(ctx.storage)); patchCtx(ctx);
      try { if (ctx.storage.kv) patchKv(ctx.storage.kv, t); } catch { /* a class without SQL has none */ }
      t.tell({ event: "instance_start", id: String(ctx.id), has_alarm: typeof Class.prototype.alarm === "function" });
      // What is waited for in the constructor is a part of it, and the first section begins within it.
      try { whose.run(t, () => super(ctx, env)); } catch (e) { t.failed(e); throw e; }
      t.isLeft = true; if (!t.sections) t.built();
      tellers.set(this, t);
    }
  };
  Object.defineProperty(Told, "name", { value: Class.name });
  const handler = (method, handle) => {
    const own = Class.prototype[method]; if (typeof own !== "function") return;
    Object.defineProperty(Told.prototype, method, { configurable: true, writable: true, enumerable: false, value: function (...args) { const t = tellers.get(this); return t ? handle(t, () => whose.run(t, () => own.apply(this, args)), args) : own.apply(this, args); } });
  };
  handler("fetch", (t, run, [request]) => {
    const n = Number(request?.headers?.get("x-reveille-request"));
    if (!n || requests.has(n)) { t.isOver = true; return run(); }
    requests.add(n); t.deliver({ request: { request: n } });
    const answer = r => t.tell({ event: "answer", request: n, status: r?.status ?? 500 });
    return t.around(run, [], undefined, answer, () => answer());
  });
  handler("alarm", (t, run, [info]) => {
    if (typeof info?.retryCount !== "number" || t.run !== null) return run(); // called by the object itself
    const number = t.run = t.instance * 1e3 + ++t.runs;
    t.deliver({ alarm: { run: number } });
    t.tell({ event: "run_start", run: number, scheduled_ms: info.scheduledTime ?? null, retry_count: info.retryCount, is_retry: info.isRetry });
    const end = outcome => { if (t.run !== number) return; t.run = null; t.tell({ event: "run_end", run: number, outcome }); };
    return t.around(run, [], undefined, () => end("ok"), e => end({ failed: { why: String(e?.message ?? e), how: "error" } }));
  });
  return Told;
}
