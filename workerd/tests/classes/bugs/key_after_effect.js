// The key that says that it was done is written after the effect: a crash in between does it twice.
import { DurableObject } from "cloudflare:workers";
export default { fetch: (request, env) => env.OBJECT.getByName("foo").fetch(request) };
const send = (item) => fetch("http://service.test/take", { method: "POST", body: item });
class Charge extends DurableObject {
  async fetch(request) { await this.ctx.storage.put("charge", await request.text()); if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + 5000); return new Response("ok"); }
  async alarm() { const item = await this.ctx.storage.get("charge"); if (await this.ctx.storage.get("done:" + item)) return; await this.charge(item); }
}
export class Broken extends Charge { async charge(item) { await send(item); await this.ctx.storage.put("done:" + item, true); } }
export class Mended extends Charge { async charge(item) { await this.ctx.storage.put("done:" + item, true); await this.ctx.storage.sync(); await send(item); } }
