//! O7, O3: no handler, however it loops over calls, ends the process or keeps its machine from anything else.
//!
//! A handler here is a loop over one call or two, each awaited or not, a hundred thousand times. Either it comes to its end,
//! or its object is reset for the budget of a turn, or it goes on from turn to turn while the machine serves others.

use std::rc::Rc;

use reveille_system::ids::ObjectName;
use reveille_system::object::api::{
    AlarmInfo, Ctx, DurableObject, List, Request, Response, RustClass, Thrown,
};
use reveille_system::object::class::Classes;
use reveille_system::observe::{Observation, Seen};

mod alone;

use alone::Alone;

/// So often each loop makes its calls.
const TIMES: u32 = 100_000;
/// The machine is given so many inputs before a handler that has not ended is left to itself.
const INPUTS_MAX: usize = 1_000;
/// O7: more than any loop here takes of it in one turn.
const BUDGET_MAX: u32 = 1_000_000;

/// One thing that object code can do with its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Get,
    GetUnknown,
    GetConcurrently,
    GetMany,
    GetManyUnknown,
    Put,
    PutNew,
    PutMany,
    Delete,
    DeleteUnknown,
    DeleteMany,
    List,
    ListUnknown,
    DeleteAll,
    DeleteAllButAlarm,
    Sync,
    GetAlarm,
    SetAlarm,
    DeleteAlarm,
    Transaction,
    RollBack,
    NestedTransaction,
    Section,
    SectionWithSync,
    Fetch,
    LookAtClock,
}

const ACTS: &[Act] = &[
    Act::Get,
    Act::GetUnknown,
    Act::GetConcurrently,
    Act::GetMany,
    Act::GetManyUnknown,
    Act::Put,
    Act::PutNew,
    Act::PutMany,
    Act::Delete,
    Act::DeleteUnknown,
    Act::DeleteMany,
    Act::List,
    Act::ListUnknown,
    Act::DeleteAll,
    Act::DeleteAllButAlarm,
    Act::Sync,
    Act::GetAlarm,
    Act::SetAlarm,
    Act::DeleteAlarm,
    Act::Transaction,
    Act::RollBack,
    Act::NestedTransaction,
    Act::Section,
    Act::SectionWithSync,
    Act::Fetch,
    Act::LookAtClock,
];

impl Act {
    fn is_transaction(self) -> bool {
        matches!(self, Act::Transaction | Act::RollBack | Act::NestedTransaction)
    }
}

/// A handler: what it does again and again, and whether it awaits it.
#[derive(Clone, Debug)]
struct Loop {
    acts: Vec<(Act, bool)>,
    times: u32,
}

impl Loop {
    fn of(acts: &[(Act, bool)]) -> Self {
        Self { acts: acts.to_vec(), times: TIMES }
    }

    /// As the body of a request: a loop's length, and two bytes for each act.
    fn to_body(&self) -> Vec<u8> {
        let place =
            |act: Act| ACTS.iter().position(|known| *known == act).and_then(|at| u8::try_from(at).ok());
        let acts = self
            .acts
            .iter()
            .flat_map(|(act, awaits)| [place(*act).expect("every act is listed"), u8::from(*awaits)]);
        self.times.to_le_bytes().into_iter().chain(acts).collect()
    }

    fn of_body(body: &[u8]) -> Self {
        let (times, acts) = body.split_first_chunk().expect("a loop has a length");
        let acts = acts.as_chunks().0.iter().map(|[act, awaits]| (ACTS[usize::from(*act)], *awaits != 0));
        Self { acts: acts.collect(), times: u32::from_le_bytes(*times) }
    }
}

struct Looping {
    ctx: Ctx,
}

impl DurableObject for Looping {
    const CLASS: &'static str = "Looping";
    const DECLARES_ALARM: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self { ctx })
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        let Loop { acts, times } = Loop::of_body(&request.body);
        for round in 0..times {
            for (act, awaits) in &acts {
                self.act(*act, *awaits, round).await?;
            }
        }
        Ok(Response::ok("done"))
    }

    async fn alarm(self: Rc<Self>, _info: AlarmInfo) -> Result<(), Thrown> {
        Ok(())
    }
}

/// Awaits a call's result, or drops it.
macro_rules! call {
    ($awaits:ident, $call:expr) => {{
        let call = $call;
        if $awaits {
            _ = call.await;
        }
    }};
}

