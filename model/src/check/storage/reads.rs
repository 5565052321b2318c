//! What reads show: every earlier write of the object and no later one (S4), what is durable (S3 and its relatives),
//! and the right keys in the right order (S6).

use std::collections::{BTreeMap, BTreeSet};

use super::{blame, stale};
use crate::check::alarm::reading;
use crate::check::case::Case;
use crate::check::report::{Seconds, Shown};
use crate::history::{Blob, Key, ListOptions, OpResult};
use crate::reference::Writer;
use crate::reference::object::Acting;
use crate::reference::read::{Frozen, Read, ReadCall, owned};
use crate::rules::Id;

/// A read has its result.
pub(in crate::check) fn judge(case: &mut Case<'_>, acting: &mut Acting<'_>, read: &Read, result: &OpResult) {
    match (&read.call, result) {
        (ReadCall::Get(key), OpResult::Value(seen)) => get(case, acting, read, key, seen.as_ref()),
        (ReadCall::GetMany(keys), OpResult::Entries(seen)) => get_many(case, acting, read, keys, seen),
        (ReadCall::Delete { key, was_there, writer, is_unsure }, OpResult::Deleted(seen))
            if seen != was_there || *is_unsure =>
        {
            delete(case, acting, read, key, *writer, *seen);
        }
        (ReadCall::DeleteMany { keys, there, unsure }, OpResult::DeletedCount(seen)) => {
            delete_many(case, acting, read, keys, (!unsure.is_empty(), *there), *seen);
        }
        (ReadCall::List(options), OpResult::Entries(seen)) => list(case, acting, read, options, seen),
        (ReadCall::Alarm(view), OpResult::Alarm(seen)) => {
            reading::get_alarm(case, acting, read, *view, *seen)
        }
        _ => {}
    }
}

/// A key that a read shows wrongly.
struct Wrong<'a> {
    call: &'static str,
    key: &'a Key,
    seen: Option<&'a Blob>,
    /// What it should have shown, and who made it so.
    value: Option<&'a Blob>,
    writer: Option<Writer>,
    rule: Id,
    /// Whether it shows what was written after the call.
    is_later: bool,
}

fn get(case: &mut Case<'_>, acting: &mut Acting<'_>, read: &Read, key: &Key, seen: Option<&Blob>) {
    let view = acting.instance.view(acting.row);
    let is_right = match &read.frozen {
        Some(Frozen::Value(value, _)) => value.as_ref() == seen,
        _ => view.value(key) == seen,
    };
    if is_right {
        return;
    }
    let (value, writer) = match &read.frozen {
        Some(Frozen::Value(value, writer)) => (value.as_ref(), *writer),
        _ => (view.value(key), view.writer(key)),
    };
    let is_later = view.value(key) == seen;
    let rule = blame::rule_for(case, acting, key, seen, writer, || None);
    let wrong = Wrong { call: "get", key, seen, value, writer, rule, is_later };
    wrong_key(case, acting.doubtful, read, &wrong);
    correct(case, acting, read, key, seen);
}

/// `delete` that says wrongly whether the key was there.
fn delete(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    read: &Read,
    key: &Key,
    writer: Option<Writer>,
    seen: bool,
) {
    if !acting.doubtful.insert(key.clone()) {
        return;
    }
    let sentences = format!(
        "delete of {key:?}, called at {} by instance {}, said that the key was {}there. {}",
        Seconds(read.mark.at_ns),
        case.by.instance,
        if seen { "" } else { "not " },
        told_by(writer),
    );
    let known = if seen { acting.row.keys.before(key) } else { None };
    let rule = blame::rule_for(case, acting, key, known, writer, || None);
    report(case, read, writer, rule, sentences);
}

