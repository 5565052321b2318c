// A library sets its alarm to the next instant as long as something waits: it spins.
import { DurableObject } from "cloudflare:workers";
export default { fetch: (request, env) => env.OBJECT.getByName("foo").fetch(request) };
const send = (item) => fetch("http://service.test/take", { method: "POST", body: item });
class Poller extends DurableObject {
  async fetch(request) { await this.ctx.storage.put("item", await request.text()); await this.ctx.storage.put("ready", Date.now() + 5000); await this.ctx.storage.setAlarm(Date.now() + 1000); return new Response("ok"); }
  async alarm() {
    if (Date.now() < (await this.ctx.storage.get("ready"))) return await this.wait();
    await send(await this.ctx.storage.get("item"));
  }
}
export class Broken extends Poller { wait() { return this.ctx.storage.setAlarm(Date.now() + 1); } }
export class Mended extends Poller { async wait() { return this.ctx.storage.setAlarm(await this.ctx.storage.get("ready")); } }
