// Requests, calls and storage that interleave: if a job ran earlier or later than it does, what the answers say would be another order.
export default { fetch: (request, env) => env.JOBS.getByName("foo").fetch(request) };
export class Jobs {
  constructor(ctx) { this.ctx = ctx; this.order = []; this.step = 0; }
  async side(name) { for (let k = 0; k < 3; k++) { await null; this.order.push(name + k); } }
  async fetch(request) {
    const body = await request.text(), storage = this.ctx.storage;
    const work = [this.side("a"), storage.get("x"), this.side("b"), storage.put("x", body), storage.list(), this.side("c")];
    work[1].then(() => this.order.push("read")); work[3].then(() => this.order.push("written"));
    await Promise.all(work);
    await storage.transaction(async (txn) => { await txn.put("y", body); this.order.push("in"); });
    this.side("d"); await this.ctx.blockConcurrencyWhile(async () => { await storage.get("y"); this.order.push("section"); });
    const answer = fetch("http://service.test/" + ++this.step, { method: "POST", body });
    this.side("e"); answer.then(() => this.order.push("answered"), () => this.order.push("failed"));
    const status = await answer.then((answer) => answer.status, (error) => error.message);
    if ((await storage.getAlarm()) === null) storage.setAlarm(Date.now() + 3000);
    return Response.json([status, this.order.splice(0)]);
  }
  async alarm() { this.order.push("alarm"); await this.side("f"); await this.ctx.storage.deleteAll(); }
}
