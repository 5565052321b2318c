//! Runs the programs of [`super::script`] against an object's storage, and notes what each call gave.

use std::fmt;
use std::future::pending;

use bytes::Bytes;
use futures_util::future::{FutureExt, LocalBoxFuture};
use reveille_system::object::api::{
    Ctx, Key, OutsideAnswer, OutsideError, Request, Storage, StorageError, Thrown,
};
use serde_json::{Value, json};

use super::script::{Call, Step, Text, When};

/// Whom programs write to.
const SERVICE: &str = "http://example.com/scripted";

/// What a request's program was given. Its answer says it: so a value that changes between storage and object code shows at
/// the client (W1).
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What each step gave that gives something.
    steps: Vec<Value>,
    /// Keys with the values that were read, or null. Long ones are left out.
    read: Vec<Value>,
    /// What the request says beside its body, if that is not as usual.
    asked: Option<Value>,
}

impl Told {
    /// For what this request asks.
    pub(super) fn about(request: &Request) -> Self {
        let Request { method, path, headers, .. } = request;
        let is_usual = method == "POST" && path == "/" && headers.is_empty();
        let headers: Vec<(&str, &str)> = headers.iter().collect();
        let asked = || json!({ "method": method, "path": path, "headers": headers });
        Self { asked: (!is_usual).then(asked), ..Self::default() }
    }

    fn of_call(&mut self, call: &Call, gave: Value) {
        match (call, &gave) {
            // Refused, or too long to be told in full.
            (Call::Get(_), Value::Object(_)) => {}
            (Call::Get(Text::Short(key)), value) => self.read.push(json!([key, value])),
            (Call::GetMany(_) | Call::List(_), Value::Array(entries)) => {
                let is_whole = |entry: &&Value| entry[0].is_string() && entry[1].is_string();
                self.read.extend(entries.iter().filter(is_whole).cloned());
            }
            _ => {}
        }
        self.steps.push(gave);
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut answer = json!({ "told": self.steps, "read": self.read });
        if let (Some(asked), Some(answer)) = (&self.asked, answer.as_object_mut()) {
            answer.insert("asked".to_owned(), asked.clone());
        }
        write!(f, "{answer}")
    }
}

/// Runs a program. `told` hears what each step gave that gives something.
pub(super) fn run<'a>(
    ctx: &'a Ctx,
    steps: &'a [Step],
    told: &'a mut Told,
) -> LocalBoxFuture<'a, Result<(), Thrown>> {
    async move {
        for step in steps {
            one(ctx, step, told).await?;
        }
        Ok(())
    }
    .boxed_local()
}

async fn one(ctx: &Ctx, step: &Step, told: &mut Told) -> Result<(), Thrown> {
    match step {
        Step::Do(call) => told.of_call(call, make(ctx.storage(), ctx.now_ms(), call).await),
        Step::Start(call) => drop(make(ctx.storage(), ctx.now_ms(), call)),
        Step::LettingIn(call) => {
            told.of_call(call, make(ctx.storage().allow_concurrency(), ctx.now_ms(), call).await);
        }
        Step::Together(calls) => {
            let made: Vec<_> =
                calls.iter().map(|call| (call, make(ctx.storage(), ctx.now_ms(), call))).collect();
            for (call, result) in made {
                told.of_call(call, result.await);
            }
        }
        Step::Fetch(body) => told.steps.push(answered(ctx.fetch(SERVICE, body.clone()).await)),
        Step::Ask(ask) => told.steps.push(answered(ctx.fetch_request(SERVICE, ask.request()).await)),
        Step::Sleep(ms) => ctx.sleep(*ms).await,
        Step::Random => told.steps.push(json!({ "random": ctx.random() })),
        Step::WaitUntil(steps) => {
            let (ctx, steps) = (ctx.clone(), steps.clone());
            ctx.clone().wait_until(async move {
                run(&ctx, &steps, &mut Told::default()).await?;
                ctx.sometimes("what no answer waits for comes to its end", true);
                Ok(())
            });
        }
        Step::Post(body) => drop(ctx.fetch(SERVICE, body.clone())),
        Step::Block(steps) => {
            let (ctx, steps) = (ctx.clone(), steps.clone());
            ctx.clone().block_concurrency_while(async move { run(&ctx, &steps, &mut Told::default()).await });
        }
        Step::Transaction(steps) => {
            let ended = ctx.storage().transaction(run(ctx, steps, told)).await;
            told.steps.push(of_transaction(ended));
        }
        Step::Abandon(steps) => {
            let ended = ctx.storage().transaction(run(ctx, steps, told)).now_or_never();
            told.steps.push(ended.map_or_else(|| json!("abandoned"), of_transaction));
        }
        Step::Fail => return Err(Thrown("the program fails".into())),
        Step::Panic => panic!("the program panics"),
        Step::Hang => pending().await,
        Step::Exceed => loop {
            drop(ctx.storage().get_alarm());
        },
    }
    Ok(())
}

