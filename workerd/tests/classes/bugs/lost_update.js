// A list is read before a fetch is awaited and written back after it: what was added meanwhile is gone.
import { DurableObject } from "cloudflare:workers";
export default { fetch: (request, env) => env.OBJECT.getByName("foo").fetch(request) };
const send = (item) => fetch("http://service.test/take", { method: "POST", body: item });
class List extends DurableObject {
  async fetch(request) {
    const items = (await this.ctx.storage.get("items")) ?? [];
    items.push(await request.text());
    await this.ctx.storage.put("items", items);
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + 5000);
    return new Response("ok");
  }
}
export class Broken extends List {
  async alarm() {
    const items = await this.ctx.storage.get("items");
    for (const item of items) await send(item);
    await this.ctx.storage.put("items", []);
  }
}
export class Mended extends List {
  async alarm() {
    const items = await this.ctx.storage.get("items");
    for (const item of items) await send(item);
    const now = await this.ctx.storage.get("items");
    await this.ctx.storage.put("items", now.filter((item) => !items.includes(item)));
    if (now.length > items.length) await this.ctx.storage.setAlarm(Date.now() + 5000);
  }
}
