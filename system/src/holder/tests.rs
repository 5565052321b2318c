//! Answers that come late, doubled, or for a former life: nothing but what asked for them may take them.

mod resets;

use std::rc::Rc;

use super::*;
use crate::ids::{DatacenterId, Epoch, SessionId};
use crate::io::Effects;
use crate::object::api::{Ctx, DurableObject, Request, Response, RustClass, Thrown};
use crate::outbox::Outbox;
use crate::registry::{Change, Registry};
use crate::store::command::{AlarmRow, Command, Holding, Query};
use crate::wire::{self, Ticket};

const ME: MachineId = MachineId(0);
const SLICE: SliceId = SliceId(0);

/// A time that no test comes to.
const FAR_MS: i64 = i64::MAX / 2_000_000;

/// Writes, reads what is not in memory, calls a service, and panics behind two writes.
struct Asking {
    ctx: Ctx,
}

impl DurableObject for Asking {
    const CLASS: &'static str = "Asking";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self { ctx })
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        match request.text().as_str() {
            "write" => self.ctx.storage().put("key", "value").await?,
            "call" => _ = self.ctx.fetch("service", "body").await,
            "panic" => {
                drop((self.ctx.storage().put("key", "value"), self.ctx.storage().set_alarm(FAR_MS)));
                panic!("it was asked to");
            }
            "read key" => return Ok(Response::ok(format!("{:?}", self.ctx.storage().get("key").await?))),
            "get alarm" => return Ok(Response::ok(format!("{:?}", self.ctx.storage().get_alarm().await))),
            _ => _ = self.ctx.storage().get("unknown").await?,
        }
        Ok(Response::ok("done"))
    }
}

/// A holder by itself. Whoever it asks is the test.
struct Lone {
    config: Config,
    holder: Holder,
    outbox: Outbox,
    out: Effects,
    mono_ns: u64,
    registry: Registry,
    index: u64,
    epoch: u32,
    requests: u64,
}

/// An answer to something that the holder has asked.
type Told = Message;

impl Lone {
    fn boot(seed: u64, registry: Registry, index: u64, epoch: u32) -> Self {
        let config = Config::new(1, 2, 1, 1);
        let classes = Classes::default().with(RustClass::<Asking>::default());
        let (mut outbox, mut out) = (Outbox::default(), Effects::default());
        let now = Now { mono_ns: 1, wall_ns: 1 };
        let mut cx = Cx { now, config: &config, outbox: &mut outbox, out: &mut out };
        let holder = Holder::new(ME, seed, classes, &mut cx);
        Self { config, holder, outbox, out, mono_ns: 1, registry, index, epoch, requests: 0 }
    }

