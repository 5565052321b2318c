//! Objects that do whatever the plan says: the differential test of the system against the reference model. Their
//! handlers run small programs that come with the requests; there is nothing they promise beside the rules.
//!
//! The programs of `alarm()` and of the constructor are kept in storage beside the keys that programs play with: so they
//! outlive an instance, a lost turn loses them like everything else in it, and `delete_all` removes them.

mod busy;
mod moments;
mod programs;
mod run;
pub mod script;

use reveille::prelude::*;

use self::run::Told;
use self::script::{Script, ScriptError, Step, programs_of_json, programs_to_json};

/// The scenario: objects of `Scripted`, and of `Silent`, which declares no `alarm()` (A8).
pub fn scenario() -> Scenario {
    Scenario::of::<Scripted<true>>("scripted")
        .class::<Scripted<false>>()
        .about("objects that run small programs of every call in every context, held against the reference model")
        .story(moments::requests, 100)
        .objects(5)
        // Within reach of a short run.
        .limits(Limits { run_ms: 20_000, turn_budget: 200, ..Limits::OF_THE_CONTRACT })
        .with_matrix()
        .gives(&["O1", "O2", "O3", "O4", "O5", "O6", "O7", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "L1", "L2", "L3", "L4",])
}

/// Where the programs of `alarm()` are kept.
const ALARM: &str = "alarm";
/// Where the programs of the next constructors are kept.
const CONSTRUCT: &str = "construct";

/// Runs scripts. `DECLARES_ALARM` says whether it is of the class that declares `alarm()`.
struct Scripted<const DECLARES_ALARM: bool> {
    ctx: Ctx,
}

impl<const DECLARES_ALARM: bool> DurableObject for Scripted<DECLARES_ALARM> {
    const CLASS: &'static str = if DECLARES_ALARM { "Scripted" } else { "Silent" };
    const DECLARES_ALARM: bool = DECLARES_ALARM;
    const ECHOES: bool = true;

    fn new(ctx: Ctx) -> Rc<Self> {
        ctx.block_concurrency_while(construct(ctx.clone()));
        Rc::new(Self { ctx })
    }

    async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
        let Script { steps, alarm, construct } = Script::parse(&request.body)?;
        for (key, programs) in [(ALARM, alarm), (CONSTRUCT, construct)] {
            if !programs.is_empty() {
                drop(self.ctx.storage().put(key, programs_to_json(&programs)));
            }
        }
        let mut told = Told::about(&request);
        run::run(&self.ctx, &steps, &mut told).await?;
        Ok(Response::ok(told.to_string()))
    }

    async fn alarm(self: Rc<Self>, info: AlarmInfo) -> Result<(), Thrown> {
        self.ctx.always("a retry is one that has failed before", info.is_retry == (info.retry_count > 0));
        let programs = kept(&self.ctx, ALARM).await?;
        let steps = programs.get(info.retry_count as usize).map_or(&[][..], Vec::as_slice);
        run::run(&self.ctx, steps, &mut Told::default()).await
    }
}

/// Takes the first of the programs kept for constructors, and runs it.
async fn construct(ctx: Ctx) -> Result<(), Thrown> {
    let mut programs = kept(&ctx, CONSTRUCT).await?;
    if programs.is_empty() {
        return Ok(());
    }
    let steps = programs.remove(0);
    if programs.is_empty() {
        drop(ctx.storage().delete(CONSTRUCT));
    } else {
        drop(ctx.storage().put(CONSTRUCT, programs_to_json(&programs)));
    }
    run::run(&ctx, &steps, &mut Told::default()).await
}

async fn kept(ctx: &Ctx, key: &str) -> Result<Vec<Vec<Step>>, Thrown> {
    let kept = ctx.storage().get(key).await?;
    Ok(kept.map_or(Ok(Vec::new()), |json| programs_of_json(&json))?)
}

impl From<ScriptError> for Thrown {
    fn from(error: ScriptError) -> Self {
        Self(error.to_string())
    }
}
