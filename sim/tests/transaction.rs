//! Transactions, batches and concurrent reads of an object, under faults: all or nothing (S5), and nothing else of the
//! object runs meanwhile (O3).

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use reveille_model::history::{
    Delivery, Event, History, Omission, OpResult, Outcome as Ended, StorageCall, What,
};
use reveille_model::{Profile, check};
use reveille_sim::plan::{Plan, Request};
use reveille_sim::run::{Outcome, RunEnd, run};
use reveille_system::object::api::{
    AlarmInfo, Ctx, DurableObject, List, Request as Asked, Response, RustClass, StorageError, Thrown,
};
use reveille_system::object::class::Classes;

use crate::common;

/// Two accounts that are zero together, moved in transactions some of which fail.
struct Bank(Ctx);

/// What a request may say.
const MOVE: &str = "move";
const FAIL: &str = "fail";
const DROP: &str = "drop";
const PANIC: &str = "panic";
const PEEK: &str = "peek";

impl DurableObject for Bank {
    const CLASS: &'static str = "Bank";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self(ctx))
    }

    async fn fetch(self: Rc<Self>, request: Asked) -> Result<Response, Thrown> {
        let said = request.text();
        let (what, number) = said.split_once(' ').unwrap_or((&said, ""));
        if what == PEEK {
            let seen = self.0.storage().allow_concurrency().get("log/none").await?;
            return Ok(Response::ok(if seen.is_some() { "something" } else { "nothing" }));
        }
        drop(self.0.storage().put(format!("asked/{number}"), said.clone()));
        let moved = self.0.storage().transaction(self.clone().moves(what.to_owned(), number.to_owned()));
        if what == DROP {
            // It is polled once, waits for the datastore if it has to, and is dropped there.
            let mut moved = pin!(moved);
            let ended = poll_fn(|cx| Poll::Ready(moved.as_mut().poll(cx).is_ready())).await;
            return Ok(Response::ok(if ended { "moved" } else { "dropped" }));
        }
        moved.await?;
        Ok(Response::ok("moved"))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        let sum: i64 = self.accounts().await?.iter().sum();
        if sum != 0 {
            return Err(Thrown(format!("the accounts differ by {sum}")));
        }
        self.0.fetch("upstream", "they are equal").await?;
        let storage = self.0.storage();
        let asked = storage.list(List { prefix: Some("asked/".into()), ..List::default() }).await?;
        storage.delete_many(asked.into_iter().map(|(key, _)| key).take(128)).await?;
        Ok(())
    }
}

impl Bank {
    async fn accounts(&self) -> Result<[i64; 2], Thrown> {
        let entries = self.0.storage().get_many(["a", "b"]).await?;
        let amount = |name: &str| {
            let found = entries.iter().find(|(key, _)| &**key == name);
            found.map_or(0, |(_, amount)| String::from_utf8_lossy(amount).parse().expect("it is a number"))
        };
        Ok([amount("a"), amount("b")])
    }

    async fn moves(self: Rc<Self>, what: String, number: String) -> Result<(), Thrown> {
        let [a, b] = self.accounts().await?;
        let storage = self.0.storage();
        drop(storage.put("a", (a + 1).to_string()));
        assert_eq!(storage.delete_all().await, Err(StorageError::DeleteAllInTransaction));
        let nested: Result<(), StorageError> = storage.transaction(async { Ok(()) }).await;
        assert_eq!(nested, Err(StorageError::NestedTransaction));
        drop(storage.set_alarm(self.0.now_ms() + 1_000));
        // Nobody has written this key: the first transaction of an instance waits for the datastore here.
        let before = storage.get(format!("log/{number}")).await?;
        assert_eq!(before, None, "each number is moved once");
        assert_eq!(self.accounts().await?, [a + 1, b], "a transaction sees what it has written");
        storage.put_many([("b", (b - 1).to_string()), (&*format!("log/{number}"), what.clone())]).await?;
        match &*what {
            FAIL => Err(Thrown("not today".to_owned())),
            PANIC => panic!("object code has a bad day"),
            _ => Ok(()),
        }
    }
}