impl Looping {
    async fn act(&self, act: Act, awaits: bool, round: u32) -> Result<(), Thrown> {
        let storage = self.ctx.storage();
        let unknown = || format!("unknown {round}");
        match act {
            Act::Get => call!(awaits, storage.get("known")),
            Act::GetUnknown => call!(awaits, storage.get(unknown())),
            Act::GetConcurrently => call!(awaits, storage.allow_concurrency().get(unknown())),
            Act::GetMany => call!(awaits, storage.get_many(["known"])),
            Act::GetManyUnknown => call!(awaits, storage.get_many([unknown()])),
            Act::Put => call!(awaits, storage.put("known", "value")),
            Act::PutNew => call!(awaits, storage.put(format!("new {round}"), "value")),
            Act::PutMany => call!(awaits, storage.put_many([("known", "value"), ("other", "value")])),
            Act::Delete => call!(awaits, storage.delete("known")),
            Act::DeleteUnknown => call!(awaits, storage.delete(unknown())),
            Act::DeleteMany => call!(awaits, storage.delete_many(["known", "other"])),
            Act::List => call!(awaits, storage.list(List { limit: Some(1), ..List::default() })),
            Act::ListUnknown => {
                call!(awaits, storage.list(List { start: Some(unknown().into()), ..List::default() }));
            }
            Act::DeleteAll => call!(awaits, storage.delete_all()),
            Act::DeleteAllButAlarm => call!(awaits, storage.delete_all_preserving_alarm()),
            Act::Sync => call!(awaits, storage.sync()),
            Act::GetAlarm => call!(awaits, storage.get_alarm()),
            Act::SetAlarm => call!(awaits, storage.set_alarm(self.ctx.now_ms() + 1_000)),
            Act::DeleteAlarm => call!(awaits, storage.delete_alarm()),
            Act::Transaction => {
                let ctx = self.ctx.clone();
                call!(awaits, storage.transaction(async move { ctx.storage().put("known", "value").await }));
            }
            Act::RollBack => {
                call!(awaits, storage.transaction(async { Err::<(), _>(Thrown("no".into())) }));
            }
            Act::NestedTransaction => {
                let ctx = self.ctx.clone();
                let nested = async move { ctx.storage().transaction(async { Ok::<_, Thrown>(()) }).await };
                call!(awaits, storage.transaction(nested));
            }
            Act::Section => self.ctx.block_concurrency_while(async { Ok(()) }),
            Act::SectionWithSync => {
                let sync = storage.sync();
                self.ctx.block_concurrency_while(async move {
                    sync.await;
                    Ok(())
                });
            }
            Act::Fetch => call!(awaits, self.ctx.fetch("service", "body")),
            Act::LookAtClock => _ = self.ctx.now_ms(),
        }
        Ok(())
    }
}

fn machine(turn_budget: u32) -> Alone {
    Alone::boot(Classes::default().with(RustClass::<Looping>::default()), |config| {
        config.turn_budget = turn_budget;
    })
}

/// What became of a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Its request was answered: 200 at its end, 500 after a reset.
    Answered(u16),
    /// It goes on, and has been given so many results.
    GoesOn { results: usize },
}

fn run(machine: &mut Alone, object: &str, handler: &Loop, inputs_max: usize) -> End {
    let request = machine.ask(ObjectName::new("Looping", object), handler.to_body());
    let mut results = 0;
    for _ in 0..inputs_max {
        machine.step();
        let is_result = |observed: &Observation| {
            matches!(observed, Observation::Instance { seen: Seen::DeliveredResult(_), .. })
        };
        results += machine.observed.drain(..).filter(is_result).count();
        let answer = machine.answers.iter().position(|answer| answer.request == request);
        if let Some(answer) = answer.and_then(|at| machine.answers.remove(at)) {
            return End::Answered(answer.response.status);
        }
    }
    End::GoesOn { results }
}

/// Whether a machine serves: an object of it answers that has nothing to do.
fn serves(machine: &mut Alone) -> bool {
    let nothing = Loop { acts: Vec::new(), times: 0 };
    run(machine, "idle", &nothing, INPUTS_MAX) == End::Answered(200)
}

