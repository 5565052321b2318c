// Each start adds its schedule once more: after a crash two rows are due, and both run.
import { DurableObject } from "cloudflare:workers";
export default { fetch: (request, env) => env.OBJECT.getByName("foo").fetch(request) };
const send = (item) => fetch("http://service.test/take", { method: "POST", body: item });
class Scheduler extends DurableObject {
  async fetch(request) { await this.add(await request.text()); await this.arm(); return new Response("scheduled"); }
  async arm() { if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + 5000); }
  async alarm() {
    const rows = await this.ctx.storage.list({ prefix: "row:" });
    await this.ctx.storage.delete([...rows.keys()]); // taken before it is done: nothing is done twice
    await this.ctx.storage.sync();
    for (const item of rows.values()) await send(item);
  }
}
export class Broken extends Scheduler {
  constructor(ctx, env) {
    super(ctx, env);
    // Every start restores what it knows of, as new rows.
    ctx.blockConcurrencyWhile(async () => { for (const item of (await ctx.storage.list({ prefix: "row:" })).values()) await this.add(item); });
  }
  add(item) { return this.ctx.storage.put("row:" + crypto.randomUUID(), item); }
}
export class Mended extends Scheduler { add(item) { return this.ctx.storage.put("row:" + item, item); } }
