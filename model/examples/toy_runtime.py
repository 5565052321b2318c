#!/usr/bin/env python3
"""A toy runtime that writes a history as HISTORY.md describes it: one process, one object that counts its alarms and sets the next.

    python3 toy_runtime.py [twice | early | lost | hasty] | reveille check - --require F1,F2,F4,F5

Without a word it is honest. `twice`: an alarm runs again after its completion is durable (F4). `early`: it runs half a second
before its time (F2). `lost`: the end of a run removes the alarm that the run has set (F5). `hasty`: an answer leaves before what
it acknowledges is durable (O5)."""

import json
import sys

MS = 1_000_000
WALL_ZERO_NS = 1_700_000_000_000 * MS  # What the wall clock shows at true time 0.
FAULT = sys.argv[1] if len(sys.argv) > 1 else None
CONSTANTS = {
    "retry_start_ms": 2000, "retry_exponent_max": 9, "retry_jitter_percent": 25, "retries_max": 6, "wall_error_max_ms": 0,
    "drift_max_ppm": 500, "lateness_calm_ms": 100, "lateness_one_failure_ms": 30000, "lateness_failures_ms": 60000,
}  # fmt: skip


class Runtime:
    def __init__(self):
        self.now_ns, self.seq, self.turn, self.op, self.run = 1000 * MS, 0, 0, 0, 0
        self.keys, self.alarm_ms = {}, None

    def tell(self, event, **fields):  # Something that happens outside of the object.
        print(json.dumps({"at_ns": self.now_ns, "event": event, **fields}))

    def does(self, event, **fields):  # Something that the instance does: it names itself, its machine and its turn.
        by = {"object": "Counter/a", "instance": 1, "epoch": 1, "seq": self.seq, "turn": self.turn}
        self.tell(event, machine=0, wall_ns=WALL_ZERO_NS + self.now_ns, **by, **fields)
        self.seq += 1

    def call(self, call, result, **fields):  # A storage call is told when it is made, and then what it gave.
        self.op += 1
        self.does("op", op=self.op, call=call, **fields)
        self.does("op_result", op=self.op, result=result)

    def put(self, key, value):
        self.keys[key] = value
        self.call("put", "done", key=key, value=value)

    def set_alarm(self, time_ms):
        self.alarm_ms = max(time_ms, self.wall_ms())  # A6: what is stored, `scheduled_ms`, is never in the past.
        self.call("set_alarm", "done", time_ms=time_ms, scheduled_ms=self.alarm_ms)

    def wall_ms(self):
        return (WALL_ZERO_NS + self.now_ns) // MS

    def sync(self, **ends_run):  # The writes of a turn become durable together, and with them the end of a run.
        self.now_ns += 4 * MS
        self.does("commit", **ends_run)

    def request(self, request, body):
        self.tell("call", request=request, to="Counter/a", body=body)
        self.turn += 1
        self.does("deliver", delivery={"request": {"request": request}})
        self.put("count", body)
        self.set_alarm(self.wall_ms() + 2000)
        if FAULT != "hasty":
            self.sync()
        self.does("respond", request=request, status=200, body="counting")
        if FAULT == "hasty":
            self.sync()
        self.tell("return", request=request, outcome={"answered": {"status": 200, "body": "counting"}})

    def fire(self, scheduled_ms):
        due_ns = scheduled_ms * MS - WALL_ZERO_NS - (500 * MS if FAULT == "early" else 0)
        self.now_ns, self.turn, self.run, self.alarm_ms = max(self.now_ns, due_ns), self.turn + 1, self.run + 1, None
        self.does("run_start", run=self.run, scheduled_ms=scheduled_ms, retry_count=0, is_retry=False)
        self.call("get", {"value": self.keys["count"]}, key="count")
        count = int(self.keys["count"]) + 1
        self.put("count", str(count))
        if count < 3:
            self.set_alarm(self.wall_ms() + 2000)
        self.does("run_end", run=self.run, outcome="ok")
        if FAULT == "lost":
            self.alarm_ms = None
        self.sync(ends_run=self.run)


print(json.dumps({"version": 1, "product": "toy runtime", "scenario": FAULT or "honest", "datacenter_of": [0],
                  "wall_zero_ns": WALL_ZERO_NS, "alarm_classes": ["Counter"], "constants": CONSTANTS}))  # fmt: skip
toy = Runtime()
toy.turn = 1
toy.does("instance_start", cause="request")
toy.does("constructor_end")
toy.request(1, "0")
while (due_ms := toy.alarm_ms) is not None:
    last_ms = due_ms
    toy.fire(due_ms)
if FAULT == "twice":
    toy.fire(last_ms)
toy.now_ns += 60_000 * MS
toy.tell("at_rest", of="Counter/a", keys=toy.keys)
toy.tell("phase", phase="end")
