//! How instances conduct themselves: one turn at a time with a closed input gate (O3), the constructor first (O4). The
//! same for every instance, superseded or not: an instance is always held to its own lineage.
//!
//! ```text
//! constructor ──▶ deliver ── turn ── await ──▶ deliver ── turn ──▶ ...
//!                                     └─ of storage: nothing but its result is delivered
//! ```

use super::{effects, life};
use crate::check::alarm::{constructor, resets};
use crate::check::case::Case;
use crate::check::coverage::Kinds;
use crate::check::is_overtime;
use crate::check::report::Seconds;
use crate::check::storage::calls;
use crate::history::{Delivery, What};
use crate::reference::Mark;
use crate::reference::conduct::{CallKind, Constructor, Outstanding, Timer};
use crate::reference::instance::Instance;
use crate::reference::object::Object;
use crate::reference::slot::Claim;
use crate::rules::Id;

/// Takes an event of an instance, before anything else is made of it. What the datastore and the output gate do for an
/// instance belongs to the turn that asked for it and comes when it comes.
pub(in crate::check) fn observe(case: &mut Case<'_>, object: &mut Object, what: &What) {
    if let What::Deliver { delivery: Delivery::Request { request } } = what {
        effects::reaches_the_newest(case, object, *request);
    }
    let Some(mut acting) = object.acting(case.by) else { return };
    match what {
        What::Deliver { delivery } => {
            delivered(case, acting.instance, *delivery);
            in_turn(case, acting.instance, Some(*delivery));
            resets::lives_on(case, acting.instance, "an event or a result");
        }
        What::RunStart { run, alarm, scheduled_ms, .. } => {
            in_turn(case, acting.instance, None);
            if !its_delivery_is_told(case, acting.instance, *run) {
                arrives(case, acting.instance, "alarm()");
                resets::lives_on(case, acting.instance, "alarm()");
            }
            let claim = Claim { id: *alarm, scheduled_ms: *scheduled_ms };
            constructor::dropped(case, &mut acting, claim);
        }
        What::Op { op, call, allow_concurrency } => {
            in_turn(case, acting.instance, None);
            ran_on(case, acting.instance, "a storage call");
            resets::lives_on(case, acting.instance, "a storage call");
            calls::called(case, &mut acting, *op, call, *allow_concurrency);
        }
        What::OpResult { op, result } => {
            in_turn(case, acting.instance, None);
            acting.instance.conduct.ends_transaction(*op);
            if acting.instance.conduct.ends_timer(*op) {
                calls::outside_of_storage(case, &mut acting);
            } else {
                calls::returned(case, &mut acting, *op, result);
            }
        }
        What::ConstructorEnd { failed } => {
            in_turn(case, acting.instance, None);
            let has_failed = failed.is_some();
            if !has_failed {
                too_long(case, acting.instance);
            }
            acting.instance.conduct.constructor =
                if has_failed { Constructor::Failed } else { Constructor::Ended };
            acting.instance.conduct.constructed_ns = Some(case.mark.at_ns);
        }
        What::Gate { closed } => {
            in_turn(case, acting.instance, None);
            if let Some(since) = acting.instance.conduct.gate_closed.take() {
                acting.instance.closed.add(since.at_ns, case.mark.at_ns);
            }
            acting.instance.conduct.gate_closed = closed.then_some(case.mark);
            acting.instance.conduct.gate_turn = case.by.turn;
        }
        What::Await { op, .. } => {
            in_turn(case, acting.instance, None);
            acting.instance.conduct.awaits(*op, case.by.turn);
        }
        What::RunEnd { .. } => in_turn(case, acting.instance, None),
        What::Timer { op, for_ms } => {
            in_turn(case, acting.instance, None);
            ran_on(case, acting.instance, "a timer");
            resets::lives_on(case, acting.instance, "a timer");
            acting.instance.conduct.begun(*op, case.by.turn);
            acting.instance.conduct.sets(Timer { op: *op, for_ms: *for_ms, mark: case.mark });
        }
        What::Promise { .. } | What::RequestStart { .. } | What::RequestEnd { .. } => {
            in_turn(case, acting.instance, None);
        }
        // It leaves when what was written before it is durable, and belongs to the turn that made it.
        What::Outbound { op: Some(op), .. } => acting.instance.conduct.begun(*op, case.by.turn),
        _ => {}
    }
}

