//! Tells a piece of a history as a timeline that somebody can follow who has never seen the code.

mod calls;
mod faults;
mod life;

use std::collections::BTreeSet;
use std::fmt::Write;

use reveille_model::history::{
    AwaitKind, By, Cause, Delivery, EndReason, Event, Header, History, OpResult, Outcome, Phase, Process,
    RunOutcome, Scope, StorageCall, What,
};
use reveille_model::verdict::Violation;

use self::calls::{call_text, result_text};
pub use self::life::life;
pub(crate) use self::life::of_it;
use crate::sheet::{Ink, Sheet};
use crate::told;

/// True time as it stands in stories: seconds since the begin of the run, to the millisecond.
pub fn seconds(at_ns: u64) -> String {
    format!("{}.{:03} s", at_ns / 1_000_000_000, at_ns / 1_000_000 % 1_000)
}

/// The timeline of a violation: the events that prove it, marked, among the events that explain them.
pub fn timeline(history: &History, violation: &Violation) -> String {
    timeline_on(history, violation, Sheet::PLAIN)
}

/// Mark and time stand before who did it.
const WHO_COLUMN: usize = 13;

/// The same on a sheet: who, and what, in two columns. In the words of the second one the violation's object is "it".
pub(crate) fn timeline_on(history: &History, violation: &Violation, sheet: Sheet) -> String {
    let proof: BTreeSet<usize> = violation.evidence.iter().copied().collect();
    let mut shown = proof.clone();
    if let (Some(first), Some(last)) = (proof.first(), proof.last()) {
        let calls = calls_of(history, violation);
        shown.extend((*first..=*last).filter(|index| explains(history, *index, violation, &calls)));
        shown.extend(few_faults(history).into_iter().filter(|index| index <= last));
    }
    let object = violation.object.as_ref().map(ToString::to_string);
    let places: Vec<(usize, String)> =
        shown.into_iter().map(|index| (index, place(&history.header, &history.events[index]))).collect();
    let widest = places.iter().map(|(_, place)| place.len()).max().unwrap_or(0).max("who".len());
    let it = object.as_ref().map_or(String::new(), |object| format!("; \"it\" is {object}"));
    let key = sheet.sentences(&format!("> marks what proves it{it}"));
    let head = format!("  {:>9}  {:<widest$}  what", "time (s)", "who");
    let mut text = format!("{}\n{}\n", sheet.ink(Ink::Faint, key), sheet.ink(Ink::Faint, head));
    for (index, place) in places {
        let event = &history.events[index];
        let sentence = clipped(sentence(history, event));
        let what = object.as_ref().map_or_else(|| sentence.clone(), |it| of_it(sentence.clone(), it));
        let is_proof = proof.contains(&index);
        let mark = if is_proof { sheet.ink(Ink::Broken, '>') } else { " ".to_owned() };
        let at = format!("{}.{:03}", event.at_ns / 1_000_000_000, event.at_ns / 1_000_000 % 1_000);
        let begin = sheet.ink(Ink::Faint, format_args!("{at:>9}  {place:<widest$}"));
        write!(text, "{mark} {begin}").expect("writing to a string succeeds");
        let column = WHO_COLUMN + widest + 2;
        for (number, line) in sheet.column(&what, column).iter().enumerate() {
            let before = if number == 0 { 2 } else { column };
            let line = if is_proof { sheet.ink(Ink::Strong, line) } else { line.clone() };
            writeln!(text, "{:before$}{line}", "").expect("writing to a string succeeds");
        }
    }
    text
}

/// A sentence of a line's length: bodies and values may have a hundred thousand letters.
fn clipped(sentence: String) -> String {
    const LETTERS_MAX: usize = 400;
    const KEPT: usize = 200;
    let letters = sentence.chars().count();
    if letters <= LETTERS_MAX {
        return sentence;
    }
    let begin: String = sentence.chars().take(KEPT).collect();
    format!("{}... ({letters} letters)", begin.trim_end())
}

/// The calls to outside services of the object that a violation is about.
fn calls_of(history: &History, violation: &Violation) -> BTreeSet<u64> {
    let own =
        |event: &&Event| event.by.as_ref().is_some_and(|by| Some(&by.object) == violation.object.as_ref());
    let call = |event: &Event| match event.what {
        What::Outbound { call, .. } => Some(call),
        _ => None,
    };
    history.events.iter().filter(own).filter_map(call).collect()
}

