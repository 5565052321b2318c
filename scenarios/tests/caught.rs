//! Three mistakes that people make with objects and alarms, each found by a promise in one line, and each beside a twin that is right.

use std::cell::Cell;
use std::sync::Arc;

use reveille::finding;
use reveille::prelude::*;
use reveille::serde_json::{self, Value};

const MAIL: &str = "http://mail";

/// The first seed that breaks this rule, within twenty.
#[track_caller]
fn is_caught(scenario: &Scenario, rule: &str) {
    let breaks = |seed: &u64| {
        let findings = finding::of(&scenario.run(&scenario.plan(*seed)));
        findings.iter().any(|finding| finding.rule == rule)
    };
    assert!((0..20).any(|seed| breaks(&seed)), "{}: twenty seeds do not break {rule}", scenario.name);
}

/// So many seeds break nothing, and give the scenario's promise an occasion.
#[track_caller]
fn is_clean(scenario: &Scenario, seeds: u64) {
    let mut occasions = 0;
    for seed in 0..seeds {
        let outcome = scenario.run(&scenario.plan(seed));
        let findings = finding::of(&outcome);
        assert!(findings.is_empty(), "{} seed {seed}: {findings:#?}", scenario.name);
        occasions += scenario.judge(&outcome.history).iter().map(|(_, judged)| judged.occasions).sum::<u64>();
    }
    assert!(occasions > seeds, "{}: {occasions} occasions in {seeds} seeds", scenario.name);
}

/// Seeds of the twins in the suite.
const SEEDS: u64 = 30;

/// Hands out tickets. `WAITS_BETWEEN`: it asks a service between reading the last number and writing the next (O3: others come in).
struct Tickets<const WAITS_BETWEEN: bool>(Ctx);

impl<const WAITS_BETWEEN: bool> Tickets<WAITS_BETWEEN> {
    async fn last(&self) -> Result<u64, Thrown> {
        let last = self.0.storage().get("last").await?;
        Ok(last.and_then(|last| std::str::from_utf8(&last).ok()?.parse().ok()).unwrap_or(0))
    }
}

impl<const WAITS_BETWEEN: bool> DurableObject for Tickets<WAITS_BETWEEN> {
    const CLASS: &'static str = "Tickets";
    const DECLARES_ALARM: bool = false;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, _request: Request) -> Result<Response, Thrown> {
        let mut last = 0;
        if WAITS_BETWEEN {
            last = self.last().await?;
        }
        drop(self.0.fetch("http://audit", "a ticket").await);
        if !WAITS_BETWEEN {
            last = self.last().await?;
        }
        drop(self.0.storage().put("last", (last + 1).to_string()));
        Ok(Response::ok((last + 1).to_string()))
    }
}

fn tickets<const WAITS_BETWEEN: bool>() -> Scenario {
    Scenario::of::<Tickets<WAITS_BETWEEN>>("tickets")
        .requests("[a-z]{4}", 0..100)
        .objects(3)
        .promise(distinct(answers()))
}

#[test]
fn a_number_that_is_read_before_and_written_after_an_await_is_given_twice() {
    is_caught(&tickets::<true>(), "distinct");
    is_clean(&tickets::<false>(), SEEDS);
}

/// Mails what it is sent, half a minute later. `UNCHECKED`: its constructor sets the alarm without a look at the one that is set (A9).
struct Digest<const UNCHECKED: bool>(Ctx);

impl<const UNCHECKED: bool> DurableObject for Digest<UNCHECKED> {
    const CLASS: &'static str = "Digest";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        let this = Rc::new(Self(ctx));
        let that = this.clone();
        this.0.block_concurrency_while(async move {
            if UNCHECKED || that.0.storage().get_alarm().await.is_none() {
                that.0.storage().set_alarm(that.0.now_ms() + 30_000).await?;
            }
            Ok(())
        });
        this
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        drop(self.0.storage().put(request.text(), request.body));
        if self.0.storage().get_alarm().await.is_none() {
            self.0.storage().set_alarm(self.0.now_ms() + 30_000).await?;
        }
        Ok(Response::ok("noted"))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        let noted = self.0.storage().list(List::default()).await?;
        for (key, text) in noted {
            match self.0.fetch(MAIL, text).await {
                Ok(answer) if answer.status == 200 => drop(self.0.storage().delete(key)),
                _ => break,
            }
        }
        if !self.0.storage().list(List { limit: Some(1), ..List::default() }).await?.is_empty() {
            self.0.storage().set_alarm(self.0.now_ms() + 5_000).await?;
        }
        Ok(())
    }
}

