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

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::ids::OpId;
pub use crate::object::class::{AlarmInfo, Request, Response};
use crate::object::class::{Class, Instance};
use crate::object::port::Port;
use crate::words::call::{Answer, Reply};
pub use crate::words::call::{Key, List, StorageError};
use crate::words::failure::{Failure, How};
use crate::words::outside::{OutsideAnswer, OutsideError};
use instance::{RustInstance, Shared};
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

    /// Sends a request to an outside service. It leaves when every earlier write is durable (O5). Other events of the
    /// object interleave while its answer is awaited (O3).
    pub fn fetch(&self, service: &str, body: impl Into<Bytes>) -> Op<Result<OutsideAnswer, OutsideError>> {
        let op = self.port.call_out(service, body.into());
        self.op(Answer::Pending(op), |reply| match reply {
            Reply::Outside(answer) => answer,
            other => wrong(&other),
        })
    }

    /// Runs `section` now, and lets no other event in before it has ended (O3, O4). If it fails, or takes longer than
    /// its limit, the object is reset.
    pub fn block_concurrency_while<F>(&self, section: F)
    where
        F: Future<Output = Result<(), Thrown>> + 'static,
    {
        self.port.begin_section();
        self.shared.spawn_section(section);
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
