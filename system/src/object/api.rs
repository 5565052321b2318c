//! Object code in Rust: a small async API in the manner of Durable Objects.
//!
//! A class is a type that implements [`DurableObject`]. Its methods are async functions over an [`Rc`] of the object, so
//! several events of one object interleave at awaits, and only there (O3). Storage methods act when they are called and
//! give a future that need not be awaited (S1).
//!
//! ```text
//! let current = ctx.storage().get_alarm().await;
//! ctx.storage().set_alarm(ctx.now_ms() + 10_000);       // acts now; awaiting it only tells whether it was refused
//! ```

mod instance;
mod storage;
mod typed;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::ids::{ObjectName, OpId};
pub use crate::object::class::{AlarmInfo, Request, Response};
use crate::object::class::{Class, Instance};
use crate::object::port::Port;
use crate::observe::PromiseKind;
use crate::words::call::{Answer, Reply};
pub use crate::words::call::{Key, List, StorageError};
use crate::words::failure::{Failure, How};
pub use crate::words::http::{Headers, JsonError};
pub use crate::words::outside::{OutsideAnswer, OutsideError};
use instance::{RustInstance, Shared, Spawned};
pub use storage::{Refusable, Storage};

/// Why a method of an object failed: what is thrown in other languages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Thrown(pub String);

impl From<StorageError> for Thrown {
    fn from(error: StorageError) -> Self {
        Self(error.to_string())
    }
}

impl From<OutsideError> for Thrown {
    fn from(error: OutsideError) -> Self {
        Self(error.to_string())
    }
}

impl From<JsonError> for Thrown {
    fn from(error: JsonError) -> Self {
        Self(error.to_string())
    }
}

impl From<Thrown> for Failure {
    fn from(thrown: Thrown) -> Self {
        Self { why: thrown.0.into(), how: How::Error }
    }
}

/// A class of objects.
pub trait DurableObject: Sized + 'static {
    /// The class's name. No slash.
    const CLASS: &'static str;

    /// Whether the class declares [`DurableObject::alarm`]; without it `set_alarm` is refused (A8).
    const DECLARES_ALARM: bool;
    /// [`Class::echoes`].
    const ECHOES: bool = false;

    /// The constructor. What it needs from storage it reads in [`Ctx::block_concurrency_while`]: no event is delivered
    /// before that has ended (O4).
    fn new(ctx: Ctx) -> Rc<Self>;

    /// Answers a request. An error is answered with status 500; the instance lives on.
    fn fetch(self: Rc<Self>, request: Request) -> impl Future<Output = Result<Response, Thrown>> + 'static;

    /// Handles the object's alarm. An error is retried, up to six times (R1, R2).
    fn alarm(self: Rc<Self>, info: AlarmInfo) -> impl Future<Output = Result<(), Thrown>> + 'static {
        async move { Err(Thrown(format!("{} declares no alarm(), yet it was called with {info:?}", Self::CLASS))) }
    }
}

/// Makes a [`Class`] of a [`DurableObject`].
#[derive(Debug)]
pub struct RustClass<T>(PhantomData<fn() -> T>);

impl<T> Default for RustClass<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: DurableObject> Class for RustClass<T> {
    fn name(&self) -> &str {
        T::CLASS
    }

    fn declares_alarm(&self) -> bool {
        T::DECLARES_ALARM
    }

    fn echoes(&self) -> bool {
        T::ECHOES
    }

    fn instantiate(&self, port: Port) -> Box<dyn Instance> {
        Box::new(RustInstance::<T>::new(port))
    }
}

/// What an object's code can reach.
#[derive(Clone, Debug)]
pub struct Ctx {
    port: Port,
    shared: Rc<Shared>,
}

