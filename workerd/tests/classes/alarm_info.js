import { DurableObject } from "cloudflare:workers";

class MyDurableObject extends DurableObject {
  async alarm(alarmInfo) {
    if (alarmInfo?.retryCount != 0) {
      console.log(
        "This alarm event has been attempted ${alarmInfo?.retryCount} times before.",
      );
    }
  }
}

// Beside the documentation's class: somebody who sets its alarm, and what makes it fail.
export class Failing extends MyDurableObject {
  async fetch() { await this.ctx.storage.setAlarm(Date.now() + 1000); return new Response("set"); }
  async alarm(info) { await super.alarm(info); throw new Error("the work fails"); }
}
export default { fetch: (request, env) => env.FAILING.getByName("foo").fetch(request) };
