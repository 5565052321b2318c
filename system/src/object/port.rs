//! What an instance can do, and the account of what it did.
//!
//! The instance holds a [`Port`], the host holds the other end: both are handles to the same `Core`. When the instance
//! is gone its port may live on in destructors of object code; what is called through it then reaches nobody.

mod beside;
pub mod intercept;
mod outside;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use crate::ids::{Epoch, ObjectName, OpId, Stamp};
use crate::object::view::{Next, Reading, View, next_op};
use crate::observe::{Observation, Seen, Source, WaitKind};
use crate::store::command::{Answer as Row, Query, TurnWrites};
use crate::words::call::{Answer, Call, Reply};
use crate::words::http::Request;
use crate::words::time::Now;
use beside::Draws;
use intercept::{Interceptor, Site};

/// Gives out the stamps of one slice in one epoch.
#[derive(Clone, Debug)]
pub struct Stamps {
    epoch: Epoch,
    given: Rc<Cell<u32>>,
}

impl Stamps {
    /// Stamps of `epoch`, from the first.
    pub fn new(epoch: Epoch) -> Self {
        Self { epoch, given: Rc::new(Cell::new(0)) }
    }

    /// The next stamp.
    pub fn next(&self) -> Stamp {
        let count = self.given.get() + 1;
        self.given.set(count);
        Stamp { epoch: self.epoch, count }
    }
}

/// An instance's way to its host.
#[derive(Clone, Debug)]
pub struct Port(Rc<RefCell<Core>>);

/// What host and instance share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) object: ObjectName,
    pub(crate) instance: Stamp,
    pub(crate) view: View,
    pub(crate) turn: u32,
    /// The last turn of the instance that this one goes on from; 0 if there is none.
    follows: u32,
    /// Turns whose writes are not durable yet, ascending; those of the instance that this one goes on from are among them.
    unsaved: VecDeque<u32>,
    now: Now,
    seq: u32,
    ops: u64,
    calls_left: u32,
    /// O7: whether the turn in progress has made more calls than it may.
    over_budget: bool,
    /// Whether what runs now is a `block_concurrency_while`.
    in_section: bool,
    /// The transaction in progress (S5).
    transaction: Option<OpId>,
    pending: BTreeMap<OpId, Pending>,
    /// Those that a section has started or waited for since the gate was open, and others that have their results by now.
    of_sections: Vec<OpId>,
    /// How many of the pending close the input gate (O3).
    closing: u32,
    /// The reads among them that wait for the datastore, with the turns that they were made in.
    asking: BTreeMap<OpId, u32>,
    stamps: Stamps,
    draws: Draws,
    /// What stands between the code and its host, if anything does.
    interceptor: Option<Rc<dyn Interceptor>>,
    /// What the turn asks of the host.
    pub(crate) wanted: Vec<Wanted>,
    /// What was observed and not yet handed on.
    pub(crate) journal: Vec<Observation>,
}

/// What an instance goes on from that is made before all of the one before it, which was reset, is durable: the turns of the
/// two are numbered as one order (S3). Nothing of either where there is no such instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    last: u32,
    unsaved: VecDeque<u32>,
}

/// An operation without a result.
#[derive(Debug)]
struct Pending {
    what: PendingWhat,
    /// Whether a section that keeps the gate closed has started it, or waits for it: its result passes that gate (O3).
    in_section: bool,
    /// The transaction that has started it, or waits for it: its result passes the gate as long as that is in progress.
    transaction: Option<OpId>,
    /// O3: whether the input gate is closed while it is outstanding.
    closes_gate: bool,
}

#[derive(Debug)]
enum PendingWhat {
    /// None once the datastore's answer was taken.
    Read(Option<Reading>),
    Sync,
    Outside,
    Timer,
}

/// What a turn asks of the host.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Ask the datastore.
    Read(OpId, Query),
    /// Say when everything written so far is durable.
    Sync(OpId),
    /// Call an outside service once everything written so far is durable (O5).
    CallOut(OpId, Arc<str>, Request),
    /// Say when this time of the monotonic clock has come.
    Timer(OpId, u64),
}

