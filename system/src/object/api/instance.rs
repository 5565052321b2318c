//! Rust objects behind the seam: the futures of an instance's events, polled within its turns.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::{FutureExt, LocalBoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::{Ctx, DurableObject, Slots, Thrown};
use crate::ids::OpId;
use crate::object::class::{Event, EventId, Instance, Response, TurnEnd};
use crate::object::port::Port;
use crate::words::call::Reply;
use crate::words::failure::{Failure, How, Reset, ResetCause};

/// What an instance shares with the handles that its code holds.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) slots: Slots,
    /// What was started beside the events and not yet polled.
    spawned: RefCell<Vec<(Spawned, SpawnedCode)>>,
    /// Sections in progress, the ones not yet polled included.
    sections: Cell<u32>,
    /// What was passed to `wait_until` and has not ended, the ones not yet polled included.
    in_background: Cell<u32>,
    /// The task that is being polled, or was last.
    task: Cell<u64>,
    /// The transaction in progress and the task that it is part of (S5).
    exclusive: Cell<Option<(OpId, u64)>>,
    /// Tasks that wait for its end.
    kept_out: RefCell<Vec<Waker>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("slots", &self.slots)
            .field("sections", &self.sections)
            .field("in_background", &self.in_background)
            .field("exclusive", &self.exclusive)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn spawn(&self, what: Spawned, code: impl Future<Output = Result<(), Thrown>> + 'static) {
        let in_progress = self.in_progress(what);
        in_progress.set(in_progress.get() + 1);
        self.spawned.borrow_mut().push((what, code.boxed_local()));
    }

    /// How many of these are in progress.
    fn in_progress(&self, what: Spawned) -> &Cell<u32> {
        match what {
            Spawned::Section => &self.sections,
            Spawned::InBackground => &self.in_background,
        }
    }

    /// S5: from here on only the task that is being polled runs.
    pub(super) fn begin_exclusive(&self, op: OpId) {
        self.exclusive.set(Some((op, self.task.get())));
    }

    /// S5: the others go on.
    pub(super) fn end_exclusive(&self, op: OpId) {
        if self.exclusive.get().is_some_and(|(open, _)| open == op) {
            self.exclusive.set(None);
            self.kept_out.take().into_iter().for_each(Waker::wake);
        }
    }

    /// The transaction that a task has left open.
    fn left_open_by(&self, task: u64) -> Option<OpId> {
        self.exclusive.get().filter(|(_, owner)| *owner == task).map(|(op, _)| op)
    }

    /// Whether a transaction keeps the task from running; then it is woken at the transaction's end.
    fn keeps_out(&self, task: u64, waker: &Waker) -> bool {
        let is_kept_out = self.exclusive.get().is_some_and(|(_, owner)| owner != task);
        if is_kept_out {
            self.kept_out.borrow_mut().push(waker.clone());
        }
        is_kept_out
    }
}

/// An instance of a Rust class.
pub(super) struct RustInstance<T> {
    /// None before the constructor has run.
    object: Option<Rc<T>>,
    ctx: Ctx,
    tasks: FuturesUnordered<Task>,
    /// Tasks there have been.
    tasks_begun: Cell<u64>,
    /// Set when something that can go on was woken: a waker for the set as a whole.
    woken: Arc<Woken>,
    polls: Rc<Cell<u32>>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The code of one event, section or `wait_until`, polled under `catch_unwind` and counted.
struct Task {
    number: u64,
    what: TaskKind,
    code: LocalBoxFuture<'static, TaskResult>,
    ctx: Ctx,
    polls: Rc<Cell<u32>>,
}

type TaskResult = Result<Option<Response>, Thrown>;

#[derive(Clone, Copy)]
enum TaskKind {
    Event(EventId),
    Spawned(Spawned),
}

type SpawnedCode = LocalBoxFuture<'static, Result<(), Thrown>>;

/// What code starts beside the event that it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spawned {
    /// A `block_concurrency_while`.
    Section,
    /// A `wait_until`.
    InBackground,
}

enum TaskEnd {
    Returned(TaskResult),
    Panicked(Reset),
}

impl Future for Task {
    type Output = (TaskKind, TaskEnd);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Ctx { port, shared } = &this.ctx;
        if shared.keeps_out(this.number, cx.waker()) {
            return Poll::Pending;
        }
        shared.task.set(this.number);
        this.polls.set(this.polls.get() + 1);
        port.enter_section(matches!(this.what, TaskKind::Spawned(Spawned::Section)));
        let end = match run(port, || this.code.as_mut().poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => TaskEnd::Returned(result),
            Err(reset) => TaskEnd::Panicked(reset),
        };
        if let Some(op) = shared.left_open_by(this.number) {
            // Its future was put aside and outlives its event.
            port.end_transaction(op, Err("the event that began it has ended".into()));
            shared.end_exclusive(op);
        }
        Poll::Ready((this.what, end))
    }
}

/// Runs object code. What is over its budget has to be reset, whether or not it has let itself be unwound (O7).
fn run<R>(port: &Port, code: impl FnOnce() -> R) -> Result<R, Reset> {
    let result = catch_unwind(AssertUnwindSafe(code));
    if port.is_over_budget() {
        return Err(over_limit("the object used up its budget of calls in one turn".into()));
    }
    result.map_err(|payload| describe_panic(&*payload))
}

