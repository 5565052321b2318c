//! The table of kinds of faults, kind by kind and without a list by hand: each is drawn, has an effect, reads as a
//! sentence, shrinks, and is documented.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use reveille_model::history::{Event, What};
use reveille_model::{Profile, check};
use reveille_sim::kinds::{self, Row, Struck};
use reveille_sim::plan::{Fault, FaultKind, Outage, Plan};

use crate::common::scenario;

/// Seeds of each scenario within which every kind is drawn.
const DRAWN_WITHIN: u64 = 150;
/// Seeds of one scenario within which every kind has an effect.
const EFFECTIVE_WITHIN: u64 = 400;

/// Every name in the table: those of kinds that are aimed at a leader, too.
fn names() -> BTreeSet<&'static str> {
    kinds::table().flat_map(|row| row.names().map(|(name, _)| name)).collect()
}

/// All plans that are drawn.
fn plans() -> impl Iterator<Item = Plan> {
    let all = scenarios::catalogue().all().to_vec();
    all.into_iter().flat_map(|scenario| (0..DRAWN_WITHIN).map(move |seed| scenario.plan(seed)))
}

fn faults() -> impl Iterator<Item = (Plan, Fault)> {
    plans().flat_map(|plan| {
        let faults = plan.faults.clone();
        faults.into_iter().map(move |fault| (plan.clone(), fault))
    })
}

fn outages() -> impl Iterator<Item = (Plan, Outage)> {
    plans().flat_map(|plan| {
        let outages = plan.upstream.outages.clone();
        outages.into_iter().map(move |outage| (plan.clone(), outage))
    })
}

#[test]
fn names_are_unique_and_lead_to_their_rows() {
    let all: Vec<_> =
        kinds::table().flat_map(|row| row.names().map(move |(name, role)| (name, row.name, role))).collect();
    assert_eq!(all.len(), names().len());
    for (name, of_row, role) in all {
        let (row, told) = kinds::named(name).expect("it stands in the table");
        assert_eq!((row.name, told), (of_row, role));
    }
    assert!(kinds::named("meteor").is_none());
}

#[test]
fn every_kind_is_drawn() {
    let mut missing = names();
    for plan in plans() {
        for fault in &plan.faults {
            missing.remove(fault.kind.name());
        }
        for outage in &plan.upstream.outages {
            missing.remove(outage.kind.name());
        }
        if plan.network.loss_ppm > 0 {
            missing.remove("background-loss");
        }
    }
    assert!(missing.is_empty(), "not drawn within {DRAWN_WITHIN} seeds of any scenario: {missing:?}");
}

#[test]
fn every_kind_has_an_effect_and_reads_as_a_sentence() {
    let batcher = scenario("batcher");
    let mut missing = names();
    for seed in 0..EFFECTIVE_WITHIN {
        let outcome = batcher.run(&batcher.plan(seed));
        for event in &outcome.history.events {
            if let What::FaultBegin { kind, scope, takes, .. } = &event.what {
                let (row, role) = kinds::named(kind).expect("it stands in the table");
                reads(&row.begins(&Struck { scope, role }), kind);
                reads(&row.ends(&Struck { scope, role: None }), kind);
                let takes = takes.as_ref().expect("the world says what it takes");
                assert!(takes.iter().all(|takes| row.takes.contains(takes)), "seed {seed}: {kind} {takes:?}");
            }
        }
        let effective = outcome.counts.faults.iter().filter(|(_, count)| count.effective > 0);
        effective.for_each(|(name, _)| _ = missing.remove(name));
        if missing.is_empty() {
            return;
        }
    }
    panic!("no effect within {EFFECTIVE_WITHIN} seeds: {missing:?}");
}