/// `delete_many` that says wrongly how many of the keys were there.
fn delete_many(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    read: &Read,
    keys: &[Key],
    (is_unsure, there): (bool, usize),
    seen: u32,
) {
    let is_doubtful = keys.iter().any(|key| acting.doubtful.contains(key));
    if (seen as usize == there && !is_unsure) || is_doubtful {
        return;
    }
    acting.doubtful.extend(keys.iter().cloned());
    let right =
        if is_unsure { "that cannot be, whatever is durable".into() } else { format!("it was {there}") };
    let sentences = format!(
        "delete_many of {} keys, called at {} by instance {}, said that {seen} of them were there; {right}.",
        keys.len(),
        Seconds(read.mark.at_ns),
        case.by.instance,
    );
    let before = keys.iter().filter_map(|key| acting.row.keys.writer(key)).max_by_key(|writer| writer.mark);
    // What the instance itself made of those keys it has to see; what others did is durable.
    let is_own = before.is_none_or(|writer| writer.instance == case.by.instance);
    report(case, read, before, if is_own && !is_unsure { Id::S4 } else { Id::S3 }, sentences);
}

fn list(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    read: &Read,
    options: &ListOptions,
    seen: &[(Key, Blob)],
) {
    let view = acting.instance.view(acting.row);
    let is_right = match &read.frozen {
        Some(Frozen::Entries(entries)) => entries == seen,
        _ => view.entries(options).eq(seen.iter().map(|(key, value)| (key, value))),
    };
    if is_right {
        return;
    }
    let expected = match &read.frozen {
        Some(Frozen::Entries(entries)) => entries.clone(),
        _ => owned(view.entries(options)),
    };
    // With a limit one wrong key pushes right ones out of the list; those are not meant.
    let is_pushed_out = |key: &Key| options.is_pushed_out(key, seen);
    let wrong = wrong_entries(acting, read, is_pushed_out, &expected, seen);
    wrong_keys(case, acting, read, Shows { call: "list", expected: &expected, seen }, wrong);
}

/// S6: those of the keys that there are, in the order of the keys.
fn get_many(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    read: &Read,
    keys: &BTreeSet<Key>,
    seen: &[(Key, Blob)],
) {
    let view = acting.instance.view(acting.row);
    let expected = match &read.frozen {
        Some(Frozen::Entries(entries)) => entries.clone(),
        _ => owned(view.entries_of(keys)),
    };
    if expected == seen {
        return;
    }
    let wrong = wrong_entries(acting, read, |_| false, &expected, seen);
    wrong_keys(case, acting, read, Shows { call: "get_many", expected: &expected, seen }, wrong);
}

/// What a read of several keys should have shown, and what it shows.
#[derive(Clone, Copy)]
struct Shows<'a> {
    call: &'static str,
    expected: &'a [(Key, Blob)],
    seen: &'a [(Key, Blob)],
}

/// Reports the first of the keys that a read shows wrongly, or that it is wrong as a whole.
fn wrong_keys(
    case: &mut Case<'_>,
    acting: &mut Acting<'_>,
    read: &Read,
    shows: Shows<'_>,
    wrong: Vec<(Key, Option<Blob>)>,
) {
    let Shows { call, expected, seen: shown } = shows;
    if wrong.is_empty() && acting.doubtful.is_empty() {
        let order =
            if call == "get_many" { "in the order of their keys" } else { "in the order that was asked for" };
        let sentences = format!(
            "{call}, called at {} by instance {}, gave {} entries, all of them as they were written, but not those that \
             were asked for {order}; it should have given {}.",
            Seconds(read.mark.at_ns),
            case.by.instance,
            shown.len(),
            expected.len(),
        );
        case.report(Id::S6, &[read.mark], sentences);
    }
    let mut is_told = false;
    for (key, seen) in wrong {
        if !is_told && !acting.doubtful.contains(&key) {
            is_told = true;
            let view = acting.instance.view(acting.row);
            let value = expected.iter().find(|(known, _)| *known == key).map(|(_, value)| value);
            let (seen, writer) = (seen.as_ref(), view.writer(&key));
            let is_later = view.value(&key) == seen;
            let is_split = || writer.and_then(|writer| blame::shows_part(acting, &writer, shown));
            let rule = blame::rule_for(case, acting, &key, seen, writer, is_split);
            let wrong = Wrong { call, key: &key, seen, value, writer, rule, is_later };
            wrong_key(case, acting.doubtful, read, &wrong);
        }
        correct(case, acting, read, &key, seen.as_ref());
    }
}

