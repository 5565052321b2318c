//! Plans in which only chosen kinds of failures happen: for whoever wants to see what one of them does to an object. The world
//! around them is mild: no message is lost and the clocks agree, unless that is what was chosen.

use reveille_sim::kinds::draw::{Draw, OfDatacenter, OfMachine, Stage};
use reveille_sim::kinds::{self, Row, Strikes};
use reveille_sim::plan::{Fault, Moment, Target};

use super::trouble::{Ground, Trouble};

/// Kinds of failures, and the moments at which they strike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// By their names in the table of kinds; at least one.
    names: Vec<&'static str>,
    /// Empty for any time.
    moments: Vec<Moment>,
}

/// The kinds of these names, as `docs/faults.md` lists them: `kinds(["crash", "slow-disk"])`. Each plan has one to six failures
/// of these kinds.
///
/// # Panics
///
/// If there are none, or the table of kinds does not have one of them.
pub fn kinds(names: impl IntoIterator<Item = &'static str>) -> Kinds {
    let names: Vec<_> = names.into_iter().collect();
    assert!(
        !names.is_empty(),
        "no kind of failures is chosen: for a world without any there is Failures::None"
    );
    for name in &names {
        let all = || choosable().map(|row| row.name).collect::<Vec<_>>().join(", ");
        assert!(
            choosable().any(|row| row.name == *name),
            "there is no kind of failures {name:?}; there are: {}",
            all()
        );
    }
    Kinds { names, moments: Vec::new() }
}

impl Kinds {
    /// Each strikes whoever is the next to be at one of these moments.
    ///
    /// # Panics
    ///
    /// If one of the kinds does not strike machines: it cannot wait for one.
    #[must_use]
    pub fn at(mut self, moments: impl IntoIterator<Item = Moment>) -> Self {
        for row in self.rows() {
            assert!(
                row.strikes == Strikes::Machine,
                "{:?} strikes no machine: it cannot wait for a moment of one",
                row.name
            );
        }
        self.moments.extend(moments);
        self
    }

    fn rows(&self) -> impl Iterator<Item = &'static Row> {
        choosable().filter(|row| self.names.contains(&row.name))
    }
}

/// The rows that can be drawn: what stands with the plan's network is none.
fn choosable() -> impl Iterator<Item = &'static Row> {
    kinds::table().filter(|row| !row.draws.is_empty())
}

/// The most failures of a plan.
const MANY_MAX: usize = 6;
/// They begin within this time.
const WITHIN_MS: u64 = 60_000;
/// The longest.
const LONGEST_MS: u64 = 120_000;
/// What is in most plans absent is asked for so often, until it is there.
const DRAWS_MAX: usize = 1_000;

/// One to six failures of these kinds.
pub(super) fn trouble(ground: &mut Ground<'_>, kinds: &Kinds) -> Trouble {
    let rows: Vec<_> = kinds.rows().collect();
    (0..ground.dice.draw(1..=MANY_MAX)).fold(Trouble::default(), |trouble, _| {
        let row = ground.dice.one_of(&rows);
        let (at_ms, for_ms) = (ground.dice.draw(0..WITHIN_MS), ground.dice.log(50..LONGEST_MS));
        trouble.joined(one(ground, row, &kinds.moments, for_ms).later(at_ms))
    })
}

/// One failure of a kind; none where the cluster has nothing that the kind could strike.
fn one(ground: &mut Ground<'_>, row: &Row, moments: &[Moment], for_ms: u64) -> Trouble {
    let cluster = ground.stage.cluster;
    match ground.dice.one_of(row.draws) {
        Draw::Machine(_, kind) => {
            let target = match moments {
                [] => ground.anybody(),
                moments => Target::Next(ground.dice.one_of(moments)),
            };
            Trouble::one(ground.dice.draw(kind(&OfMachine { cluster, target, for_ms })))
        }
        Draw::Datacenter(_, kind) => {
            let [datacenter, other, ..] = ground.datacenters()[..] else { return Trouble::default() };
            let flag = ground.dice.percent(50);
            Trouble::one(ground.dice.draw(kind(&OfDatacenter { cluster, datacenter, other, flag, for_ms })))
        }
        Draw::Outside(kind) => Trouble::default().and_outage(0, for_ms, ground.dice.draw(kind())),
        Draw::Apart(_, faults) => {
            let stage = Stage { faults_ms: WITHIN_MS, ..ground.stage.clone() };
            // What is drawn apart may come with another kind, as a slow disk with a loss of power: that was not chosen.
            let of_kind = |fault: &Fault| fault.kind.row().name.starts_with(row.name);
            let drawn = (0..DRAWS_MAX).map(|_| ground.dice.draw(faults(&stage)));
            let mut drawn = drawn.map(|faults| faults.into_iter().filter(of_kind).collect::<Vec<_>>());
            let drawn = drawn.find(|faults| !faults.is_empty()).unwrap_or_default();
            Trouble::of(drawn.into_iter().map(|fault| (fault.at_ms, fault.kind)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::example::ticker;
    use crate::plans::Failures;
    use crate::scenario::Scenario;

    fn drawn(scenario: &Scenario) -> BTreeSet<&'static str> {
        let plans = (0..40).map(|seed| scenario.plan(seed));
        let names = plans.flat_map(|plan| {
            plan.validate().expect("it can be run");
            assert_eq!(plan.network.loss_ppm, 0);
            let faults = plan.faults.iter().map(|fault| fault.kind.row().name).collect::<Vec<_>>();
            faults.into_iter().chain(plan.upstream.outages.into_iter().map(|outage| outage.kind.name()))
        });
        names.collect()
    }

    #[test]
    fn without_failures_nothing_breaks() {
        assert!(drawn(&ticker().failures(Failures::None)).is_empty());
    }

    #[test]
    fn every_kind_can_be_chosen_and_then_nothing_else_breaks() {
        for row in choosable() {
            // A form of a kind, as one way of a cut, is called after it.
            let drawn = drawn(&ticker().failures(kinds([row.name])));
            assert!(
                drawn.contains(row.name) && drawn.iter().all(|name| name.starts_with(row.name)),
                "{drawn:?}"
            );
        }
    }

    #[test]
    fn a_kind_waits_for_its_moment() {
        let scenario = ticker().failures(kinds(["crash", "pause"]).at([Moment::EndRun]));
        let faults: Vec<_> = (0..40).flat_map(|seed| scenario.plan(seed).faults).collect();
        assert!(faults.len() >= 40, "{} faults in 40 plans", faults.len());
        assert!(faults.iter().all(|fault| fault.kind.target() == Some(&Target::Next(Moment::EndRun))));
    }

    #[test]
    #[should_panic(expected = "there is no kind of failures \"crsh\"; there are: crash, power-loss")]
    fn a_kind_that_is_not_there_is_refused() {
        _ = kinds(["crsh"]);
    }

    #[test]
    #[should_panic(expected = "\"slow-disk\" strikes no machine")]
    fn what_strikes_no_machine_waits_for_none() {
        _ = kinds(["slow-disk"]).at([Moment::EndRun]);
    }
}
