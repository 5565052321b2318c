// Rows are deleted before the work is done: a crash in between loses it.
import { DurableObject } from "cloudflare:workers";
export default { fetch: (request, env) => env.OBJECT.getByName("foo").fetch(request) };
const send = (item) => fetch("http://service.test/take", { method: "POST", body: item });
class Mail extends DurableObject {
  async fetch(request) { await this.ctx.storage.put("mail:" + Date.now(), await request.text()); if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + 5000); return new Response("ok"); }
  async alarm() {
    const mails = await this.ctx.storage.list({ prefix: "mail:" });
    for (const [key, mail] of mails) await this.one(key, mail);
  }
}
export class Broken extends Mail { async one(key, mail) { await this.ctx.storage.delete(key); await send(mail); } }
export class Mended extends Mail { async one(key, mail) { if ((await send(mail)).ok) await this.ctx.storage.delete(key); else throw new Error("not taken"); } }