    fn step(&mut self, happens: impl FnOnce(&mut Holder, &mut Cx<'_>)) {
        self.mono_ns += NS_PER_MS;
        let now = Now { mono_ns: self.mono_ns, wall_ns: 1 };
        let Self { config, holder, outbox, out, .. } = self;
        happens(holder, &mut Cx { now, config, outbox, out });
    }

    /// What the holder has sent to anybody.
    fn sent(&mut self) -> Vec<Message> {
        self.outbox.drain_into(&mut self.out);
        let sends = std::mem::take(&mut self.out.sends);
        sends.iter().flat_map(|(_, bytes)| wire::decode(bytes).expect("our own datagram")).collect()
    }

    /// The answers to all that it asks now, made but not given.
    fn answers(&mut self) -> Vec<Told> {
        let sent = self.sent();
        sent.into_iter().filter_map(|message| self.answer(message)).collect()
    }

    fn answer(&mut self, message: Message) -> Option<Told> {
        match message {
            Message::Propose { ask, command, .. } => {
                self.index += 1;
                let applied = match command {
                    Command::Registry(change) => {
                        self.registry.apply(&change);
                        Applied::Registry(self.registry.roster().clone())
                    }
                    Command::Claim(_) => {
                        self.epoch += 1;
                        Applied::Claimed(Epoch(self.epoch))
                    }
                    Command::Commit(_) => Applied::Committed,
                    Command::Release(_) => Applied::Released,
                };
                Some(Message::Proposed { ask, result: Proposed::Applied { applied, index: self.index } })
            }
            Message::Read { ask, query, .. } => {
                let answer = match query {
                    Query::Holder { .. } => Answer::Holder(Epoch(self.epoch), None),
                    // A2: an alarm of this epoch, which a later one may have replaced.
                    Query::Due { .. } => {
                        let alarm = Stamp { epoch: Epoch(self.epoch), count: 1 };
                        let row =
                            AlarmRow { alarm, scheduled_ms: FAR_MS, retry_count: 0, not_before_ms: FAR_MS };
                        Answer::Due(vec![(ObjectName::new("Asking", &self.epoch.to_string()), row)])
                    }
                    _ => Answer::Value(None),
                };
                Some(Message::ReadDone { ask, answer })
            }
            _ => None,
        }
    }

    fn give(&mut self, told: &Told) {
        let from = Route::direct(ME);
        self.step(|holder, cx| match told.clone() {
            Message::Proposed { ask, result } => holder.proposed(from, ask, result, cx),
            Message::ReadDone { ask, answer } => holder.read_done(from, ask, answer, cx),
            other => panic!("{other:?} is no answer"),
        });
    }

    /// Gives each question its answer until there are no more. Gives all answers.
    fn run(&mut self) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            let answers = self.answers();
            if answers.is_empty() {
                return all;
            }
            answers.iter().for_each(|told| self.give(told));
            all.extend(answers);
        }
    }

    fn request(&mut self, body: &'static str) {
        self.request_to(body, body);
    }

    fn request_to(&mut self, object: &str, body: &'static str) {
        self.requests += 1;
        let (number, session) = (self.requests, self.holder.env.membership.session().expect("it has one"));
        let ticket = Ticket { stream: SessionId(1), session, number };
        let (request, object) = (RequestId(number), ObjectName::new("Asking", object));
        let message =
            Message::Request { ticket, below: 1, request, object, body: Bytes::from_static(body.as_bytes()) };
        self.step(|holder, cx| holder.delivery(Route::direct(MachineId(1)), message, cx));
    }

    /// The machine's session is over, and it hears of it. Then it opens the next one.
    fn end_session(&mut self) {
        let live = self.registry.roster().session_of(ME).expect("it has one");
        self.registry.apply(&Change::End { session: live.id, renewal: live.renewal });
        self.hear();
        self.step(|holder, cx| holder.tick(cx));
    }

    fn hear(&mut self) {
        self.index += 1;
        let (index, roster) = (self.index, self.registry.roster().clone());
        self.step(|holder, cx| holder.heard(index, roster, cx));
    }

    fn assign(&mut self, to: MachineId) {
        let datacenter = DatacenterId(0);
        if self.registry.roster().leader_of(datacenter).is_none() {
            let session = self.registry.roster().session_of(ME).expect("it has one").id;
            let over = self.registry.roster().term_of(datacenter);
            self.registry.apply(&Change::Lead { datacenter, session, over });
        }
        let term = self.registry.roster().term_of(datacenter);
        let over = self.registry.roster().assignments();
        self.registry.apply(&Change::Assign { datacenter, term, over, moves: vec![(SLICE, to)] });
        self.hear();
    }

    /// What can be seen of it, apart from what it asks: its stays, and what it waits for in each.
    fn state(&self) -> String {
        let slices = self.holder.slices.values();
        let slices: Vec<_> = slices.map(|slice| (slice.tenure(), slice.is_leaving())).collect();
        format!("{slices:?} {:?} {:?}", self.holder.env.client, self.holder.env.requests)
    }

    /// None of these changes anything, once or twice.
    fn ignores(&mut self, told: &[Told], when: &str) {
        self.sent();
        let (state, observed) = (self.state(), self.out.observed.len());
        for told in told.iter().chain(told) {
            self.give(told);
            assert_eq!(self.state(), state, "{when}: {told:?}");
        }
        assert_eq!(self.sent(), [], "{when}");
        assert_eq!(self.out.observed.len(), observed, "{when}");
    }
}

fn fresh() -> Lone {
    let registry = Registry::new(&Config::new(1, 2, 1, 1));
    Lone::boot(7, registry, 0, 0)
}

/// What is asked in it, and how it is reached.
type Stage = (&'static str, Box<dyn Fn(&mut Lone)>);

/// The stages of a stay in which something is asked: how each is reached, with the question open.
fn stages() -> Vec<Stage> {
    let after = |steps: usize| {
        move |lone: &mut Lone| {
            for _ in 0..steps {
                lone.answers().iter().for_each(|told| lone.give(told));
            }
        }
    };
    let serving = |lone: &mut Lone, body: &'static str| {
        lone.run();
        lone.request(body);
    };
    vec![
        ("who holds it", Box::new(after(1))),
        ("claim", Box::new(after(2))),
        ("due", Box::new(after(3))),
        ("commit", Box::new(move |lone| serving(lone, "write"))),
        ("read", Box::new(move |lone| serving(lone, "read"))),
        (
            "release",
            Box::new(|lone| {
                lone.run();
                lone.assign(MachineId(1));
                lone.step(|holder, cx| holder.tick(cx));
            }),
        ),
    ]
}

fn of_slice(told: &[Told]) -> Vec<Told> {
    let is_registry = |told: &Told| {
        matches!(
            told,
            Message::Proposed { result: Proposed::Applied { applied: Applied::Registry(_), .. }, .. }
        )
    };
    told.iter().filter(|told| !is_registry(told)).cloned().collect()
}

