//! What the command line prints about campaigns and runs.

mod calls;
mod runs;
mod sometimes;
mod worlds;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use reveille_model::RULES;

use crate::bundle::Smaller;
use crate::explore::Tally;
use crate::finding::{Caught, Group};
use crate::lines::{indent, replay_line};
use crate::scenario::Expect;
use crate::story;

pub use self::calls::cells;
pub use self::runs::{replay, shrunk, small_story};
pub use self::worlds::worlds;

/// The tables and the findings of a campaign. A finding that was shrunk, by scenario and rule, is told by its small story.
pub fn campaign(tallies: &[Tally], shrunk: &BTreeMap<(&'static str, String), Smaller>) -> String {
    let mut text = format!("{}\n\n{}\n\n{}\n", overview(tallies), failures(tallies), faults(tallies));
    for tally in tallies.iter().filter(|tally| !tally.lateness_by_topic.is_empty()) {
        writeln!(text, "\n{}", by_topic(tally)).expect("writing to a string succeeds");
    }
    for matrix in tallies.iter().filter_map(|tally| tally.matrix.as_ref()) {
        write!(text, "\n{}", calls::matrix(matrix)).expect("writing to a string succeeds");
    }
    text.push_str(&occasions(tallies));
    text.push_str(&sometimes::sometimes(tallies));
    for tally in tallies {
        for Group { head, behind } in tally.catch.groups() {
            for (rule, caught) in [head].into_iter().chain(behind) {
                let smaller = shrunk.get(&(tally.scenario.name, rule.to_owned()));
                text.push('\n');
                text.push_str(&caught_text(tally, rule, caught, smaller));
            }
        }
    }
    text
}

/// How many rules had an occasion to be broken: what was clean without one was not tested.
fn occasions(tallies: &[Tally]) -> String {
    let mut text = String::new();
    for tally in tallies.iter().filter(|tally| tally.seeds > 0) {
        let without: Vec<&str> =
            RULES.iter().map(|rule| rule.id).filter(|rule| !tally.gave(*rule)).map(|rule| rule.0).collect();
        let (name, had, all) = (tally.scenario.name, RULES.len() - without.len(), RULES.len());
        let rest =
            if without.is_empty() { String::new() } else { format!("; without: {}", without.join(", ")) };
        let line = format!("{name}: {had} of {all} rules had an occasion to be broken{rest}");
        writeln!(text, "\n{}", indent(&line)).expect("writing to a string succeeds");
    }
    text
}

fn overview(tallies: &[Tally]) -> Table {
    let mut table = table(&[
        "scenario",
        "seeds",
        "virtual time",
        "events",
        "requests / answered",
        "alarms fired / retried",
        "worst lateness",
        "verdict",
    ]);
    for tally in tallies {
        let counts = &tally.counts;
        let verdict = match (tally.verdict(), tally.scenario.expect) {
            _ if tally.seeds == 0 => "no run: nothing was judged".to_owned(),
            (Ok(()), Expect::Clean) => "clean".to_owned(),
            (Ok(()), Expect::Caught { .. }) => {
                format!("caught, as expected: {}", rules(tally))
            }
            (Err(wrong), _) => format!("NOT AS EXPECTED: {wrong}"),
        };
        table.add_row([
            tally.scenario.name.to_owned(),
            tally.seeds.to_string(),
            virtual_time(counts.virtual_ns),
            counts.events.to_string(),
            format!("{} / {}", counts.requests, counts.answered),
            format!("{} / {}", counts.runs_started, counts.runs_retried),
            tally.lateness.worst().map_or("none fired".to_owned(), story::seconds),
            verdict,
        ]);
    }
    table
}

/// What the failures of machines came to.
fn failures(tallies: &[Tally]) -> Table {
    let mut table = table(&[
        "scenario",
        "seeds with a machine lost",
        "objects lost",
        "runs cut short",
        "alarms failed over: machine / datacenter",
        "group leaders elected",
        "snapshots installed",
        "stale epochs refused",
    ]);
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
fn by_topic(tally: &Tally) -> Table {
    let mut table = table(&["one trouble a run", "alarms", "late: p50", "p99", "worst"]);
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
fn faults(tallies: &[Tally]) -> Table {
    let mut header = vec!["with an effect / injected (seeds)"];
    header.extend(tallies.iter().map(|tally| tally.scenario.name));
    let mut table = table(&header);
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

fn caught_text(tally: &Tally, rule: &str, caught: &Caught, smaller: Option<&Smaller>) -> String {
    let Caught { seeds, times, first_in, behind, first_seed, sentences } = caught;
    let name = tally.scenario.name;
    let counted = if times == seeds { String::new() } else { format!(", {times} times") };
    let mut text = format!("{name} broke {rule} ({seeds} of {} seeds{counted}). ", tally.seeds);
    if first_in < seeds {
        let behind: Vec<String> = behind.iter().map(|(rule, seeds)| format!("{rule} in {seeds}")).collect();
        write!(text, "Something else came before it: {}. ", behind.join(", "))
            .expect("writing to a string succeeds");
    }
    match smaller {
        Some(smaller) => {
            let stopped = if smaller.shrunk.interrupted { ", as far as it came" } else { "" };
            write!(text, "Seed {first_seed}, made smaller{stopped}:\n{}", small_story(smaller))
        }
        None => writeln!(text, "Seed {first_seed}:\n{}", indent(sentences)),
    }
    .expect("writing to a string succeeds");
    if smaller.is_some() {
        writeln!(text, "  this story: cargo run --release -- shrink {name} {first_seed} --rule '{rule}'")
            .expect("writing to a string succeeds");
    }
    writeln!(text, "  replay: {}", replay_line(&format_args!("{name} {first_seed}")))
        .expect("writing to a string succeeds");
    text
}

/// Where there is no terminal that would say how wide it is, tables are so wide at most.
const WIDTH_MAX: u16 = 140;

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    if !table.is_tty() {
        table.set_width(WIDTH_MAX);
    }
    table
}

/// Whole seconds of virtual time, in words.
fn virtual_time(virtual_ns: u64) -> String {
    humantime::format_duration(Duration::from_secs(virtual_ns / 1_000_000_000)).to_string()
}
