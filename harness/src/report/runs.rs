//! What the command line prints about one run: its story, what it is beside the bundle that it is from, and what shrinking
//! it came to.

use std::fmt::Write;
use std::path::Path;

use reveille_sim::run::{Outcome, RunEnd};

use super::{table, virtual_time};
use crate::broken;
use crate::bundle::Smaller;
use crate::finding;
use crate::lines::{quoted, replay_line};
use crate::replay::Again;
use crate::sheet::{Ink, Sheet};
use crate::shrink::{self, Shrunk, Work};
use crate::source::Source;

/// What a replay prints: the story of what was broken; then what the run is beside the bundle that it is from; the numbers of the run
/// and its digest last.
pub fn replay(source: &Source, outcome: &Outcome, again: Option<&Again>, sheet: Sheet) -> String {
    let broken = broken::told_on(outcome, sheet);
    let clean = |text: &str| format!("{}\n", sheet.ink(Ink::Fine, text));
    let mut text = match (broken.is_empty(), &outcome.end) {
        (false, RunEnd::Stopped) => format!("{broken}{}\n", sheet.paragraph(STOPPED_TOO)),
        (false, _) => broken,
        (true, _) if !outcome.verdict.is_judged() => format!("{}\n", sheet.paragraph(NOTHING_JUDGED)),
        (true, RunEnd::Stopped) => format!("{}\n", sheet.paragraph(STOPPED)),
        (true, _) => clean("No promise was broken."),
    };
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    if let (Some(again), Some(bundle)) = (again, source.bundle()) {
        let kept_for = bundle.verdict.kept_for.as_ref();
        let head = kept_for.map_or("a clean run was kept".to_owned(), |it| format!("kept for {}", it.rule));
        writeln!(text, "{}", sheet.paragraph(&format!("{head}: {again}")))
            .expect("writing to a string succeeds");
    }
    let counts = &outcome.counts;
    let injected: u64 = counts.faults.values().map(|count| count.injected).sum();
    let numbers = format!(
        "{}: {} of virtual time; requests: {}, faults: {injected}, runs of alarm(): {}, events: {}",
        source.title(),
        virtual_time(counts.virtual_ns),
        source.plan.workload.len(),
        counts.runs_started,
        counts.events,
    );
    writeln!(text, "{}\ndigest {}", sheet.paragraph(&numbers), outcome.digest)
        .expect("writing to a string succeeds");
    text
}

const NOTHING_JUDGED: &str =
    "Nothing was judged: no run of alarm() and no result of a storage call was there to be judged.";
const STOPPED: &str = "The run was stopped. Until then no rule of the contract was found broken. What only a whole run can \
     show was not judged: whether each alarm runs, what is at rest in the end, and what the scenario promises.";
const STOPPED_TOO: &str = "The run was stopped: what only a whole run can show was not judged.";

/// What shrinking came to: the sizes, who did what, the small story, and what is left in it.
pub fn shrunk(
    source: &Source,
    smaller: &Smaller,
    kept_in: Option<&Path>,
    stats: bool,
    sheet: Sheet,
) -> String {
    let Shrunk { before, after, work, interrupted, .. } = &smaller.shrunk;
    let mut text = format!(
        "{}\n{}\n{}\n",
        source.title(),
        sheet.sentences(&format!("was: {before}")),
        sheet.sentences(&format!("is: {after}"))
    );
    if *interrupted {
        text.push_str("  stopped early: this is the smallest plan until then\n");
    }
    if stats {
        let mut passes = table(&["pass", "plans tried", "taken over"], sheet);
        for (pass, Work { tried, taken }) in work {
            passes.add_row([pass.to_string(), tried.to_string(), taken.to_string()]);
        }
        writeln!(text, "{passes}").expect("writing to a string succeeds");
    }
    write!(text, "\n{}", small_story_on(smaller, sheet)).expect("writing to a string succeeds");
    match kept_in {
        Some(folder) => text + &command("replay", &replay_line(&quoted(folder)), sheet),
        None => {
            let hint = "--out DIR writes it down as a bundle; keep RUN NAME keeps it as a regression";
            format!("{text}{}\n", sheet.sentences(hint))
        }
    }
}

/// A line with a command, which is not broken: it can be copied.
pub(super) fn command(what: &str, command: &str, sheet: Sheet) -> String {
    format!("  {what}: {}\n", sheet.ink(Ink::Command, command))
}

/// The story of a plan that was made smaller, and what each thing that is left is needed for.
pub fn small_story(smaller: &Smaller) -> String {
    small_story_on(smaller, Sheet::PLAIN)
}

/// The same on a sheet.
pub(super) fn small_story_on(smaller: &Smaller, sheet: Sheet) -> String {
    let kept_for = smaller.verdict.kept_for.as_ref();
    let finding = kept_for.and_then(|signature| finding::with(&smaller.outcome, signature));
    let mut text = finding.map_or_else(String::new, |it| broken::story_on(&smaller.outcome, &it, sheet));
    for line in shrink::told(&smaller.verdict.without) {
        writeln!(text, "{}", sheet.sentences(&line)).expect("writing to a string succeeds");
    }
    text
}
