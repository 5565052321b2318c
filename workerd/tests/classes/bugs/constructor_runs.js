// The constructor runs what is due, and then alarm() runs it again.
import { DurableObject } from "cloudflare:workers";
export default { fetch: (request, env) => env.OBJECT.getByName("foo").fetch(request) };
const send = (item) => fetch("http://service.test/take", { method: "POST", body: item });
class Jobs extends DurableObject {
  async fetch(request) { await this.ctx.storage.put("job", await request.text()); await this.ctx.storage.setAlarm(Date.now() + 5000); return new Response("ok"); }
}
export class Broken extends Jobs {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(async () => { this.due = await ctx.storage.get("job"); });
    this.ready = ctx.blockConcurrencyWhile(async () => { if (this.due && (await ctx.storage.getAlarm()) <= Date.now()) await send(this.due); });
  }
  async alarm() { const job = await this.ctx.storage.get("job"); await this.ctx.storage.delete("job"); await this.ctx.storage.sync(); if (job) await send(job); }
}
export class Mended extends Jobs {
  async alarm() { const job = await this.ctx.storage.get("job"); await this.ctx.storage.delete("job"); await this.ctx.storage.sync(); if (job) await send(job); }
}