fn digest<const UNCHECKED: bool>() -> Scenario {
    Scenario::of::<Digest<UNCHECKED>>("digest")
        .requests("note-[0-9]{6}", 0..30)
        .objects(3)
        .promise(acknowledged().reaches(MAIL))
}

#[test]
fn x3_an_alarm_that_the_constructor_sets_unchecked_never_runs() {
    is_caught(&digest::<true>(), "X3");
    is_clean(&digest::<false>(), SEEDS);
}

/// What a client wants to be reminded of.
#[derive(Deserialize)]
#[serde(crate = "reveille::serde")]
struct Wanted {
    in_ms: i64,
}

/// Mails each text when it is due. `OUT_OF_DATE`: `alarm()` sets the next one from a list that it read before it awaited the mail service:
/// what came meanwhile and is due sooner is late.
struct Reminders<const OUT_OF_DATE: bool> {
    ctx: Ctx,
    last: Cell<u64>,
}

/// When it is due, its key, and the text.
type Reminder = (i64, Arc<str>, Bytes);

impl<const OUT_OF_DATE: bool> Reminders<OUT_OF_DATE> {
    /// What is to be mailed, by when it is due.
    async fn list(&self) -> Result<Vec<Reminder>, Thrown> {
        let all = self.ctx.storage().list(List::default()).await?;
        let due = |key: &str| key.split('-').next().and_then(|due| due.parse().ok()).unwrap_or(0);
        Ok(all.into_iter().map(|(key, text)| (due(&key), key, text)).collect())
    }
}

impl<const OUT_OF_DATE: bool> DurableObject for Reminders<OUT_OF_DATE> {
    const CLASS: &'static str = "Reminders";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self { ctx, last: Cell::new(0) })
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        let wanted: Wanted = request.json()?;
        let due = self.ctx.now_ms() + wanted.in_ms;
        self.last.set(self.last.get() + 1);
        let key = format!("{due:015}-{}-{}", self.ctx.now_ms(), self.last.get());
        drop(self.ctx.storage().put(key, request.body));
        // Only if it has to be sooner: an alarm that each request sets anew is put off for as long as requests come one upon the other.
        if self.ctx.storage().get_alarm().await.is_none_or(|set_ms| due < set_ms) {
            self.ctx.storage().set_alarm(due).await?;
        }
        Response::json(&json!({ "due": due }))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        let (list, now_ms) = (self.list().await?, self.ctx.now_ms());
        let (ripe, rest): (Vec<_>, Vec<_>) = list.into_iter().partition(|(due, ..)| *due <= now_ms);
        // All of them leave before the first answer is awaited: one after the other, those behind a slow answer would be late.
        let calls: Vec<_> =
            ripe.into_iter().map(|(_, key, text)| (key, self.ctx.fetch(MAIL, text))).collect();
        let mut again_ms = None;
        for (key, call) in calls {
            match call.await {
                Ok(answer) if answer.is_success() => drop(self.ctx.storage().delete(key)),
                _ => again_ms = Some(self.ctx.now_ms() + 1_000),
            }
        }
        let rest = if OUT_OF_DATE { rest } else { self.list().await? };
        if let Some(next) = again_ms.or_else(|| rest.first().map(|(due, ..)| *due)) {
            self.ctx.storage().set_alarm(next).await?;
        }
        Ok(())
    }
}

fn reminders<const OUT_OF_DATE: bool>() -> Scenario {
    // What is due soon comes in while something is mailed, what is due later is what the alarm is set for then.
    let in_ms = prop_oneof![0..1_000_u32, 5_000..20_000_u32];
    let requests = (in_ms, any::<u32>())
        .prop_map(|(in_ms, number)| json!({ "in_ms": in_ms, "text": number }).to_string());
    let due = |body: &[u8]| serde_json::from_slice::<Value>(body).ok()?["due"].as_i64();
    Scenario::of::<Reminders<OUT_OF_DATE>>("reminders").requests(requests, 200..400).objects(8).promise(
        acknowledged().reaches(MAIL).due(move |_, answer| due(answer.body)).within(Duration::from_secs(2)),
    )
}

#[test]
fn what_is_armed_again_from_a_list_that_is_out_of_date_is_late() {
    is_caught(&reminders::<true>(), "reaches");
    is_clean(&reminders::<false>(), SEEDS);
}
