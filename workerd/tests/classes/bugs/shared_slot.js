// A library and its user share the one slot: the later deadline of the one replaces the nearer one of the other.
import { DurableObject } from "cloudflare:workers";
export default { fetch: (request, env) => env.OBJECT.getByName("foo").fetch(request) };
const send = (item) => fetch("http://service.test/take", { method: "POST", body: item });
class Shared extends DurableObject {
  async fetch(request) {
    await this.ctx.storage.put("item", await request.text());
    await this.at("item", Date.now() + 5000); // its user's deadline
    await this.at("clean", Date.now() + 3600000); // the library's
    return new Response("ok");
  }
  async alarm() {
    const item = await this.ctx.storage.get("item");
    if (item && (await send(item)).ok) { await this.ctx.storage.delete("item"); await this.ctx.storage.delete("due:item"); }
    await this.rest();
  }
}
export class Broken extends Shared { at(_, time) { return this.ctx.storage.setAlarm(time); } rest() {} }
export class Mended extends Shared {
  async at(name, time) { this.ctx.storage.put("due:" + name, time); await this.rest(); }
  async rest() { const due = [...(await this.ctx.storage.list({ prefix: "due:" })).values()]; if (due.length) await this.ctx.storage.setAlarm(Math.min(...due)); }
}