/// Of a run with few faults all of them are told, those before the story begins too: what is in a small plan matters.
const FEW_FAULTS_MAX: usize = 6;

/// Where faults begin and end, if there are few.
fn few_faults(history: &History) -> Vec<usize> {
    let is_begin = |event: &&Event| matches!(event.what, What::FaultBegin { .. });
    let few = history.events.iter().filter(is_begin).count() <= FEW_FAULTS_MAX;
    let numbered = history.events.iter().enumerate().filter(|_| few);
    let is_fault = |event: &Event| matches!(event.what, What::FaultBegin { .. } | What::FaultEnd { .. });
    numbered.filter(|(_, event)| is_fault(event)).map(|(index, _)| index).collect()
}

/// Whether an event that is not proof helps to understand it: the life of the object, what outside services refused it, and
/// the faults.
fn explains(history: &History, index: usize, violation: &Violation, calls: &BTreeSet<u64>) -> bool {
    let event = &history.events[index];
    let of_object = event.by.as_ref().is_some_and(|by| Some(&by.object) == violation.object.as_ref());
    match &event.what {
        What::InstanceStart { .. }
        | What::InstanceEnd { .. }
        | What::RunStart { .. }
        | What::RunEnd { .. } => of_object,
        What::FaultBegin { scope: Scope::Machine(machine), .. } => hosts(history, *machine, violation, index),
        What::OutboundAnswer { call, status, .. } => {
            calls.contains(call) && !matches!(status, Some(200..=299))
        }
        What::DiskDamaged => true,
        _ => false,
    }
}

/// Whether the violation's object was in memory on `machine` at event `index`.
fn hosts(history: &History, machine: u16, violation: &Violation, index: usize) -> bool {
    let life = |event: &&Event| {
        let of_object = event.by.as_ref().is_some_and(|by| Some(&by.object) == violation.object.as_ref());
        of_object && matches!(event.what, What::InstanceStart { .. } | What::InstanceEnd { .. })
    };
    let last = history.events[..index].iter().rev().find(life);
    last.is_some_and(|event| {
        matches!(event.what, What::InstanceStart { .. })
            && event.place.is_some_and(|place| place.machine == machine)
    })
}

/// Where an event happened, or whom it strikes.
pub(crate) fn place(header: &Header, event: &Event) -> String {
    let struck = match &event.what {
        What::FaultBegin { scope: Scope::Machine(machine), .. } => Some(*machine),
        _ => None,
    };
    if let Some(machine) = event.place.map(|place| place.machine).or(struck) {
        return machine_text(header, machine);
    }
    match &event.what {
        What::Call { .. } | What::Return { .. } => "client".into(),
        What::OutboundArrive { .. } | What::OutboundAnswer { .. } => "outside service".into(),
        What::AtRest { .. } => "datastore".into(),
        _ => "world".into(),
    }
}

/// A machine and its datacenter, as they stand in stories.
pub(crate) fn machine_text(header: &Header, machine: u16) -> String {
    let datacenter = header.datacenter_of.get(usize::from(machine)).copied().unwrap_or_default();
    format!("machine {machine} (dc {datacenter})")
}