/// A history that says what its faults take is judged as one that leaves it to their names, as histories did before there
/// was a word for it. Of a stalled disk and of rough links the name alone says nothing.
#[test]
fn what_faults_take_says_no_more_than_their_names_did() {
    let batcher = scenario("batcher");
    let mut seeds = 0;
    for seed in 0.. {
        let mut history = batcher.run(&batcher.plan(seed)).history;
        let judged = check(&history, Profile::Strict);
        let said = |event: &mut Event| match &mut event.what {
            What::FaultBegin { kind, takes, .. } if !["sync-stall", "rough-links"].contains(&&**kind) => {
                takes.take()
            }
            _ => None,
        };
        if history.events.iter_mut().filter_map(said).count() == 0 {
            continue;
        }
        assert_eq!(format!("{judged:?}"), format!("{:?}", check(&history, Profile::Strict)), "seed {seed}");
        seeds += 1;
        if seeds == 20 {
            break;
        }
    }
}

/// A clause is no name, and no sentence of its own yet.
fn reads(sentence: &str, kind: &str) {
    let words = sentence.split(' ').count();
    assert!(words >= 4 && !sentence.starts_with(kind) && !sentence.ends_with('.'), "{kind}: {sentence}");
    assert!(!sentence.contains("links from") || !sentence.contains(" is cut"), "{kind}: {sentence}");
}

#[test]
fn every_kind_is_told_and_shrinks_to_an_end() {
    let mut missing: BTreeSet<&str> = names().into_iter().filter(|name| *name != "background-loss").collect();
    for (mut plan, fault) in faults() {
        if !missing.remove(fault.kind.name()) {
            continue;
        }
        reads(&fault.kind.told(), "_");
        assert!(!fault.kind.simpler().is_empty(), "{fault:?}");
        let valid = |kind: &FaultKind| {
            plan.faults = vec![Fault { at_ms: 0, kind: kind.clone() }];
            plan.validate()
        };
        shrinks(fault.kind, FaultKind::simpler, valid);
    }
    for (mut plan, outage) in outages() {
        if !missing.remove(outage.kind.name()) {
            continue;
        }
        reads(&outage.told(), "_");
        assert!(!outage.simpler().is_empty(), "{outage:?}");
        let valid = |outage: &Outage| {
            plan.upstream.outages = vec![*outage];
            plan.validate()
        };
        shrinks(outage, Outage::simpler, valid);
    }
    assert!(missing.is_empty(), "{missing:?}");
}

/// Whatever is taken of what is simpler: it is another one, it can be run, and there is an end to it.
fn shrinks<T: Clone + PartialEq + std::fmt::Debug, E: std::fmt::Debug + PartialEq>(
    it: T,
    simpler: impl Fn(&T) -> Vec<T>,
    mut valid: impl FnMut(&T) -> Result<(), E>,
) {
    for nth in 0..6 {
        let (mut it, mut steps) = (it.clone(), 0);
        loop {
            let all = simpler(&it);
            for other in &all {
                assert_ne!(*other, it);
                assert_eq!(valid(other), Ok(()), "{other:?}");
            }
            let Some(next) = all.get(nth.min(all.len().saturating_sub(1))) else { break };
            it = next.clone();
            steps += 1;
            assert!(steps < 200, "{it:?} is not the end");
        }
    }
}

/// The table as it stands in docs/faults.md.
fn documented() -> String {
    let mut table = String::from("| kind | strikes | takes | what it does |\n|---|---|---|---|\n");
    for row in kinds::table() {
        let Row { name, strikes, takes, about, by_role, .. } = row;
        let takes: Vec<_> = takes.iter().map(|takes| takes.word()).collect();
        let takes = if takes.is_empty() { "nothing".to_owned() } else { takes.join(", ") };
        let leaders = if by_role.is_some() { ", and at leaders" } else { "" };
        writeln!(table, "| `{name}`{leaders} | {} | {takes} | {about} |", strikes.told())
            .expect("writing to a string succeeds");
    }
    table
}

#[test]
fn every_kind_is_documented() {
    let document = include_str!("../docs/faults.md");
    let table: String =
        document.lines().filter(|line| line.starts_with('|')).map(|line| format!("{line}\n")).collect();
    let expected = documented();
    assert!(table == expected, "docs/faults.md has another table than the kinds; theirs is\n\n{expected}");
    let abouts: BTreeMap<&str, &str> = kinds::table().map(|row| (row.about, row.name)).collect();
    assert_eq!(abouts.len(), kinds::table().count(), "each says what it alone does");
}
