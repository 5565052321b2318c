//! The stories of what was broken in a run: each finding with the events that prove it, how often it was broken beside that, and what
//! may have been its cause.

use std::fmt::Write;

use reveille_sim::run::Outcome;

use crate::causes;
use crate::finding::{self, Finding};
use crate::sheet::{Ink, Sheet};
use crate::story;

/// The stories of what was broken in a run; empty for a clean one.
pub fn told(outcome: &Outcome) -> String {
    told_on(outcome, Sheet::PLAIN)
}

/// The same on a sheet.
pub(crate) fn told_on(outcome: &Outcome, sheet: Sheet) -> String {
    finding::of(outcome).iter().map(|finding| story_on(outcome, finding, sheet)).collect()
}

/// The story of one finding: what was broken, the events that prove it, and how often it was broken beside that.
pub fn story_of(outcome: &Outcome, finding: &Finding) -> String {
    story_on(outcome, finding, Sheet::PLAIN)
}

/// The same on a sheet.
pub(crate) fn story_on(outcome: &Outcome, finding: &Finding, sheet: Sheet) -> String {
    let head = sheet.ink(Ink::Broken, format_args!("BROKEN: {}", finding.rule));
    let mut text = format!("{head}\n{}\n", sheet.sentences(&finding.sentences));
    if let Some(position) = finding.violation {
        let violation = &outcome.verdict.violations[position];
        text.push('\n');
        text.push_str(&story::timeline_on(&outcome.history, violation, sheet));
        text.push('\n');
        for line in [again(outcome, finding, position), hint(outcome, position)].into_iter().flatten() {
            writeln!(text, "{}\n", sheet.sentences(&line)).expect("writing to a string succeeds");
        }
    }
    text
}

/// How many more times of a rule are told by place.
const PLACES_SHOWN_MAX: usize = 5;

/// Where the rule was broken beside that, and how often.
fn again(outcome: &Outcome, finding: &Finding, position: usize) -> Option<String> {
    let more = finding.times.checked_sub(1).filter(|more| *more > 0)?;
    let others = outcome.verdict.violations.iter().enumerate();
    let others = others.filter(|(other, it)| *other != position && it.rule.0 == finding.rule);
    let mut places: Vec<String> = others
        .take(PLACES_SHOWN_MAX)
        .map(|(_, it)| {
            let object = it.object.as_ref().map_or(String::new(), |object| format!("by {object} "));
            format!("{object}at {}", story::seconds(it.at_ns))
        })
        .collect();
    if more > places.len() as u64 {
        places.push(format!("{} times more", more - places.len() as u64));
    }
    let times = if more == 1 { "once more".to_owned() } else { format!("{more} more times") };
    Some(format!("{} was broken {times} in this run: {}.", finding.rule, places.join(", ")))
}

/// What the object had broken before: that may be the cause.
fn hint(outcome: &Outcome, position: usize) -> Option<String> {
    let violation = &outcome.verdict.violations[position];
    let causes = causes::of(&outcome.verdict.violations);
    let cause = causes.into_iter().find(|cause| cause.violations.contains(&violation))?;
    let (earlier, at_ns) = cause.after?;
    let at = story::seconds(at_ns);
    Some(format!("The object had broken {earlier} at {at}, before this: this may follow from it."))
}