impl Port {
    pub(crate) fn new(object: ObjectName, view: View, stamps: Stamps, before: Turns, seed: u64) -> Self {
        Self(Rc::new(RefCell::new(Core::new(object, view, stamps, before, seed))))
    }

    /// The host's end.
    pub(crate) fn core(&self) -> std::cell::RefMut<'_, Core> {
        self.0.borrow_mut()
    }

    /// The instance is over: the host takes its end along, and what object code calls from here on reaches nobody.
    pub(crate) fn sever(&self) -> Core {
        let mut core = self.core();
        let (object, stamps) = (core.object.clone(), core.stamps.clone());
        let nobodys = View::new(object.clone(), core.instance, false, None);
        let mut left = Core::new(object, nobodys, stamps, Turns::default(), 0);
        left.calls_left = core.calls_left;
        std::mem::replace(&mut *core, left)
    }

    /// Makes a storage or alarm call. It acts now (S1). With `allow_concurrency` other events are let in while the call
    /// waits for the datastore (O3).
    #[track_caller]
    pub fn call(&self, call: Call, allow_concurrency: bool) -> Answer {
        self.core().call(call, allow_concurrency, Location::caller())
    }

    /// Ends the transaction that [`Call::Transaction`] began as `op`: what was written since belongs to the turn in
    /// progress (S2), or, for the reason given, to nothing (S5). Gives whether that transaction was still open.
    pub fn end_transaction(&self, op: OpId, result: Result<(), Arc<str>>) -> bool {
        self.core().end_transaction(op, result)
    }

    /// The wall clock, in milliseconds since the UNIX epoch. It stands still during a turn, so that to look at it counts
    /// against the budget: nothing else ends code that waits for it to go on.
    pub fn now_ms(&self) -> i64 {
        let mut core = self.core();
        core.spend_call();
        core.now.wall_ms()
    }

    /// Says that what runs now waits for an operation.
    pub fn awaits(&self, op: OpId) {
        let mut core = self.core();
        let (in_section, transaction) = (core.in_section, core.transaction);
        let Some(pending) = core.pending.get_mut(&op) else { return };
        let joins = in_section && !pending.in_section;
        pending.in_section |= in_section;
        pending.transaction = transaction.or(pending.transaction);
        let kind = match pending.what {
            PendingWhat::Read(_) => WaitKind::Storage,
            PendingWhat::Sync => WaitKind::Sync,
            PendingWhat::Outside => WaitKind::Outside,
            PendingWhat::Timer => WaitKind::Timer,
        };
        if joins {
            core.of_sections.push(op);
        }
        core.see(Seen::Awaits(op, kind));
    }

    /// O7: whether the turn in progress has made more calls than it may. The instance has to be reset, also if its code has
    /// caught the unwinding and gone on.
    pub fn is_over_budget(&self) -> bool {
        self.core().over_budget
    }

    /// Counts a `block_concurrency_while` that begins against the budget of the turn.
    pub fn begin_section(&self) {
        self.core().spend_call();
    }

    /// Says whether what runs from here on is a `block_concurrency_while`: results for it pass the closed gate.
    pub fn enter_section(&self, inside: bool) {
        self.core().in_section = inside;
    }
}

impl Core {
    fn new(object: ObjectName, view: View, stamps: Stamps, before: Turns, seed: u64) -> Self {
        let Turns { last, unsaved } = before;
        Self {
            object,
            instance: view.instance(),
            view,
            turn: last,
            follows: last,
            unsaved,
            now: Now { mono_ns: 0, wall_ns: 0 },
            seq: 0,
            ops: 0,
            calls_left: 0,
            over_budget: false,
            in_section: false,
            transaction: None,
            pending: BTreeMap::new(),
            of_sections: Vec::new(),
            closing: 0,
            asking: BTreeMap::new(),
            stamps,
            draws: Draws::new(seed),
            interceptor: None,
            wanted: Vec::new(),
            journal: Vec::new(),
        }
    }

    /// What the next instance goes on from.
    pub(crate) fn turns(&self) -> Turns {
        Turns { last: self.turn, unsaved: self.unsaved.clone() }
    }