/// Whether the turn in which a run starts began with the delivery of its alarm, so that the gate was judged then. O3: it does
/// not begin with that of something else.
fn its_delivery_is_told(case: &mut Case<'_>, instance: &mut Instance, run: u64) -> bool {
    let delivered = instance.conduct.delivered.filter(|(turn, _)| *turn == case.by.turn);
    let Some((turn, delivery)) = delivered else { return false };
    if delivery == (Delivery::Alarm { run }) {
        return true;
    }
    if instance.conduct.told.insert(Id::O3) {
        let sentences = format!(
            "At {} run {run} started in turn {turn} of instance {}, which had begun with the delivery of something else. \
             Nothing is delivered before a turn is over.",
            Seconds(case.mark.at_ns),
            case.by.instance,
        );
        let began = instance.conduct.turn_began;
        case.report(Id::O3, began.as_slice(), sentences);
    }
    false
}

/// O3: turns follow one another, and each begins with one delivery.
fn in_turn(case: &mut Case<'_>, instance: &mut Instance, delivery: Option<Delivery>) {
    let (turn, conduct) = (case.by.turn, &mut instance.conduct);
    let (began, is_delivery) = (conduct.turn_began, delivery.is_some());
    if let Some(delivery) = delivery {
        conduct.delivered = Some((turn, delivery));
    }
    if began.is_none() || turn > conduct.turn {
        conduct.turn = turn;
        conduct.turn_began = Some(case.mark);
        conduct.wall_ns = case.place.map(|place| place.wall_ns);
        return;
    }
    let Some(began) = began.filter(|_| turn < conduct.turn || is_delivery) else { return };
    if !conduct.told.insert(Id::O3) {
        return;
    }
    let (at, began_at) = (Seconds(case.mark.at_ns), Seconds(began.at_ns));
    let (instance, latest) = (case.by.instance, conduct.turn);
    let sentences = if turn < latest {
        format!(
            "At {at} instance {instance} went on with turn {turn}, although its turn {latest} had begun at {began_at}. \
             An object runs one turn at a time."
        )
    } else {
        format!(
            "At {at} something was delivered to instance {instance} in turn {turn}, which had begun at {began_at}. Nothing \
             is delivered before a turn is over."
        )
    };
    case.report(Id::O3, &[began], sentences);
}

/// An event or a result reaches the instance: O4, and O3 by the input gate.
fn delivered(case: &mut Case<'_>, instance: &mut Instance, delivery: Delivery) {
    match delivery {
        Delivery::Request { .. } => arrives(case, instance, "a request"),
        Delivery::Alarm { .. } => arrives(case, instance, "its alarm"),
        Delivery::Result { op } => {
            ran_on(case, instance, "a result");
            result(case, instance, op);
        }
    }
}

/// O3: what closes the gate is given its result all the same; every other result is an event like any other.
fn result(case: &mut Case<'_>, instance: &mut Instance, op: u64) {
    let awaited = instance.conduct.awaited(op);
    let call = instance.conduct.outstanding().iter().find(|call| call.op == op).copied();
    let what = match call {
        Some(call) if call.closes_gate() => return,
        Some(call) if call.kind == CallKind::Sync => "the result of a sync",
        Some(_) => "the result of a read with allow_concurrency",
        None if instance.conduct.timer(op).is_some() => "the end of a timer",
        None => "the result of an outbound request",
    };
    case.saw(Id::O3);
    // What a section or a transaction has called or waits for itself reaches it; what nobody waits for lets nothing go on.
    let is_of_other = |began: u32| {
        let is_called = call.is_some_and(|call| call.turn >= began);
        awaited.is_some_and(|awaited| awaited < began) && !is_called
    };
    if let Some((closed, _)) = instance.conduct.section().filter(|(_, began)| is_of_other(*began)) {
        return blocked(case, instance, what, closed, Kinds::AWAIT);
    }
    gate(case, instance, what, |call| call.closes_gate() && call.kind != CallKind::Transaction);
}