fn classes() -> Classes {
    Classes::default().with(RustClass::<Bank>::default())
}

fn plan(seed: u64) -> Plan {
    let request = |number: u16| {
        let what = match number % 10 {
            0 | 4 => FAIL,
            2 | 5 => DROP,
            6 => PEEK,
            7 => PANIC,
            _ => MOVE,
        };
        Request {
            at_ms: u64::from(number / 2) * 250,
            machine: number % 3,
            object: format!("Bank/{}", number % 4 / 2),
            body: format!("{what} {number}"),
            ..Request::default()
        }
    };
    Plan { workload: (0..150).map(request).collect(), idle_evict_ms: 1_000, ..common::plan(seed) }
}

fn outcome(seed: u64) -> Outcome {
    let outcome = run(&plan(seed), classes);
    assert_eq!(outcome.end, RunEnd::Completed);
    outcome
}

fn without_commits(mut history: History) -> History {
    history.events.retain(|event| !matches!(event.what, What::Commit { .. }));
    history.header.omits = vec![Omission::Commits];
    history
}

/// How transactions ended in a run: whether they were committed, by what the request that made them says.
fn ends(outcome: &Outcome) -> BTreeMap<(String, bool), u32> {
    let (mut open, mut said, mut ends) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for Event { what, by, .. } in &outcome.history.events {
        let Some(by) = by else { continue };
        match what {
            What::Op { op, call: StorageCall::Transaction, .. } => _ = open.insert((by.instance, *op), ()),
            What::Op { call: StorageCall::Put { key, value }, .. } if key.starts_with("asked/") => {
                said.insert(by.instance, value.text().split(' ').next().unwrap_or_default().to_owned());
            }
            What::OpResult { op, result } if open.remove(&(by.instance, *op)).is_some() => {
                let nested = matches!(result, OpResult::Error(why) if why.contains("begun in a transaction"));
                if !nested {
                    let kind = said[&by.instance].clone();
                    *ends.entry((kind, *result == OpResult::Done)).or_default() += 1;
                }
            }
            _ => {}
        }
    }
    ends
}

#[test]
fn s5_transactions_are_all_or_nothing_under_faults() {
    let mut all: BTreeMap<(String, bool), u32> = BTreeMap::new();
    for seed in 0..8 {
        let outcome = outcome(seed);
        assert_eq!(outcome.verdict.violations, [], "seed {seed}");
        let untold = without_commits(outcome.history.clone());
        assert_eq!(check(&untold, Profile::Strict).violations, [], "seed {seed} without its commits");
        for event in &outcome.history.events {
            let What::AtRest { keys, object, .. } = &event.what else { continue };
            let amount =
                |key: &str| keys.get(key).map_or(0, |value| value.text().parse::<i64>().expect("one"));
            assert_eq!(amount("a") + amount("b"), 0, "seed {seed}, {object}");
            let moved = keys.iter().filter(|(key, _)| key.starts_with("log/"));
            let moved: Vec<_> = moved.map(|(_, what)| what.text().into_owned()).collect();
            assert_eq!(moved.len() as i64, amount("a"), "seed {seed}, {object}: {moved:?}");
            assert!(
                moved.iter().all(|what| what == MOVE || what == DROP),
                "seed {seed}, {object}: {moved:?}"
            );
        }
        for (end, count) in ends(&outcome) {
            *all.entry(end).or_default() += count;
        }
    }
    let count = |what: &str, done| all.get(&(what.to_owned(), done)).copied().unwrap_or_default();
    assert!(count(MOVE, true) > 50 && count(FAIL, false) > 20 && count(PANIC, false) > 10, "{all:?}");
    assert!(count(DROP, false) > 5, "some are dropped while they wait: {all:?}");
    assert_eq!((count(FAIL, true), count(PANIC, true)), (0, 0));
}

