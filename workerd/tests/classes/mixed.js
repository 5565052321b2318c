// Everything at once that could make a run depend on its process: random numbers, identities, SQL, timers, failures, clocks.
import { DurableObject } from "cloudflare:workers";
export default { fetch: async (request, env) => env.MIXED.getByName("o" + (Number(request.headers.get("x-reveille-request")) % 3)).fetch(request) };
export class Mixed extends DurableObject {
  constructor(ctx, env) { super(ctx, env); this.born = crypto.randomUUID(); ctx.storage.sql.exec("create table if not exists notes (at integer, what text, drawn real)"); }
  note(what) { this.ctx.storage.sql.exec("insert into notes values (?, ?, ?)", Date.now(), what, Math.random()); }
  async fetch(request) {
    const body = await request.text();
    this.note("in " + body + crypto.getRandomValues(new Uint32Array(1))[0]);
    setTimeout(() => this.note("timer"), 1 + Math.random() * 3000);
    await this.ctx.storage.put("last", { body, count: (await this.ctx.storage.get("last"))?.count + 1 || 1 });
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(Date.now() + 1000 + Math.floor(Math.random() * 4000));
    return new Response(this.born + " " + performance.now());
  }
  async alarm(info) {
    const status = await fetch("http://service.test/" + Math.random()).then((answer) => answer.status, (error) => String(error));
    this.note("alarm " + info.retryCount + " " + status);
    const rows = this.ctx.storage.sql.exec("select count(*) n from notes").one().n;
    if (rows < 30) await this.ctx.storage.setAlarm(Date.now() + 1 + Math.floor(2000 * Math.random()));
    if (Math.random() < 0.3) throw new Error("now and then");
  }
}
