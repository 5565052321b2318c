//! What the command line prints about one run: its story, what it is beside the bundle that it is from, and what shrinking
//! it came to.

use std::fmt::{Display, Write};
use std::path::Path;

use reveille_sim::run::{Outcome, RunEnd};

use super::{indent, table, virtual_time};
use crate::bundle::Smaller;
use crate::causes;
use crate::finding::{self, Finding};
use crate::replay::Again;
use crate::shrink::{self, Shrunk, Work};
use crate::source::{Source, quoted};
use crate::story;

/// The command that replays a run.
pub fn replay_line(run: &impl Display) -> String {
    format!("cargo run --release -- replay {run}")
}

/// What a replay prints: the plan in short, the digest, what it is beside the bundle that it is from, and the story of what
/// was broken.
pub fn replay(source: &Source, outcome: &Outcome, again: Option<&Again>) -> String {
    let counts = &outcome.counts;
    let injected: u64 = counts.faults.values().map(|count| count.injected).sum();
    let mut text = format!(
        "{}: {} of virtual time, {} requests, {injected} faults, {} runs of alarm(), {} events\ndigest {}\n",
        source.title(),
        virtual_time(counts.virtual_ns),
        source.plan.workload.len(),
        counts.runs_started,
        counts.events,
        outcome.digest,
    );
    if let (Some(again), Some(bundle)) = (again, source.bundle()) {
        let kept_for = bundle.verdict.kept_for.as_ref();
        let head = kept_for.map_or("a clean run was kept".to_owned(), |it| format!("kept for {}", it.rule));
        writeln!(text, "{head}: {again}").expect("writing to a string succeeds");
    }
    let broken = broken(outcome);
    text.push('\n');
    text.push_str(match (broken.is_empty(), &outcome.end) {
        (false, _) => &broken,
        (true, _) if !outcome.verdict.is_judged() => NOTHING_JUDGED,
        (true, RunEnd::Stopped) => STOPPED,
        (true, _) => "No promise was broken.\n",
    });
    if !broken.is_empty() && outcome.end == RunEnd::Stopped {
        text.push_str(STOPPED_TOO);
    }
    text
}

const NOTHING_JUDGED: &str =
    "Nothing was judged: no run of alarm() and no result of a storage call was there to be judged.\n";
const STOPPED: &str = "The run was stopped. Until then no rule of the contract was found broken. What only a whole run can \
     show was not judged: whether each alarm runs, what is at rest in the end, and what the scenario promises.\n";
const STOPPED_TOO: &str = "The run was stopped: what only a whole run can show was not judged.\n";

/// The stories of what was broken in a run; empty for a clean one.
pub fn broken(outcome: &Outcome) -> String {
    finding::of(outcome).iter().map(|finding| story_of(outcome, finding)).collect()
}

/// The story of one finding: what was broken, the events that prove it, and how often it was broken beside that.
pub fn story_of(outcome: &Outcome, finding: &Finding) -> String {
    let mut text = format!("BROKEN: {}\n{}\n", finding.rule, indent(&finding.sentences));
    if let Some(position) = finding.violation {
        let violation = &outcome.verdict.violations[position];
        text.push_str("\n  time (s)  where               what   (> marks what proves it)\n");
        text.push_str(&story::timeline(&outcome.history, violation));
        text.push('\n');
        for line in [again(outcome, finding, position), hint(outcome, position)].into_iter().flatten() {
            writeln!(text, "{}\n", indent(&line)).expect("writing to a string succeeds");
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

/// What shrinking came to: the sizes, who did what, the small story, and what is left in it.
pub fn shrunk(source: &Source, smaller: &Smaller, kept_in: Option<&Path>) -> String {
    let Shrunk { before, after, work, interrupted, .. } = &smaller.shrunk;
    let mut text = format!("{}\n  was: {before}\n  is:  {after}\n", source.title());
    if *interrupted {
        text.push_str("  stopped early: this is the smallest plan until then\n");
    }
    let mut passes = table(&["pass", "plans tried", "taken over"]);
    for (pass, Work { tried, taken }) in work {
        passes.add_row([pass.to_string(), tried.to_string(), taken.to_string()]);
    }
    write!(text, "{passes}\n\n{}", small_story(smaller)).expect("writing to a string succeeds");
    let where_to = match kept_in {
        Some(folder) => format!("  replay: {}\n", replay_line(&quoted(folder))),
        None => "  --out DIR writes it down as a bundle; keep RUN NAME keeps it as a regression\n".to_owned(),
    };
    text + &where_to
}

/// The story of a plan that was made smaller, and what each thing that is left is needed for.
pub fn small_story(smaller: &Smaller) -> String {
    let mut text = smaller.verdict.story.clone();
    for line in shrink::told(&smaller.verdict.without) {
        writeln!(text, "{}", indent(&line)).expect("writing to a string succeeds");
    }
    text
}