/// What happened, as a sentence without its subject's place.
pub fn sentence(history: &History, event: &Event) -> String {
    let object = event.by.as_ref().map_or(String::new(), |By { object, .. }| object.to_string());
    match &event.what {
        What::Call { request, to, head, body } => format!("request {request} to {to}: {head}{body:?}"),
        What::Return { request, outcome: Outcome::Answered { status, body, .. } } => {
            format!("request {request} is answered: {status} {body:?}")
        }
        What::Return { request, outcome: Outcome::Unknown } => {
            format!("request {request} gets no answer; whether it had an effect is unknown")
        }
        What::Return { request, outcome: Outcome::Refused { reason } } => {
            format!("request {request} is refused: {reason}")
        }
        What::InstanceStart { cause, .. } => {
            let cause = match cause {
                Some(Cause::Request) => " for a request",
                Some(Cause::Alarm) => " for its alarm",
                None => "",
            };
            format!("{object} is brought into memory{cause}; its constructor starts")
        }
        What::ConstructorEnd { failed: None } => format!("{object}: the constructor has ended"),
        What::ConstructorEnd { failed: Some(why) } => format!("{object}: the constructor failed: {why}"),
        What::InstanceEnd { reason } => format!("{object} {}", ended(reason)),
        What::Deliver { delivery } => format!("{object}: {} is delivered", delivered(*delivery)),
        What::Gate { closed: true } => format!("{object} lets nothing in until what it began has ended"),
        What::Gate { closed: false } => format!("{object} lets events in again"),
        What::Await { op, kind } => format!("{object} awaits operation {op} ({})", awaited(*kind)),
        What::Op { op, call: made, allow_concurrency } => {
            let lets_in = if *allow_concurrency { ", other events get in meanwhile" } else { "" };
            format!("{object}: {}{lets_in}  [operation {op}]", call(history, made))
        }
        What::OpResult { op, result: OpResult::Alarm(Some(time_ms)) } => {
            format!("{object}: operation {op} gives an alarm at {}", wall(history, *time_ms))
        }
        What::OpResult { op, result } => format!("{object}: operation {op} gives {}", result_text(result)),
        What::RunStart { retry_count, scheduled_ms, .. } => {
            let retry = if *retry_count > 0 { format!(", retry {retry_count}") } else { String::new() };
            format!("{object}: alarm() starts, scheduled for {}{retry}", wall(history, *scheduled_ms))
        }
        What::RunEnd { outcome, .. } => format!("{object}: alarm() {}", run_ended(outcome)),
        What::Commit { ends_run } => {
            let turn = event.by.as_ref().map_or(0, |by| by.turn);
            let with = if ends_run.is_some() { ", the end of alarm() with it" } else { "" };
            format!("{object}: what turn {turn} wrote is durable{with}")
        }
        What::Respond { request, status, body, .. } => {
            format!("{object}: the answer to request {request} leaves: {status} {body:?}")
        }
        What::Outbound { call, service, head, body, .. } => {
            format!("{object}: call {call} to {service} leaves: {head}{body:?}")
        }
        What::RequestStart { request, .. } => format!("{object} starts to answer request {request}"),
        What::RequestEnd { request } => format!("{object} has made its answer to request {request}"),
        What::RequestArrive { request } => format!("request {request} arrives"),
        What::AnswerLeave { request, outcome: Outcome::Refused { reason } } => {
            format!("the refusal of request {request} is seen to leave: {reason}")
        }
        What::AnswerLeave { request, outcome: Outcome::Answered { status, body, .. } } => {
            format!("the answer to request {request} is seen to leave: {status} {body:?}")
        }
        What::AnswerLeave { request, outcome: Outcome::Unknown } => {
            format!("request {request} is seen to be given up")
        }
        What::AnswerLost { request } => format!("the answer to request {request} is lost on its way"),
        What::OutboundLeave { call, service, head, body } => {
            format!("call {call} to {service} is seen to leave: {head}{body:?}")
        }
        What::OutboundLost { call } => format!("call {call}, or its answer, is lost on its way"),
        What::OutboundReturn { call, status: Some(status), .. } => {
            format!("the answer to call {call} is there: {status}")
        }
        What::OutboundReturn { call, status: None, .. } => {
            format!("the connection of call {call} has failed")
        }
        What::Process { state: Process::Up } => "its process runs".into(),
        What::Process { state: Process::Down } => "its process is gone".into(),
        What::Process { state: Process::Paused } => "its process stands still".into(),
        What::OnDisk { object, turn, replicas, held_by, .. } => {
            let (held, all) = (held_by.len(), replicas.len());
            format!("what turn {turn} of {object} wrote lies on {held} of {all} disks")
        }
        What::OutboundArrive { call, .. } => format!("call {call} arrives"),
        What::OutboundAnswer { call, status: Some(status), .. } => {
            format!("call {call} is answered: {status}")
        }
        What::OutboundAnswer { call, status: None, .. } => format!("call {call} fails without an answer"),
        What::FaultBegin { kind, scope, .. } => faults::begins(kind, scope),
        What::FaultEnd { fault } => faults::ends(history, *fault),
        What::Majority { group, connected: true } => format!("the objects of group {group} have a quorum"),
        What::Majority { group, connected: false } => format!("the objects of group {group} have no quorum"),
        What::Holder { slice, epoch, .. } => format!("serves slice {slice} from now on, epoch {epoch}"),
        What::Leader { datacenter, term } => {
            format!("leads datacenter {datacenter} from now on, term {term}")
        }
        What::GroupLeader { group, term } => {
            format!("leads consensus group {group} from now on, term {term}")
        }
        What::Committed { group, index } => {
            format!("group {group} has committed {index} entries")
        }
        What::Replica { group, applied, .. } => {
            format!("its replica of group {group} has applied {applied} entries")
        }
        What::Phase { phase } => phase_text(*phase).into(),
        What::AtRest { object, keys, alarm, .. } => {
            let alarm = alarm.as_ref().map_or("no alarm is scheduled".into(), |alarm| {
                format!("an alarm is scheduled for {}", wall(history, alarm.scheduled_ms))
            });
            let keys = if keys.len() == 1 { "1 key".to_owned() } else { format!("{} keys", keys.len()) };
            format!("at the end of the run {object} has {keys}, and {alarm}")
        }
        What::Timer { op, for_ms } => format!("{object} sets a timer for {for_ms} ms  [operation {op}]"),
        What::Promise { name, kind, held } => format!("{object}: {}", told::text(name, *kind, *held)),
        What::DiskDamaged => {
            "finds its own disk damaged and formats it anew: its replicas have to be built from the others"
                .into()
        }
    }
}

