// A schedule that is there already is not set again: after a restart its row is there and nobody wakes for it.
import { DurableObject } from "cloudflare:workers";
export default { fetch: (request, env) => env.OBJECT.getByName("foo").fetch(request) };
const send = (item) => fetch("http://service.test/take", { method: "POST", body: item });
// What is due is kept in rows and in memory; the alarm is thought of as set for as long as the schedule is known.
class Queue extends DurableObject {
  async fetch(request) {
    await this.ctx.storage.put("schedule", { every: 5000 });
    await this.ctx.storage.put("item:" + Date.now(), await request.text());
    await this.plan();
    return new Response("queued");
  }
  async alarm() {
    for (const [key, item] of await this.ctx.storage.list({ prefix: "item:" })) {
      if ((await send(item)).ok) await this.ctx.storage.delete(key);
    }
    await this.again();
  }
}
export class Broken extends Queue {
  async plan() {
    if (await this.ctx.storage.get("planned")) return; // it exists: nothing to do
    await this.ctx.storage.put("planned", true);
    this.known = true;
    await scheduler.wait(1); // the library looks something up
    await this.ctx.storage.setAlarm(Date.now() + 5000);
  }
  async again() { await this.ctx.storage.delete("planned"); if ((await this.ctx.storage.list({ prefix: "item:" })).size) await this.plan(); }
}
export class Mended extends Queue {
  async plan() { if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + 5000); }
  async again() { if ((await this.ctx.storage.list({ prefix: "item:" })).size) await this.plan(); }
}