/// `sync` with nothing to save is answered at once and counts against the budget of the turn. A call from the output gate into
/// the next turn once ended the process here after some 1,930 of them.
#[test]
fn o7_a_loop_over_sync_ends_with_its_budget() {
    let sync = Loop::of(&[(Act::Sync, true)]);
    assert_eq!(run(&mut machine(10_000), "foo", &sync, INPUTS_MAX), End::Answered(500));
    assert_eq!(run(&mut machine(BUDGET_MAX), "foo", &sync, INPUTS_MAX), End::Answered(200));
}

/// Each call alone, and each two of them, awaited or not. A reset takes its object alone.
#[test]
fn o7_no_loop_over_calls_keeps_its_machine_from_anything_else() {
    let all = || ACTS.iter().flat_map(|act| [(*act, true), (*act, false)]);
    let alone = all().map(|act| Loop::of(&[act]));
    let pairs = all().flat_map(|one| all().map(move |other| Loop::of(&[one, other])));
    for handler in alone.chain(pairs) {
        let mut machine = machine(500);
        // A transaction that is not awaited does not begin.
        let does_nothing = handler.acts.iter().all(|(act, awaits)| act.is_transaction() && !awaits);
        match run(&mut machine, "foo", &handler, INPUTS_MAX) {
            End::Answered(status) => assert_eq!(status == 200, does_nothing, "{handler:?}"),
            End::GoesOn { results } => assert!(results > 100, "{handler:?} has been given {results} results"),
        }
        assert!(serves(&mut machine), "{handler:?}");
    }
}

/// Where the budget is no bound each call can be made so often, in one turn or in as many turns.
#[test]
fn o7_a_loop_within_its_budget_comes_to_its_end() {
    for act in ACTS {
        for awaits in [true, false] {
            let handler = Loop::of(&[(*act, awaits)]);
            assert_eq!(
                run(&mut machine(BUDGET_MAX), "foo", &handler, usize::MAX),
                End::Answered(200),
                "{handler:?}"
            );
        }
    }
}

/// An object whose code does what no host would like.
struct Rude {
    ctx: Ctx,
}

/// Calls its host when it is dropped, and panics unless somebody else does.
struct Parting(Ctx);

impl Drop for Parting {
    fn drop(&mut self) {
        drop(self.0.storage().put("parting", "value"));
        assert!(std::thread::panicking(), "a destructor that panics");
    }
}

impl DurableObject for Rude {
    const CLASS: &'static str = "Rude";
    const DECLARES_ALARM: bool = false;

    fn new(ctx: Ctx) -> Rc<Self> {
        Rc::new(Self { ctx })
    }

    fn fetch(self: Rc<Self>, request: Request) -> impl Future<Output = Result<Response, Thrown>> + 'static {
        let does = request.text();
        assert_ne!(does, "panic before the future");
        async move {
            let parting = Parting(self.ctx.clone());
            match does.as_str() {
                // Another event waits when the first one ends the instance.
                "wait" => _ = self.ctx.fetch("service", "body").await,
                "exceed" => loop {
                    self.ctx.now_ms();
                },
                "catch" => {
                    let exceed = || loop {
                        self.ctx.now_ms();
                    };
                    _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(exceed));
                }
                _ => {}
            }
            std::mem::forget(parting);
            Ok(Response::ok("done"))
        }
    }
}

/// Panics before there is a future, and calls and panics in destructors, with a budget that is used up, are the instance's end
/// and not the machine's. Whoever catches the unwinding that ends his turn has exceeded its budget all the same.
#[test]
fn o7_rude_code_is_reset_and_no_more() {
    for (does, status) in
        [("panic before the future", 500), ("exceed", 500), ("catch", 500), ("nothing", 200)]
    {
        let classes = Classes::default().with(RustClass::<Rude>::default());
        let mut machine = Alone::boot(classes, |config| config.turn_budget = 1_000);
        let object = || ObjectName::new("Rude", "foo");
        machine.ask(object(), "wait");
        machine.ask(object(), does);
        machine.ask(object(), "nothing");
        machine.advance_ms(1_000);
        let told: Vec<u16> = machine.answers.iter().map(|answer| answer.response.status).collect();
        assert_eq!(told.len(), 3, "{does}");
        assert_eq!(
            told.iter().filter(|told| **told != status).count(),
            usize::from(status == 500),
            "{does}: {told:?}"
        );
    }
}