/// A call of object code, with the time of an alarm as one of the run.
pub(crate) fn call(history: &History, call: &StorageCall) -> String {
    match call {
        StorageCall::SetAlarm { scheduled_ms, .. } => format!("set_alarm({})", wall(history, *scheduled_ms)),
        other => call_text(other),
    }
}

/// A wall time as seconds of the run. By one clock for the whole history, whoever tells the time: an exact one, or the first that
/// was read where the history does not tell of one. By its own machine's clock one alarm would have a time at each event.
fn wall(history: &History, time_ms: i64) -> String {
    let first = || {
        let read = |event: &Event| Some(i128::from(event.place?.wall_ns) - i128::from(event.at_ns));
        history.events.iter().find_map(read)
    };
    match history.header.wall_zero_ns.map(i128::from).or_else(first) {
        Some(zero_ns) => format!("{:.3} s", (i128::from(time_ms) * 1_000_000 - zero_ns) as f64 / 1e9),
        None => format!("{time_ms} ms"),
    }
}

fn ended(reason: &EndReason) -> String {
    match reason {
        EndReason::Evicted => "was idle and leaves memory".into(),
        EndReason::Reset { why, .. } => format!("is reset: {why}"),
        EndReason::OverLimit { why } => format!("is over a limit and reset: {why}"),
        EndReason::Moved => "leaves a machine that no longer holds it".into(),
        EndReason::Lost => "is lost with its machine".into(),
    }
}

fn delivered(delivery: Delivery) -> String {
    match delivery {
        Delivery::Request { request } => format!("request {request}"),
        Delivery::Alarm { .. } => "its alarm".into(),
        Delivery::Result { op } => format!("the result of operation {op}"),
    }
}

fn awaited(kind: AwaitKind) -> &'static str {
    match kind {
        AwaitKind::Storage => "storage: nothing else gets in meanwhile",
        AwaitKind::Sync => "sync",
        AwaitKind::Outside => "an outside service: other events get in meanwhile",
        AwaitKind::Timer => "a timer: other events get in meanwhile",
    }
}

fn run_ended(outcome: &RunOutcome) -> String {
    match outcome {
        RunOutcome::Ok => "returns".into(),
        RunOutcome::Failed { why, .. } => format!("fails: {why}"),
        RunOutcome::Platform { why } => format!("is failed by the platform: {why}"),
    }
}

fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::WarmUp => "the cluster boots",
        Phase::Faults => "workload and faults begin",
        Phase::Quiet => "no more requests, no more faults; everything that was down is back",
        Phase::End => "the run is over",
    }
}
