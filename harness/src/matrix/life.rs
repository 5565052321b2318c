//! One object's events, read for what its calls were made by and what became of them.

use std::collections::BTreeMap;

use reveille_model::history::{By, Delivery, EndReason, OpResult, RunOutcome, What};

use super::{Call, Cell, Context, Matrix, Outcome};

/// An object.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// Its instances in memory: more than one if a machine was thought dead and is not.
    lives: BTreeMap<u64, Life>,
    newest: u64,
    /// Whether a failed alarm waits for its next run.
    in_backoff: bool,
}

/// Who makes the calls of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Maker {
    #[default]
    Constructor,
    Request,
    Handler,
}

#[derive(Debug, Default)]
struct Life {
    /// Who makes the calls of the turn in progress.
    maker: Maker,
    /// Who waits for an operation.
    makers: BTreeMap<u64, Maker>,
    /// Calls without a result.
    open: BTreeMap<u64, (Call, Context)>,
    /// Calls that wrote and are not known to be durable, with their turn.
    written: Vec<(u32, Call, Context)>,
    /// The run in progress.
    run: Option<Run>,
    transaction: Option<Transaction>,
    /// Whether it is lost with its machine.
    is_lost: bool,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    run: u64,
    retry_count: u32,
    /// Whether its alarm has left the slot since it started: then no retry follows.
    replaced: bool,
}

/// A transaction in progress.
#[derive(Debug)]
struct Transaction {
    op: u64,
    /// What wrote in it.
    written: Vec<Call>,
    /// What a rollback brings back.
    in_backoff: bool,
    run: Option<Run>,
}

impl Object {
    pub(super) fn observe(&mut self, by: &By, what: &What, retries_max: u32, matrix: &mut Matrix) {
        if let What::InstanceStart { .. } = what {
            self.newest = by.instance;
            for (_, gone) in self.lives.extract_if(.., |_, life| life.is_lost) {
                gone.end(true, matrix);
            }
        }
        let life = self.lives.entry(by.instance).or_default();
        match what {
            What::Deliver { delivery } => life.deliver(*delivery),
            What::Await { op, .. } => _ = life.makers.insert(*op, life.maker),
            What::Op { op, call, .. } => life.call(*op, Call::of(call), by.turn, self.in_backoff),
            What::OpResult { op, result } => {
                let is_error = matches!(result, OpResult::Error(_));
                self.in_backoff = life.result(*op, is_error, by.turn, self.in_backoff, matrix);
            }
            What::RunStart { run, retry_count, .. } => {
                self.in_backoff = false;
                life.run = Some(Run { run: *run, retry_count: *retry_count, replaced: false });
            }
            What::RunEnd { run, outcome } => {
                let ended = life.run.take_if(|current| current.run == *run);
                let failed = matches!(outcome, RunOutcome::Failed { .. });
                self.in_backoff =
                    ended.is_some_and(|run| failed && !run.replaced && run.retry_count < retries_max);
            }
            What::Commit { .. } => life.durable(by.turn, matrix),
            // Until its successor starts what it wrote may still become durable.
            What::InstanceEnd { reason: EndReason::Lost } => life.is_lost = true,
            What::InstanceEnd { .. } => {
                let life = self.lives.remove(&by.instance).unwrap_or_default();
                life.end(false, matrix);
            }
            _ => {}
        }
    }

    /// The history is over. Who is still in memory then and not superseded has lost nothing.
    pub(super) fn end(self, matrix: &mut Matrix) {
        for (instance, mut life) in self.lives {
            let is_lost = life.is_lost || instance != self.newest;
            if !is_lost {
                life.open.clear();
            }
            life.end(is_lost, matrix);
        }
    }
}

impl Life {
    fn deliver(&mut self, delivery: Delivery) {
        self.maker = match delivery {
            Delivery::Request { .. } => Maker::Request,
            Delivery::Alarm { .. } => Maker::Handler,
            // Of what nobody awaits nobody hears.
            Delivery::Result { op } => self.makers.remove(&op).unwrap_or(self.maker),
        };
    }