/// A request or the alarm reaches the instance.
fn arrives(case: &mut Case<'_>, instance: &mut Instance, what: &str) {
    case.saw(Id::O3);
    if ran_on(case, instance, what) {
        return;
    }
    if instance.conduct.constructor == Constructor::Running {
        if instance.conduct.told.insert(Id::O4) {
            let sentences = format!(
                "At {} {what} was delivered to instance {}, whose constructor, which started at {}, had not ended.",
                Seconds(case.mark.at_ns),
                case.by.instance,
                Seconds(instance.started.at_ns),
            );
            // A history that never says that a constructor ended cannot be judged by that.
            case.report_if_ever(Kinds::CONSTRUCTOR_END, Id::O4, &[instance.started], sentences);
        }
        return life::lets_in(case, instance);
    }
    life::lets_in(case, instance);
    if let Some(closed) = instance.conduct.gate_closed {
        blocked(case, instance, what, closed, Kinds::GATE);
    }
    gate(case, instance, what, |call| call.closes_gate());
}

/// O4: a constructor that exceeds its limit fails.
fn too_long(case: &mut Case<'_>, instance: &Instance) {
    let limit_ms = case.constants.constructor_limit_ms;
    let is_seen = instance.conduct.constructor == Constructor::Running;
    if !is_seen || !is_overtime(case.constants, instance.started, case.mark, limit_ms) {
        return;
    }
    let sentences = format!(
        "The constructor of instance {} started at {} and ended well at {}. After {limit_ms} ms it fails.",
        case.by.instance,
        Seconds(instance.started.at_ns),
        Seconds(case.mark.at_ns),
    );
    case.report(Id::O4, &[instance.started], sentences);
}

/// O3: an event comes in although something has closed the input gate. Only where an event of these kinds is ever told.
fn blocked(case: &mut Case<'_>, instance: &mut Instance, what: &str, closed: Mark, kinds: Kinds) {
    if !instance.conduct.told.insert(Id::O3) {
        return;
    }
    let sentences = format!(
        "At {} {what} was delivered to instance {}, whose input gate had been closed since {}.",
        Seconds(case.mark.at_ns),
        case.by.instance,
        Seconds(closed.at_ns),
    );
    case.report_if_ever(kinds, Id::O3, &[closed], sentences);
}

/// O4: after its end, or that of a constructor that failed, nothing runs in an instance. Returns whether it does.
fn ran_on(case: &mut Case<'_>, instance: &mut Instance, what: &str) -> bool {
    let has_failed = instance.conduct.constructor == Constructor::Failed;
    if !has_failed && instance.ended.is_none() {
        return false;
    }
    if instance.conduct.told.insert(Id::O4) {
        let why = if has_failed { "whose constructor had failed" } else { "which was no longer in memory" };
        let sentences = format!(
            "At {} {what} came in instance {}, {why}. It has to wait for the constructor of the next.",
            Seconds(case.mark.at_ns),
            case.by.instance,
        );
        case.report(Id::O4, &[instance.started], sentences);
    }
    true
}

/// O3: the input gate is closed while a storage operation is outstanding.
fn gate(
    case: &mut Case<'_>,
    instance: &mut Instance,
    what: &str,
    is_in_way: impl FnMut(&&Outstanding) -> bool,
) {
    let Some(&open) = instance.conduct.outstanding().iter().find(is_in_way) else { return };
    let rule = if open.kind.resolves_at_once() { Id::S1 } else { Id::O3 };
    if !instance.conduct.told.insert(rule) {
        return;
    }
    let why = match rule {
        Id::S1 => "A write resolves at once.",
        _ => "Until it has its result no other event is delivered.",
    };
    let sentences = format!(
        "At {} {what} was delivered to instance {}, whose storage operation of {} was outstanding. {why}",
        Seconds(case.mark.at_ns),
        case.by.instance,
        Seconds(open.mark.at_ns),
    );
    // Where no result is ever told nobody knows what is outstanding.
    case.report_if_ever(Kinds::OP_RESULT, rule, &[open.mark], sentences);
}