/// What a panic of object code said.
fn describe_panic(payload: &(dyn Any + Send)) -> Reset {
    let said = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let why = format!("panicked: {}", said.unwrap_or("with a payload that is no text")).into();
    Reset { why, cause: ResetCause::Panic }
}

/// O7.
fn over_limit(why: Arc<str>) -> Reset {
    Reset { why, cause: ResetCause::OverLimit }
}

impl<T: DurableObject> RustInstance<T> {
    pub(super) fn new(port: Port) -> Self {
        let ctx = Ctx { port, shared: Rc::default() };
        Self {
            object: None,
            ctx,
            tasks: FuturesUnordered::new(),
            tasks_begun: Cell::new(0),
            woken: Arc::default(),
            polls: Rc::default(),
        }
    }

    /// O4: the constructor runs in the first turn.
    fn construct(&mut self) -> Result<(), Reset> {
        let ctx = self.ctx.clone();
        self.object = Some(run(&self.ctx.port, || T::new(ctx))?);
        Ok(())
    }

    fn push(&self, what: TaskKind, code: LocalBoxFuture<'static, TaskResult>) {
        let number = self.tasks_begun.get() + 1;
        self.tasks_begun.set(number);
        self.tasks.push(Task { number, what, code, ctx: self.ctx.clone(), polls: self.polls.clone() });
    }

    fn adopt_spawned(&self) {
        for (what, code) in self.ctx.shared.spawned.take() {
            self.push(TaskKind::Spawned(what), code.map(|result| result.map(|()| None)).boxed_local());
        }
    }

    /// One task ended: what that means for the turn.
    fn ended(&self, what: TaskKind, end: TaskEnd, turn: &mut TurnEnd) {
        match (what, end) {
            (TaskKind::Event(event), TaskEnd::Returned(result)) => {
                turn.finished.push((event, result.map_err(Failure::from)));
            }
            (TaskKind::Event(event), TaskEnd::Panicked(reset)) => {
                let is_over_limit = reset.cause == ResetCause::OverLimit;
                let how = if is_over_limit { How::OverLimit } else { How::Panic };
                turn.finished.push((event, Err(Failure { why: reset.why.clone(), how })));
                turn.reset = Some(reset);
            }
            (TaskKind::Spawned(what), end) => {
                let in_progress = self.ctx.shared.in_progress(what);
                in_progress.set(in_progress.get() - 1);
                turn.reset = match (what, end) {
                    (_, TaskEnd::Returned(Ok(_)))
                    | (Spawned::InBackground, TaskEnd::Returned(Err(Thrown(_)))) => return,
                    (Spawned::Section, TaskEnd::Returned(Err(Thrown(why)))) => {
                        Some(Reset { why: why.into(), cause: ResetCause::Section })
                    }
                    (Spawned::Section, TaskEnd::Panicked(reset)) => Some(reset.within(ResetCause::Section)),
                    (Spawned::InBackground, TaskEnd::Panicked(reset)) => Some(reset),
                };
            }
        }
    }
}

impl<T: DurableObject> Instance for RustInstance<T> {
    fn start(&mut self, event: EventId, what: Event) {
        let object = self.object.clone().expect("no event is delivered before the constructor has ended");
        // What a method does before it gives its future belongs to the turn too.
        let code = match what {
            Event::Fetch(request) => async move { object.fetch(request).await.map(Some) }.boxed_local(),
            Event::Alarm(info) => async move { object.alarm(info).await.map(|()| None) }.boxed_local(),
        };
        self.push(TaskKind::Event(event), code);
    }

    fn settle(&mut self, op: OpId, reply: Reply) {
        // Without a slot nobody waits: the future was dropped.
        if let Some(slot) = self.ctx.shared.slots.borrow_mut().get_mut(&op) {
            slot.reply = Some(reply);
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
    }

    fn turn(&mut self, budget: u32) -> TurnEnd {
        let mut turn = TurnEnd::default();
        self.polls.set(0);
        if self.object.is_none()
            && let Err(reset) = self.construct()
        {
            turn.reset = Some(reset);
            return turn;
        }
        let waker = Waker::from(self.woken.clone());
        let mut cx = Context::from_waker(&waker);
        while turn.reset.is_none() {
            self.adopt_spawned();
            match self.tasks.poll_next_unpin(&mut cx) {
                Poll::Ready(Some((what, end))) => self.ended(what, end, &mut turn),
                Poll::Ready(None) if self.ctx.shared.spawned.borrow().is_empty() => break,
                Poll::Pending
                    if !self.woken.0.swap(false, Ordering::Relaxed)
                        && self.ctx.shared.spawned.borrow().is_empty() =>
                {
                    break;
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
            if self.polls.get() > budget {
                // O7.
                let why = format!("the object used up its budget of {budget} polls in one turn");
                turn.reset = Some(over_limit(why.into()));
            }
        }
        turn.blocked = self.ctx.shared.sections.get() > 0;
        turn.in_background = self.ctx.shared.in_background.get() > 0;
        turn
    }
}

/// Destructors are object code: what they do with the port reaches nobody, and a panic in one is nobody's.
impl<T> Drop for RustInstance<T> {
    fn drop(&mut self) {
        let spawned = self.ctx.shared.spawned.take();
        let (tasks, object) = (std::mem::take(&mut self.tasks), self.object.take());
        _ = catch_unwind(AssertUnwindSafe(|| drop(spawned)));
        _ = catch_unwind(AssertUnwindSafe(|| drop(tasks)));
        _ = catch_unwind(AssertUnwindSafe(|| drop(object)));
    }
}