#[test]
fn s5_a_failed_transaction_does_not_reset_the_object() {
    let outcome = outcome(1);
    let failures = outcome.history.events.iter().filter_map(|event| match &event.what {
        What::Return { outcome: Ended::Answered { status: 500, body, .. }, .. } => {
            Some(body.text().into_owned())
        }
        _ => None,
    });
    let failures: BTreeSet<String> = failures.collect();
    assert!(failures.contains("not today"), "{failures:?}");
    let resets = outcome.history.events.iter().filter_map(|event| match &event.what {
        What::InstanceEnd { reason } => Some(format!("{reason:?}")),
        _ => None,
    });
    let resets: Vec<String> = resets.collect();
    assert!(resets.iter().all(|why| !why.contains("not today")), "{resets:?}");
    assert!(resets.iter().any(|why| why.contains("bad day")), "a panic resets as ever: {resets:?}");
}

/// What was delivered to an instance while a transaction was open, or a call that lets others in was outstanding.
#[derive(Default, Debug)]
struct Let {
    in_transaction: u32,
    during_concurrent_read: u32,
    during_read: u32,
}

#[test]
fn o3_only_a_read_that_asked_for_it_lets_others_in() {
    let mut seen = Let::default();
    for seed in 0..8 {
        let (mut transactions, mut reads) = (BTreeSet::new(), BTreeMap::new());
        for Event { what, by, .. } in &outcome(seed).history.events {
            let Some(by) = by else { continue };
            let of = by.instance;
            match what {
                What::Op { op, call: StorageCall::Transaction, .. } => _ = transactions.insert((of, *op)),
                What::Op { op, call, allow_concurrency } if !matches!(call, StorageCall::Sync) => {
                    reads.insert((of, *op), *allow_concurrency);
                }
                What::OpResult { op, .. } => {
                    transactions.remove(&(of, *op));
                    reads.remove(&(of, *op));
                }
                What::InstanceEnd { .. } => {
                    transactions.retain(|(instance, _)| *instance != of);
                    reads.retain(|(instance, _), _| *instance != of);
                }
                What::Deliver { delivery: Delivery::Request { .. } | Delivery::Alarm { .. } } => {
                    let is_open = transactions.iter().any(|(instance, _)| *instance == of);
                    seen.in_transaction += u32::from(is_open);
                    for ((instance, _), allow_concurrency) in &reads {
                        if *instance == of {
                            seen.during_concurrent_read += u32::from(*allow_concurrency);
                            seen.during_read += u32::from(!allow_concurrency);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    assert_eq!((seen.in_transaction, seen.during_read), (0, 0));
    assert!(seen.during_concurrent_read > 3, "{seen:?}");
}

#[test]
fn s7_a_batch_over_the_limit_is_an_error_that_names_it() {
    struct Batches(Ctx);
    impl DurableObject for Batches {
        const CLASS: &'static str = "Bank";
        const DECLARES_ALARM: bool = false;

        fn new(ctx: Ctx) -> Rc<Self> {
            Rc::new(Self(ctx))
        }

        async fn fetch(self: Rc<Self>, _request: Asked) -> Result<Response, Thrown> {
            let entries = (0..129).map(|number| (number.to_string(), Bytes::from_static(b"v")));
            self.0.storage().put_many(entries).await?;
            Ok(Response::ok(""))
        }
    }
    let outcome = run(&plan(1), || Classes::default().with(RustClass::<Batches>::default()));
    assert_eq!(outcome.verdict.violations, []);
    let said = outcome.history.events.iter().filter(|event| {
        matches!(&event.what, What::Return { outcome: Ended::Answered { status: 500, body, .. }, .. }
            if body.text() == "a batch has at most 128 keys, this one has 129")
    });
    assert!(said.count() > 50);
}
