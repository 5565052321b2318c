//! What has come for an object's code and was not given to it yet, and for how long it could have been: requests of clients and
//! answers of outside services. Time in which the object's gate was closed, or its constructor ran, does not count (W1, W2).

use super::Mark;

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Request(u64),
    Answer(Open),
}

/// A call to an outside service whose result object code was not given yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) instance: u64,
    /// The operation that has made it.
    pub(crate) op: u64,
    pub(crate) call: u64,
}

/// For how long something has waited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waited {
    pub(crate) item: Item,
    pub(crate) since: Mark,
    /// How much of the time until now the gate was open.
    pub(crate) open_ns: u64,
}

/// A request that object code was given and has not answered yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    pub(crate) request: u64,
    instance: u64,
    /// When it was first seen, and when last, that the turns up to one are over.
    over: Option<[(u32, Mark); 2]>,
    /// When its instance has ended without a reset.
    pub(crate) left: Option<Mark>,
    /// When it was told that its answer is made.
    pub(crate) made: Option<Mark>,
}

impl Given {
    /// When it was seen that an answer is made that belongs to this turn: the turn is over.
    pub(crate) fn made(&self, turn: u32) -> Option<Mark> {
        self.made.or_else(|| self.over(turn))
    }

    fn over(&self, turn: u32) -> Option<Mark> {
        self.over?.into_iter().find(|(over, _)| *over >= turn).map(|(_, seen)| seen)
    }
}

/// What waits for the code of one object.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    items: Vec<Waited>,
    given: Vec<Given>,
    pub(crate) calls: Vec<Open>,
    /// Up to when the time is counted.
    at_ns: u64,
    is_closed: bool,
}

impl Waits {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Something waits from now on. The gate is closed, or not.
    pub(crate) fn add(&mut self, item: Item, since: Mark, is_closed: bool) {
        self.go_on(since.at_ns);
        self.is_closed = is_closed;
        self.items.push(Waited { item, since, open_ns: 0 });
    }

    /// Time has passed up to this.
    fn go_on(&mut self, now_ns: u64) {
        let passed_ns = now_ns.saturating_sub(std::mem::replace(&mut self.at_ns, now_ns));
        if !self.is_closed {
            for waited in &mut self.items {
                waited.open_ns = waited.open_ns.saturating_add(passed_ns);
            }
        }
    }

    /// Whether the gate is closed from now on.
    pub(crate) fn set_closed(&mut self, is_closed: bool, now_ns: u64) {
        self.go_on(now_ns);
        self.is_closed = is_closed;
    }

    /// It waits no longer.
    pub(crate) fn take(&mut self, item: Item, now_ns: u64) -> Option<Waited> {
        self.go_on(now_ns);
        let position = self.items.iter().position(|waited| waited.item == item)?;
        Some(self.items.remove(position))
    }

    /// Object code is given a request.
    pub(crate) fn give(&mut self, request: u64, instance: u64) {
        self.given.push(Given { request, instance, over: None, left: None, made: None });
    }

    /// The turns of an instance up to this one are over.
    pub(crate) fn turns_are_over(&mut self, instance: u64, turn: u32, seen: Mark) {
        for given in self.given.iter_mut().filter(|given| given.instance == instance) {
            given.over.get_or_insert([(turn, seen); 2])[1] = (turn, seen);
        }
    }

    /// An instance ends. Unless it is reset or lost, nothing excuses that it leaves a request behind.
    pub(crate) fn leave_given(&mut self, instance: u64, at: Mark, is_reset_or_lost: bool) {
        self.given.retain(|given| given.instance != instance || !is_reset_or_lost);
        self.given.iter_mut().filter(|given| given.instance == instance).for_each(|it| it.left = Some(at));
    }

    /// A newer instance starts. How an older one ended that does not say so is not known.
    pub(crate) fn forget_given(&mut self, before: u64) {
        self.given.retain(|given| given.left.is_some() || given.instance >= before);
    }

    /// The answer to a request is made.
    pub(crate) fn make(&mut self, request: u64, instance: u64, at: Mark) {
        let is_it = |given: &&mut Given| (given.request, given.instance) == (request, instance);
        self.given.iter_mut().find(is_it).into_iter().for_each(|given| given.made = Some(at));
    }

    /// A request is answered, or its client waits no longer.
    pub(crate) fn take_given(&mut self, request: u64) -> Option<Given> {
        let position = self.given.iter().position(|given| given.request == request)?;
        Some(self.given.swap_remove(position))
    }

    /// All that was given and not answered: the history is over.
    pub(crate) fn take_all_given(&mut self) -> Vec<Given> {
        std::mem::take(&mut self.given)
    }

    /// The request that has waited longest waits no longer: it has failed.
    pub(crate) fn fail_first_request(&mut self) {
        let first = self.items.iter().position(|waited| matches!(waited.item, Item::Request(_)));
        first.map(|first| self.items.remove(first));
    }

    /// The call that this operation has made. It is answered.
    pub(crate) fn answered(&mut self, instance: u64, op: u64) -> Option<Open> {
        let position = self.calls.iter().position(|open| (open.instance, open.op) == (instance, op))?;
        Some(self.calls.remove(position))
    }

    /// All that waits: the history is over.
    pub(crate) fn take_all(&mut self, now_ns: u64) -> Vec<Waited> {
        self.go_on(now_ns);
        std::mem::take(&mut self.items)
    }

    /// An instance has ended, or the next one starts: no answer waits for it, or for one before it.
    pub(crate) fn forget(&mut self, instance: u64, now_ns: u64) {
        self.set_closed(false, now_ns);
        self.items.retain(|waited| !matches!(waited.item, Item::Answer(open) if open.instance <= instance));
        self.calls.retain(|open| open.instance > instance);
    }
}