/// The keys that a read shows wrongly, with what it shows.
fn wrong_entries(
    acting: &Acting<'_>,
    read: &Read,
    is_pushed_out: impl Fn(&Key) -> bool,
    expected: &[(Key, Blob)],
    seen: &[(Key, Blob)],
) -> Vec<(Key, Option<Blob>)> {
    let view = acting.instance.view(acting.row);
    let shown: BTreeMap<&Key, &Blob> = seen.iter().map(|(key, value)| (key, value)).collect();
    let known: BTreeMap<&Key, &Blob> = expected.iter().map(|(key, value)| (key, value)).collect();
    let was_written_later = |key: &Key| view.writer(key).is_some_and(|writer| writer.mark > read.mark);
    let mut wrong = Vec::new();
    for (key, value) in seen {
        let right = known.get(key).copied().or_else(|| view.value(key).filter(|_| !was_written_later(key)));
        if right != Some(value) {
            wrong.push((key.clone(), Some(value.clone())));
        }
    }
    for (key, _) in expected {
        if !shown.contains_key(key) && !is_pushed_out(key) {
            wrong.push((key.clone(), None));
        }
    }
    wrong
}

/// S4, S3 or one of its relatives: a key that a read shows wrongly.
fn wrong_key(case: &mut Case<'_>, doubtful: &mut BTreeSet<Key>, read: &Read, wrong: &Wrong<'_>) {
    let Wrong { call, key, seen, value, writer, rule, is_later } = *wrong;
    if !doubtful.insert(key.clone()) {
        let written = writer.map(|writer| writer.mark);
        return stale::shows(case.reports, case.name, key, written, seen, case.mark);
    }
    let (at, instance) = (Seconds(read.mark.at_ns), case.by.instance);
    let showed = format!("{call}, called at {at} by instance {instance}, showed {} at {key:?}", Shown(seen));
    if is_later {
        let sentences =
            format!("{showed}, which the instance wrote only after that call. A read sees no later write.");
        case.report(Id::S4, &[read.mark], sentences);
        return;
    }
    let told = told_by(writer);
    let sentences = format!("{showed}; it should have shown {}. {told}{}", Shown(value), blame::why(rule));
    report(case, read, writer, rule, sentences);
    if rule == Id::S3 {
        stale::may_be_stale(case.reports, case.name, key, value, case.mark);
    }
}

fn report(case: &mut Case<'_>, read: &Read, writer: Option<Writer>, rule: Id, sentences: String) {
    let mut evidence = vec![read.mark];
    evidence.extend(writer.map(|writer| writer.mark));
    case.report(rule, &evidence, sentences);
}

fn told_by(writer: Option<Writer>) -> String {
    match writer {
        Some(Writer { instance, mark, .. }) => {
            format!("Instance {instance} was the last to change that key, at {}.", Seconds(mark.at_ns))
        }
        None => "No write of that key that became durable is known.".to_owned(),
    }
}

/// Brings the model in line with what was seen, unless the key was written again since.
fn correct(case: &Case<'_>, acting: &mut Acting<'_>, read: &Read, key: &Key, seen: Option<&Blob>) {
    acting.doubtful.insert(key.clone());
    let writer = acting.instance.view(acting.row).writer(key);
    if acting.instance.superseded || writer.is_some_and(|writer| writer.mark > read.mark) {
        return;
    }
    if !acting.instance.overlay.correct(key, seen) {
        let (instance, turn) = (case.by.instance, case.by.turn);
        let (mark, run, transaction) = (case.mark, None, None);
        let writer = Writer { instance, turn, mark, run, transaction, clears: false };
        acting.row.keys.turn_out(key.clone(), seen.cloned(), writer);
    }
}