impl Ctx {
    /// The object's storage.
    pub fn storage(&self) -> Storage<'_> {
        Storage::new(self)
    }

    /// The wall clock: milliseconds since the UNIX epoch. It stands still during a turn.
    pub fn now_ms(&self) -> i64 {
        self.port.now_ms()
    }

    /// The object's id (O2): 64 hexadecimal digits, the same for its class and name for ever.
    pub fn id(&self) -> String {
        self.port.object().id()
    }

    /// The object's name, without its class.
    pub fn name(&self) -> String {
        self.port.object().name().to_owned()
    }

    /// The id of the object of this class and name (O2).
    pub fn id_from_name(class: &str, name: &str) -> String {
        ObjectName::new(class, name).id()
    }

    /// Sends `POST /` with this body to an outside service: the short form of [`Ctx::fetch_request`].
    #[track_caller]
    pub fn fetch(&self, service: &str, body: impl Into<Bytes>) -> Op<Result<OutsideAnswer, OutsideError>> {
        self.fetch_request(service, Request::post(body))
    }

    /// Sends a request to an outside service. It leaves when every earlier write is durable (O5). Other events of the
    /// object interleave while its answer is awaited (O3).
    #[track_caller]
    pub fn fetch_request(&self, service: &str, request: Request) -> Op<Result<OutsideAnswer, OutsideError>> {
        self.op(self.port.call_out(service, request), |reply| match reply {
            Reply::Outside(answer) => answer,
            other => wrong(&other),
        })
    }

    /// Waits for so many milliseconds, at least one, of the machine's monotonic clock, from the begin of the turn on. Other events
    /// of the object interleave meanwhile, and the end comes in through the input gate like they do (O3). It is set when it is
    /// called, and is gone with the instance.
    ///
    /// An object with a timer that is not over is not idle, whoever awaits it: it is not evicted. So does the real runtime from the
    /// compatibility date 2026-10-01 on (its changelog, "Pending I/O operations").
    pub fn sleep(&self, ms: u64) -> Op<()> {
        let op = self.port.sleep(ms);
        self.op(Answer::Pending(op), |reply| match reply {
            Reply::Done => (),
            other => wrong(&other),
        })
    }

    /// A random number. Equal runs draw equal numbers: it is a function of the entropy that the machine was given when it booted, of
    /// the instance, and of how many it has drawn before.
    pub fn random(&self) -> u64 {
        self.port.random()
    }

    /// Runs `code` beside the event at hand, from this turn on and beyond the end of the event: its answer does not wait for it. What
    /// the code writes and sends is held back and acknowledged like everything else (O5). If it fails with an error nothing happens;
    /// a panic resets the object, and with its instance the code is gone. Until it has ended the object is not idle.
    pub fn wait_until<F>(&self, code: F)
    where
        F: Future<Output = Result<(), Thrown>> + 'static,
    {
        self.port.begin_section();
        self.shared.spawn(Spawned::InBackground, code);
    }

    /// Tells that `holds` is always true here. A run in which it is not has broken the promise of this name.
    pub fn always(&self, name: &'static str, holds: bool) {
        self.port.promise(name, PromiseKind::Always, holds);
    }

    /// Tells that `holds` is true here now and then. A campaign in which it never is did not reach what the name says.
    pub fn sometimes(&self, name: &'static str, holds: bool) {
        self.port.promise(name, PromiseKind::Sometimes, holds);
    }

    /// Tells that this line is never reached. A run that reaches it has broken the promise of this name.
    pub fn unreachable(&self, name: &'static str) {
        self.port.promise(name, PromiseKind::Unreachable, false);
    }

    /// Runs `section` now, and lets no other event in before it has ended (O3, O4). If it fails, or takes longer than
    /// its limit, the object is reset.
    pub fn block_concurrency_while<F>(&self, section: F)
    where
        F: Future<Output = Result<(), Thrown>> + 'static,
    {
        self.port.begin_section();
        self.shared.spawn(Spawned::Section, section);
    }

    fn op<T>(&self, answer: Answer, read: fn(Reply) -> T) -> Op<T> {
        let state = match answer {
            Answer::Now(reply) => OpState::Ready(Some(reply)),
            Answer::Pending(op) => {
                self.shared.slots.borrow_mut().insert(op, Slot::default());
                OpState::Pending { op, told: false }
            }
        };
        Op { state, read, ctx: self.clone() }
    }
}

/// An operation that was started. It has acted; awaiting it gives its result.
#[derive(Debug)]
pub struct Op<T> {
    state: OpState,
    read: fn(Reply) -> T,
    ctx: Ctx,
}

#[derive(Debug)]
enum OpState {
    /// None once the result was taken.
    Ready(Option<Reply>),
    Pending {
        op: OpId,
        /// Whether the host was told that somebody waits.
        told: bool,
    },
}

/// Where the result of a pending operation arrives.
#[derive(Debug, Default)]
struct Slot {
    reply: Option<Reply>,
    waker: Option<Waker>,
}

type Slots = RefCell<BTreeMap<OpId, Slot>>;

impl<T> Future for Op<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let reply = match &mut this.state {
            OpState::Ready(reply) => reply.take().expect("an operation is not polled after its end"),
            OpState::Pending { op, told } => {
                let mut slots = this.ctx.shared.slots.borrow_mut();
                let slot = slots.get_mut(op).expect("a pending operation has a slot");
                let Some(reply) = slot.reply.take() else {
                    slot.waker = Some(cx.waker().clone());
                    if !std::mem::replace(told, true) {
                        this.ctx.port.awaits(*op);
                    }
                    return Poll::Pending;
                };
                slots.remove(op);
                drop(slots);
                this.state = OpState::Ready(None);
                reply
            }
        };
        Poll::Ready((this.read)(reply))
    }
}

impl<T> Drop for Op<T> {
    fn drop(&mut self) {
        if let OpState::Pending { op, .. } = self.state {
            // Nobody will ask for the result. The slots are borrowed only if the instance itself is being dropped.
            if let Ok(mut slots) = self.ctx.shared.slots.try_borrow_mut() {
                slots.remove(&op);
            }
        }
    }
}

fn wrong(reply: &Reply) -> ! {
    unreachable!("the host gave a reply of the wrong kind: {reply:?}")
}