    fn context(&self, in_backoff: bool) -> Context {
        if self.transaction.is_some() {
            return Context::Transaction;
        }
        match self.maker {
            Maker::Constructor => Context::Constructor,
            Maker::Handler => Context::Handler,
            Maker::Request if self.run.is_some() => Context::Beside,
            Maker::Request if in_backoff => Context::Backoff,
            Maker::Request => Context::Request,
        }
    }

    fn call(&mut self, op: u64, call: Call, turn: u32, in_backoff: bool) {
        let context = self.context(in_backoff);
        self.makers.insert(op, self.maker);
        self.open.insert(op, (call, context));
        match &mut self.transaction {
            Some(transaction) if call.writes() => transaction.written.push(call),
            None if call == Call::Transaction => {
                self.transaction = Some(Transaction { op, written: Vec::new(), in_backoff, run: self.run });
            }
            None if call.writes() => self.written.push((turn, call, context)),
            _ => {}
        }
    }

    /// A call has its result. Returns whether a failed alarm waits for its next run then.
    fn result(&mut self, op: u64, is_error: bool, turn: u32, in_backoff: bool, matrix: &mut Matrix) -> bool {
        let Some((call, context)) = self.open.remove(&op) else { return in_backoff };
        if let Some(transaction) = self.transaction.take_if(|transaction| transaction.op == op) {
            return self.end_transaction(transaction, context, is_error, turn, in_backoff, matrix);
        }
        if is_error {
            // A refusal comes at once: what was noted last is not written.
            match &mut self.transaction {
                Some(transaction) => _ = transaction.written.pop_if(|written| *written == call),
                None => _ = self.written.pop_if(|(_, written, _)| *written == call),
            }
            matrix.add(Cell { call, context, outcome: Outcome::Refused });
            return in_backoff;
        }
        if !call.writes() {
            matrix.add(Cell { call, context, outcome: Outcome::Done });
        }
        if call.replaces_alarm() {
            self.run.iter_mut().for_each(|run| run.replaced = true);
            return false;
        }
        in_backoff
    }

    fn end_transaction(
        &mut self,
        transaction: Transaction,
        context: Context,
        is_rolled_back: bool,
        turn: u32,
        in_backoff: bool,
        matrix: &mut Matrix,
    ) -> bool {
        let inside = transaction.written.into_iter().map(|call| (call, Context::Transaction));
        let all = inside.chain([(Call::Transaction, context)]);
        if is_rolled_back {
            self.run = transaction.run;
            all.for_each(|(call, context)| matrix.add(Cell { call, context, outcome: Outcome::RolledBack }));
            return transaction.in_backoff;
        }
        self.written.extend(all.map(|(call, context)| (turn, call, context)));
        in_backoff
    }

    /// S3: with a turn everything before it is durable.
    fn durable(&mut self, turn: u32, matrix: &mut Matrix) {
        let of_later = self.written.iter().position(|(written, ..)| *written > turn);
        for (_, call, context) in self.written.drain(..of_later.unwrap_or(self.written.len())) {
            matrix.add(Cell { call, context, outcome: Outcome::Done });
        }
    }

    /// It is gone. `is_lost` says whether what was not durable is lost; else there was nothing left to make durable.
    fn end(self, is_lost: bool, matrix: &mut Matrix) {
        let outcome = if is_lost { Outcome::Lost } else { Outcome::Done };
        for (_, call, context) in self.written {
            matrix.add(Cell { call, context, outcome });
        }
        let inside = self.transaction.iter().flat_map(|transaction| &transaction.written);
        for call in inside {
            matrix.add(Cell { call: *call, context: Context::Transaction, outcome: Outcome::Lost });
        }
        let is_open = |(call, _): &(Call, Context)| !call.writes() || *call == Call::Transaction;
        for (call, context) in self.open.into_values().filter(is_open) {
            matrix.add(Cell { call, context, outcome: Outcome::Lost });
        }
    }
}