/// A2, O1: the answer comes after the session has ended and the machine has claimed the slice anew, at whatever it is then.
#[test]
fn an_answer_of_an_earlier_stay_is_not_taken_for_one_of_this() {
    for (asked, reach) in stages() {
        let mut lone = fresh();
        reach(&mut lone);
        let late = of_slice(&lone.answers());
        assert_eq!(late.len(), 1, "{asked}");
        lone.end_session();
        let opens = lone.answers();
        lone.ignores(&late, asked);
        opens.iter().for_each(|told| lone.give(told));
        if lone.registry.roster().assigned(SLICE) != ME {
            lone.assign(ME);
        }
        for stage in 0..5 {
            let now = lone.answers();
            lone.ignores(&late, &format!("{asked}, in stage {stage} of the next stay"));
            now.iter().for_each(|told| lone.give(told));
        }
        assert!(lone.holder.slices.contains_key(&SLICE), "{asked}: it is held again");
    }
}

/// The same answer a second time, at once and after whatever came next.
#[test]
fn an_answer_counts_once() {
    for (asked, reach) in stages() {
        let mut lone = fresh();
        reach(&mut lone);
        let told = of_slice(&lone.answers());
        told.iter().for_each(|told| lone.give(told));
        let next = lone.answers();
        lone.ignores(&told, asked);
        next.iter().for_each(|told| lone.give(told));
        lone.run();
        lone.ignores(&told, asked);
    }
}

/// What a former life of the machine has asked is answered to its next one.
#[test]
fn an_answer_for_a_former_life_is_none() {
    for (asked, reach) in stages() {
        let mut lone = fresh();
        let opened = lone.answers();
        opened.iter().for_each(|told| lone.give(told));
        reach(&mut lone);
        let late = lone.answers();
        let mut next = Lone::boot(8, lone.registry.clone(), lone.index, lone.epoch);
        for stage in 0..5 {
            let now = next.answers();
            next.ignores(&late, &format!("{asked}, in stage {stage} of the next life"));
            next.ignores(&opened, &format!("open, in stage {stage} of the next life"));
            now.iter().for_each(|told| next.give(told));
        }
    }
}

/// The answer of a service belongs to the stay in which it was called.
#[test]
fn a_call_of_an_earlier_stay_is_answered_to_nobody() {
    let mut lone = fresh();
    lone.run();
    lone.request("call");
    lone.run();
    let call = lone.out.outside.pop().expect("it has called").call;
    lone.end_session();
    lone.run();
    let observed = lone.out.observed.len();
    lone.step(|holder, cx| holder.answered(call, Err(OutsideError::Disconnected), cx));
    assert_eq!((lone.sent(), lone.out.observed.len()), (Vec::new(), observed));
    assert!(lone.holder.env.calls.is_empty());
}

/// O1: requests that wait for a slice which is left are handed back, and a delivery that was is never taken again.
#[test]
fn o1_what_waits_for_a_slice_that_is_left_is_handed_back_for_good() {
    let mut lone = fresh();
    lone.answers().iter().for_each(|told| lone.give(told));
    lone.request("write");
    lone.sent();
    lone.assign(MachineId(1));
    let is_handed_back =
        |sent: &[Message]| sent.iter().filter(|it| matches!(it, Message::NotHere { .. })).count();
    assert_eq!(is_handed_back(&lone.sent()), 1);
    lone.assign(ME);
    lone.run();
    lone.requests = 0;
    lone.request("write");
    assert_eq!(is_handed_back(&lone.sent()), 1, "told once more");
    assert!(
        lone.out.observed.iter().all(|seen| !matches!(seen, Observation::Instance { .. })),
        "and not given"
    );
}

/// The group of the slice answers no claim, though the last one may well have been applied. What the machine gave up it is never
/// seen to serve, even if it is given the slice again and the old claim is found.
#[test]
fn l2_a_slice_whose_group_does_not_answer_is_given_up_and_o1_served_under_no_epoch_that_was() {
    let mut lone = fresh();
    let tick = |lone: &mut Lone| {
        lone.mono_ns += 500 * NS_PER_MS;
        lone.step(|holder, cx| holder.tick(cx));
    };
    let is_claim = |message: &Message| matches!(message, Message::Propose { command: Command::Claim(_), .. });
    for _ in 0..25 {
        loop {
            let sent = lone.sent();
            if sent.is_empty() {
                break;
            }
            let answered = sent.into_iter().filter(|message| !is_claim(message));
            let told: Vec<Told> = answered.filter_map(|message| lone.answer(message)).collect();
            told.iter().for_each(|told| lone.give(told));
        }
        tick(&mut lone);
    }
    let roster = lone.registry.roster();
    let session = roster.session_of(ME).expect("it has one").id;
    let holding = Holding { machine: ME, session, released: false };
    assert!(roster.yields().include(SLICE, Epoch(1), holding), "{roster:?}");
    for _ in 0..5 {
        tick(&mut lone);
        lone.run();
    }
    let served = lone.out.observed.iter().filter_map(|observation| match observation {
        Observation::Serving { epoch, .. } => Some(*epoch),
        _ => None,
    });
    assert_eq!(served.collect::<Vec<_>>(), [Epoch(2)]);
}