    /// Whether all that instances before this one wrote is durable.
    pub(crate) fn is_past_durable(&self) -> bool {
        self.is_durable(self.follows)
    }

    /// O7: one more call of the turn, of whatever kind.
    fn spend_call(&mut self) {
        let Some(left) = self.calls_left.checked_sub(1) else {
            self.over_budget = true;
            // What calls while it is unwinding is a destructor: a second unwinding would end the process.
            if !std::thread::panicking() {
                // The only way out of code that calls without end. The instance is reset.
                std::panic::resume_unwind(Box::new("the budget of calls is used up"));
            }
            return;
        };
        self.calls_left = left;
    }

    fn call(&mut self, call: Call, allow_concurrency: bool, at: Site) -> Answer {
        self.spend_call();
        if let Some(interceptor) = &self.interceptor
            && let Some(reply) = interceptor.storage(at, &call)
        {
            return Answer::Now(reply);
        }
        match call {
            Call::Sync => return self.sync(),
            Call::Transaction => return self.begin_transaction(),
            _ => {}
        }
        let (turn, now) = (self.turn, self.now);
        let stamps = &self.stamps;
        match self.view.call(&call, turn, now, || stamps.next()) {
            Next::Now(reply) => {
                let op = next_op(&mut self.ops);
                self.see(Seen::Called { op, call, allow_concurrency });
                self.see(Seen::Returned(op, reply.clone()));
                Answer::Now(reply)
            }
            Next::Ask(query, reading) => {
                let op = self.begin(PendingWhat::Read(Some(reading)), !allow_concurrency);
                self.asking.insert(op, turn);
                self.see(Seen::Called { op, call, allow_concurrency });
                self.wanted.push(Wanted::Read(op, query));
                Answer::Pending(op)
            }
        }
    }

    /// O3: it leaves the input gate open. With nothing to save there is nothing to wait for.
    fn sync(&mut self) -> Answer {
        if self.unsaved.is_empty() && !self.view.has_written() {
            let op = next_op(&mut self.ops);
            self.see(Seen::Called { op, call: Call::Sync, allow_concurrency: false });
            self.see(Seen::Returned(op, Reply::Done));
            return Answer::Now(Reply::Done);
        }
        let op = self.begin(PendingWhat::Sync, false);
        self.see(Seen::Called { op, call: Call::Sync, allow_concurrency: false });
        self.wanted.push(Wanted::Sync(op));
        Answer::Pending(op)
    }

    fn begin_transaction(&mut self) -> Answer {
        let op = next_op(&mut self.ops);
        self.see(Seen::Called { op, call: Call::Transaction, allow_concurrency: false });
        if let Err(error) = self.view.begin_transaction() {
            let reply = Reply::Refused(error);
            self.see(Seen::Returned(op, reply.clone()));
            return Answer::Now(reply);
        }
        self.transaction = Some(op);
        Answer::Pending(op)
    }

    fn end_transaction(&mut self, op: OpId, result: Result<(), Arc<str>>) -> bool {
        if self.transaction != Some(op) {
            return false;
        }
        self.transaction = None;
        let reply = match result {
            Ok(()) => {
                self.view.commit_transaction(self.turn);
                Reply::Done
            }
            Err(why) => {
                self.view.roll_back_transaction();
                Reply::RolledBack(why)
            }
        };
        self.see(Seen::Returned(op, reply));
        true
    }

    /// The instance is reset: of a transaction in progress nothing stays (S5).
    pub(crate) fn abort_transaction(&mut self, why: Arc<str>) {
        if let Some(op) = self.transaction {
            self.end_transaction(op, Err(why));
        }
    }

    /// Whether a transaction is in progress: no other event is delivered.
    pub(crate) fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    fn begin(&mut self, what: PendingWhat, closes_gate: bool) -> OpId {
        let op = next_op(&mut self.ops);
        let (in_section, transaction) = (self.in_section, self.transaction);
        self.pending.insert(op, Pending { what, in_section, transaction, closes_gate });
        self.of_sections.extend(in_section.then_some(op));
        self.closing += u32::from(closes_gate);
        op
    }

