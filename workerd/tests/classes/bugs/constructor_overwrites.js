// The constructor sets the alarm whether there is one or not: it replaces the one that wakes the object.
import { DurableObject } from "cloudflare:workers";
export default { fetch: (request, env) => env.OBJECT.getByName("foo").fetch(request) };
const send = (item) => fetch("http://service.test/take", { method: "POST", body: item });
class Beat extends DurableObject {
  async fetch(request) { await this.ctx.storage.put("item", await request.text()); return new Response("ok"); }
  async alarm() { const item = await this.ctx.storage.get("item"); if (item && (await send(item)).ok) await this.ctx.storage.delete("item"); }
}
export class Broken extends Beat { constructor(ctx, env) { super(ctx, env); ctx.storage.setAlarm(Date.now() + 20000); } }
export class Mended extends Beat {
  constructor(ctx, env) { super(ctx, env); ctx.blockConcurrencyWhile(async () => { if ((await ctx.storage.getAlarm()) === null) await ctx.storage.setAlarm(Date.now() + 20000); }); }
}
