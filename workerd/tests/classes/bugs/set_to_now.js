// setAlarm(Date.now()) in the handler, at the very time for which the alarm was: the runtime loses it.
import { DurableObject } from "cloudflare:workers";
export default { fetch: (request, env) => env.OBJECT.getByName("foo").fetch(request) };
const send = (item) => fetch("http://service.test/take", { method: "POST", body: item });
class Steps extends DurableObject {
  async fetch(request) { await this.ctx.storage.put("item", await request.text()); await this.ctx.storage.put("steps", 3); await this.ctx.storage.setAlarm(Date.now() + 1000); return new Response("ok"); }
  async alarm() {
    const steps = await this.ctx.storage.get("steps");
    if (steps > 1) { this.ctx.storage.put("steps", steps - 1); return await this.next(); }
    if (steps) await send(await this.ctx.storage.get("item"));
    await this.ctx.storage.put("steps", 0);
  }
}
export class Broken extends Steps { next() { return this.ctx.storage.setAlarm(Date.now()); } }
export class Mended extends Steps { next() { return this.ctx.storage.setAlarm(Date.now() + 3000); } }
