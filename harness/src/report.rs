//! What the command line prints about campaigns and runs.

mod calls;
mod junit;
mod runs;
mod sometimes;
mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use reveille_model::RULES;

use crate::bundle::Smaller;
use crate::explore::Tally;
use crate::finding::{Caught, Group};
use crate::lines::replay_line;
use crate::scenario::Expect;
use crate::sheet::{Ink, Sheet};
use crate::story;

pub use self::calls::cells;
pub use self::junit::junit;
pub use self::runs::{replay, shrunk, small_story};
pub use self::worlds::worlds;

/// The scenarios of a campaign in one table, and the findings. A finding that was shrunk, by scenario and rule, is told by its small
/// story.
pub fn campaign(
    tallies: &[Tally],
    shrunk: &BTreeMap<(&'static str, String), Smaller>,
    sheet: Sheet,
) -> String {
    let mut text = format!("{}\n{}", overview(tallies, sheet), sometimes::sometimes(tallies, sheet));
    for tally in tallies {
        for Group { head, behind } in tally.catch.groups() {
            for (rule, caught) in [head].into_iter().chain(behind) {
                let smaller = shrunk.get(&(tally.scenario.name, rule.to_owned()));
                text.push('\n');
                text.push_str(&caught_text(tally, rule, caught, smaller, sheet));
            }
        }
    }
    text
}

/// What a campaign did, in numbers: work, failures and faults by scenario, how late alarms started by what a run is about, which calls
/// were made in which context, and which rules had no occasion to be broken.
pub fn stats(tallies: &[Tally], sheet: Sheet) -> String {
    let tables = [work(tallies, sheet), failures(tallies, sheet), faults(tallies, sheet)];
    let mut text = tables.map(|table| format!("\n{table}\n")).concat();
    for tally in tallies.iter().filter(|tally| !tally.lateness_by_topic.is_empty()) {
        writeln!(text, "\n{}", by_topic(tally, sheet)).expect("writing to a string succeeds");
    }
    for matrix in tallies.iter().filter_map(|tally| tally.matrix.as_ref()) {
        write!(text, "\n{}", calls::matrix(matrix, sheet)).expect("writing to a string succeeds");
    }
    text.push_str(&occasions(tallies, sheet));
    text
}

/// How many rules had an occasion to be broken: what was clean without one was not tested.
fn occasions(tallies: &[Tally], sheet: Sheet) -> String {
    let mut text = String::new();
    for tally in tallies.iter().filter(|tally| tally.seeds > 0) {
        let without: Vec<&str> =
            RULES.iter().map(|rule| rule.id).filter(|rule| !tally.gave(*rule)).map(|rule| rule.0).collect();
        let (name, had, all) = (tally.scenario.name, tried(tally), RULES.len());
        let rest =
            if without.is_empty() { String::new() } else { format!("; without: {}", without.join(", ")) };
        let line = format!("{name}: {had} of {all} rules had an occasion to be broken{rest}");
        writeln!(text, "\n{}", sheet.paragraph(&line)).expect("writing to a string succeeds");
    }
    text
}

/// How many rules some run gave an occasion to be broken.
fn tried(tally: &Tally) -> usize {
    RULES.iter().filter(|rule| tally.gave(rule.id)).count()
}

fn overview(tallies: &[Tally], sheet: Sheet) -> Table {
    let mut table = table(&["scenario", "seeds", "alarms fired", "latest", "rules tried", "verdict"], sheet);
    for tally in tallies {
        let plain = [
            tally.scenario.name.to_owned(),
            tally.seeds.to_string(),
            tally.counts.runs_started.to_string(),
            tally.lateness.worst().map_or("none fired".to_owned(), story::seconds),
            format!("{} of {}", tried(tally), RULES.len()),
        ];
        table.add_row(plain.map(Cell::new).into_iter().chain([verdict(tally)]));
    }
    table
}

fn verdict(tally: &Tally) -> Cell {
    let fine = |text: String| Cell::new(text).fg(Color::Green);
    let wrong = |text: String| Cell::new(text).fg(Color::Red).add_attribute(Attribute::Bold);
    match (tally.verdict(), tally.scenario.expect) {
        _ if tally.seeds == 0 => wrong("no run: nothing was judged".to_owned()),
        (Ok(()), Expect::Clean) => fine("clean".to_owned()),
        (Ok(()), Expect::Caught { .. }) => fine(format!("caught, as expected: {}", rules(tally))),
        (Err(why), _) => wrong(format!("NOT AS EXPECTED: {why}")),
    }
}

/// What was done.
fn work(tallies: &[Tally], sheet: Sheet) -> Table {
    let header = ["scenario", "virtual time", "events", "requests / answered", "alarms fired / retried"];
    let mut table = table(&header, sheet);
    for tally in tallies {
        let counts = &tally.counts;
        table.add_row([
            tally.scenario.name.to_owned(),
            virtual_time(counts.virtual_ns),
            counts.events.to_string(),
            format!("{} / {}", counts.requests, counts.answered),
            format!("{} / {}", counts.runs_started, counts.runs_retried),
        ]);
    }
    table
}

/// What the failures of machines came to.
fn failures(tallies: &[Tally], sheet: Sheet) -> Table {
    let header = [
        "scenario",
        "seeds with a machine lost",
        "objects lost",
        "runs cut short",
        "alarms failed over: machine / datacenter",
        "group leaders elected",
        "snapshots installed",
        "stale epochs refused",
    ];
    let mut table = table(&header, sheet);
    for tally in tallies {
        let counts = &tally.counts;
        table.add_row([
            tally.scenario.name.to_owned(),
            format!("{} of {}", tally.seeds_with_machine_lost, tally.seeds),
            counts.instances_lost.to_string(),
            counts.runs_lost.to_string(),
            format!("{} / {}", tally.lateness.moved.machine, tally.lateness.moved.datacenter),
            counts.elections.to_string(),
            counts.snapshots_installed.to_string(),
            counts.stale_epochs.to_string(),
        ]);
    }
    table
}

/// L1, L2: how late alarms started, by what the run is about.
fn by_topic(tally: &Tally, sheet: Sheet) -> Table {
    let mut table = table(&["one trouble a run", "alarms", "late: p50", "p99", "worst"], sheet);
    for (topic, lateness) in &tally.lateness_by_topic {
        let quantile = |share| lateness.quantile(share).map_or("none fired".to_owned(), story::seconds);
        table.add_row([
            topic.name.clone(),
            lateness.samples().to_string(),
            quantile(0.5),
            quantile(0.99),
            lateness.worst().map_or("none fired".to_owned(), story::seconds),
        ]);
    }
    table
}

fn rules(tally: &Tally) -> String {
    tally.catch.iter().map(|(rule, _)| rule).collect::<Vec<_>>().join(", ")
}

/// Kinds of faults downwards, scenarios across: there are many kinds.
fn faults(tallies: &[Tally], sheet: Sheet) -> Table {
    let mut header = vec!["with an effect / injected (seeds)"];
    header.extend(tallies.iter().map(|tally| tally.scenario.name));
    let mut table = table(&header, sheet);
    let kinds: BTreeSet<&str> =
        tallies.iter().flat_map(|tally| tally.counts.faults.keys().copied()).collect();
    for kind in kinds {
        let mut row = vec![kind.to_owned()];
        row.extend(tallies.iter().map(|tally| match tally.counts.faults.get(kind) {
            Some(count) => {
                let seeds = tally.seeds_with_effect.get(kind).copied().unwrap_or(0);
                format!("{} / {} ({seeds})", count.effective, count.injected)
            }
            None => "-".to_owned(),
        }));
        table.add_row(row);
    }
    table
}

fn caught_text(
    tally: &Tally,
    rule: &str,
    caught: &Caught,
    smaller: Option<&Smaller>,
    sheet: Sheet,
) -> String {
    let Caught { seeds, times, first_in, behind, first_seed, sentences } = caught;
    let name = tally.scenario.name;
    let counted = if times == seeds { String::new() } else { format!(", {times} times") };
    let mut head = format!("{name} broke {rule} ({seeds} of {} seeds{counted}).", tally.seeds);
    if first_in < seeds {
        let behind: Vec<String> = behind.iter().map(|(rule, seeds)| format!("{rule} in {seeds}")).collect();
        write!(head, " Something else came before it: {}.", behind.join(", "))
            .expect("writing to a string succeeds");
    }
    let (made, story) = match smaller {
        Some(smaller) if smaller.shrunk.interrupted => {
            (", made smaller, as far as it came", runs::small_story_on(smaller, sheet))
        }
        Some(smaller) => (", made smaller", runs::small_story_on(smaller, sheet)),
        None => ("", format!("{}\n", sheet.sentences(sentences))),
    };
    let head = sheet.ink(Ink::Strong, sheet.paragraph(&head));
    let mut text = format!("{head}\nSeed {first_seed}{made}:\n{story}");
    if smaller.is_some() {
        let again = format!("cargo run --release -- shrink {name} {first_seed} --rule '{rule}'");
        text.push_str(&runs::command("this story", &again, sheet));
    }
    text + &runs::command("replay", &replay_line(&format_args!("{name} {first_seed}")), sheet)
}

fn table(header: &[&str], sheet: Sheet) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header).set_width(u16::try_from(sheet.width()).unwrap_or(u16::MAX));
    if sheet.is_coloured() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

/// Whole seconds of virtual time, in words.
fn virtual_time(virtual_ns: u64) -> String {
    humantime::format_duration(Duration::from_secs(virtual_ns / 1_000_000_000)).to_string()
}