    /// A turn begins with the delivery of something.
    pub(crate) fn begin_turn(&mut self, now: Now, calls_max: u32) {
        self.turn += 1;
        self.now = now;
        self.calls_left = calls_max;
        self.over_budget = false;
        self.in_section = false;
    }

    /// The turn is over: its writes.
    pub(crate) fn end_turn(&mut self) -> Option<TurnWrites> {
        let writes = self.view.end_turn(self.turn)?;
        self.unsaved.push_back(self.turn);
        Some(writes)
    }

    /// A turn's writes are durable: of this instance, or of one that it goes on from.
    ///
    /// # Panics
    ///
    /// If those of an earlier turn are not (S3).
    pub(crate) fn saved(&mut self, writes: &TurnWrites) {
        assert_eq!(self.unsaved.pop_front(), Some(writes.turn), "S3: turns become durable in order");
        self.view.saved(writes.turn, &writes.keys);
    }

    /// Whether every write up to and including `turn` is durable.
    pub(crate) fn is_durable(&self, turn: u32) -> bool {
        self.unsaved.front().is_none_or(|first| *first > turn)
    }

    /// Whether everything that the instance wrote in turns that are over is durable.
    pub(crate) fn is_saved(&self) -> bool {
        self.unsaved.is_empty()
    }

    /// The datastore's answer to a read, as object code gets it.
    ///
    /// # Panics
    ///
    /// If `op` is not a read that waits.
    pub(crate) fn answered(&mut self, op: OpId, answer: Row) -> Reply {
        let pending = self.pending.get_mut(&op).expect("an answer is for a pending read");
        let PendingWhat::Read(reading) = &mut pending.what else { panic!("{op:?} is no read") };
        let reading = reading.take().expect("a read is answered once");
        self.asking.remove(&op);
        self.view.answered(reading, answer)
    }

    /// The operation has its result.
    pub(crate) fn settled(&mut self, op: OpId) {
        if let Some(Pending { closes_gate: true, .. }) = self.pending.remove(&op) {
            self.closing -= 1;
        }
    }

    /// Whether a read is outstanding that closes the input gate (O3).
    pub(crate) fn reads_in_the_way(&self) -> bool {
        self.closing > 0
    }

    /// O3: whether the input gate is closed until the operation has its result.
    pub(crate) fn closes_gate(&self, op: OpId) -> bool {
        self.pending.get(&op).is_some_and(|pending| pending.closes_gate)
    }

    /// The first turn with a read that waits for the datastore: writes of that turn and later ones are held back, so
    /// that the read cannot see them (S4).
    pub(crate) fn first_reading_turn(&self) -> Option<u32> {
        // Operations are numbered in the order of turns.
        self.asking.first_key_value().map(|(_, turn)| *turn)
    }

    /// Whether what keeps the gate closed has started the operation or waits for it: the transaction in progress, or else a
    /// `block_concurrency_while` (O3).
    pub(crate) fn is_of_section(&self, op: OpId) -> bool {
        let Some(pending) = self.pending.get(&op) else { return false };
        if self.in_transaction() { pending.transaction == self.transaction } else { pending.in_section }
    }

    /// O3: no section is in progress. What one has left behind waits at the next closed gate like anything else.
    pub(crate) fn leave_sections(&mut self) {
        for op in self.of_sections.drain(..) {
            if let Some(pending) = self.pending.get_mut(&op) {
                pending.in_section = false;
            }
        }
    }

    /// Whether anything is outstanding.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Notes what was seen in the turn in progress.
    pub(crate) fn see(&mut self, seen: Seen) {
        let turn = self.turn;
        self.see_of(turn, seen);
    }

    /// Notes what was seen and belongs to `turn`.
    pub(crate) fn see_of(&mut self, turn: u32, seen: Seen) {
        let by = Source { object: self.object.clone(), instance: self.instance, seq: self.seq, turn };
        self.seq += 1;
        self.journal.push(Observation::Instance { by, seen });
    }

    /// A new identity.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamps.next()
    }
}
