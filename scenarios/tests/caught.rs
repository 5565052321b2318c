//! Two mistakes that people make with objects and alarms, each found by a promise in one line, and each beside a twin that is right.

use reveille::finding;
use reveille::prelude::*;

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
