//! What the command line prints about one run: its story, what it is beside the bundle that it is from, and what shrinking
//! it came to.

use std::fmt::Write;
use std::path::Path;

use reveille_sim::run::{Outcome, RunEnd};

use super::{table, virtual_time};
use crate::broken;
use crate::bundle::Smaller;
use crate::lines::{indent, quoted, replay_line};
use crate::replay::Again;
use crate::shrink::{self, Shrunk, Work};
use crate::source::Source;

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
    let broken = broken::told(outcome);
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