/// Makes a call: it acts now. The future gives its result.
fn make(storage: Storage<'_>, now_ms: i64, call: &Call) -> LocalBoxFuture<'static, Value> {
    match call {
        Call::Get(key) => storage.get(key.key()).map(|got| told(got, value)).boxed_local(),
        Call::GetMany(keys) => storage.get_many(keys.keys()).map(|got| told(got, entries)).boxed_local(),
        Call::Put(key, value) => {
            storage.put(key.key(), value.value()).map(|put| told(put, done)).boxed_local()
        }
        Call::PutMany(keys, value) => {
            let entries = keys.keys().into_iter().map(|key| (key, value.value()));
            storage.put_many(entries).map(|put| told(put, done)).boxed_local()
        }
        Call::Delete(key) => {
            storage.delete(key.key()).map(|deleted| told(deleted, Value::from)).boxed_local()
        }
        Call::DeleteMany(keys) => {
            storage.delete_many(keys.keys()).map(|deleted| told(deleted, Value::from)).boxed_local()
        }
        Call::List(range) => storage.list(range.list()).map(|listed| told(listed, entries)).boxed_local(),
        Call::DeleteAll => storage.delete_all().map(|deleted| told(deleted, done)).boxed_local(),
        Call::DeleteAllPreservingAlarm => {
            storage.delete_all_preserving_alarm().map(|deleted| told(deleted, done)).boxed_local()
        }
        Call::Sync => storage.sync().map(done).boxed_local(),
        Call::GetAlarm => storage.get_alarm().map(|time_ms| json!(time_ms)).boxed_local(),
        Call::SetAlarm(when) => {
            let time_ms = match when {
                When::InMs(in_ms) => now_ms + in_ms,
                When::AtMs(at_ms) => *at_ms,
            };
            storage.set_alarm(time_ms).map(|set| told(set, done)).boxed_local()
        }
        Call::DeleteAlarm => storage.delete_alarm().map(done).boxed_local(),
    }
}

fn told<T>(result: Result<T, StorageError>, tell: impl FnOnce(T) -> Value) -> Value {
    match result {
        Ok(what) => tell(what),
        Err(error) => json!({ "refused": error.to_string() }),
    }
}

fn answered(answer: Result<OutsideAnswer, OutsideError>) -> Value {
    match answer {
        Ok(answer) => json!({ "status": answer.status }),
        Err(error) => json!({ "failed": error.to_string() }),
    }
}

fn of_transaction(ended: Result<(), Thrown>) -> Value {
    match ended {
        Ok(()) => json!("committed"),
        Err(why) => json!({ "rolled back": why.to_string() }),
    }
}

fn done((): ()) -> Value {
    json!("done")
}

fn value(value: Option<Bytes>) -> Value {
    json!(value.map(|value| Text::of(&value)))
}

fn entries(entries: Vec<(Key, Bytes)>) -> Value {
    entries.into_iter().map(|(key, value)| json!([Text::of(key.as_bytes()), Text::of(&value)])).collect()
}
