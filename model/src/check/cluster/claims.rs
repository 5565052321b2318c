//! What the datastore and the datacenters' leaders promise, as far as it shows: one holder for each slice and epoch
//! (D5), one leader for each datacenter and term (D4), one for each group and term, replicas that agree (D1), and a
//! leader in each datacenter and replicas that keep up once all is quiet (L4). Remembers who has what, so that [`super::takeover`] can say
//! whether it moved in time (D3, D5, D6). Knows nothing of objects.

use std::collections::BTreeMap;

use super::faults::Faults;
use super::lateness::Pace;
use super::takeover::{Duty, Scene};
use crate::check::ns;
use crate::check::recent::Recent;
use crate::check::report::{OnMachine, Reports, Seconds};
use crate::history::{Constants, Place, What};
use crate::reference::Mark;
use crate::rules::Id;

/// How many epochs or terms are remembered of each thing that can be claimed. Two machines that claim the same one do so
/// with few others between them; a claim that comes after so many newer ones is not held against anything.
const NUMBERS_MAX: usize = 16;

/// A machine has said that it holds or leads something.
#[derive(Clone, Copy, Debug)]
struct Claimed {
    machine: u16,
    mark: Mark,
}

/// By what is claimed: its last few epochs or terms that were new, and who claimed each first. So what is kept is bounded by
/// what there is to claim, however long the run.
#[derive(Debug, Default)]
struct Claims(BTreeMap<u16, Recent<u64, Claimed, NUMBERS_MAX>>);

impl Claims {
    /// Who claimed this first, which is this one if nobody did.
    fn first(&mut self, what: u16, number: u64, claimed: Claimed) -> Claimed {
        let known = self.0.entry(what).or_default();
        if let Some(first) = known.get(&number) {
            return *first;
        }
        known.insert(number, claimed);
        claimed
    }
}

/// Who has held and led what.
#[derive(Debug, Default)]
pub(in crate::check) struct Cluster {
    holders: Claims,
    leaders: Claims,
    group_leaders: Claims,
    /// The leader of each datacenter's highest term, that term, and whether it is known already that another should have it. Terms
    /// are fenced: whoever says later that it leads in a lower one has only heard of it late.
    leading: BTreeMap<u16, (u64, Claimed, bool)>,
    /// The holder of each slice's highest epoch, that epoch, and whether it is known already that it should have moved.
    held: BTreeMap<u16, (u64, Claimed, bool)>,
    /// By group and applied index: what the first replica held there.
    replicas: BTreeMap<(u16, u64), (u64, Mark, Option<Place>)>,
    /// L4: what each group had committed when that was told last.
    committed: BTreeMap<u16, (u64, Mark)>,
    /// L4: how far the replica of a group on a machine had come when that was told last.
    applied: BTreeMap<(u16, u16), (u64, Mark)>,
}

impl Cluster {
    /// Takes an event that is about machines alone.
    pub(in crate::check) fn observe(&mut self, scene: &mut Scene<'_>, place: Option<Place>, what: &What) {
        let mark = scene.now;
        match *what {
            What::Replica { group, applied, state } => {
                return self.replica(scene.reports, mark, place, (group, applied), state);
            }
            What::Committed { group, index } => {
                self.committed.insert(group, (index, mark));
                return;
            }
            _ => {}
        }
        let Some(machine) = place.map(|place| place.machine) else { return };
        let claimed = Claimed { machine, mark };
        match *what {
            What::Holder { slice, epoch, .. } => {
                claim(scene.reports, &mut self.holders, &HOLDS_SLICE, (slice, epoch), claimed);
                self.hold(scene, slice, epoch, claimed);
            }
            What::Leader { datacenter, term } => {
                claim(scene.reports, &mut self.leaders, &LEADS_DATACENTER, (datacenter, term), claimed);
                self.lead(scene, datacenter, term, claimed);
            }
            What::GroupLeader { group, term } => {
                claim(scene.reports, &mut self.group_leaders, &LEADS_GROUP, (group, term), claimed);
            }
            _ => {}
        }
    }

    /// D3, D5: a slice has a newer holder.
    fn hold(&mut self, scene: &mut Scene<'_>, slice: u16, epoch: u64, claimed: Claimed) {
        let Some((highest, before, is_told)) = self.held.get(&slice).copied() else {
            self.held.insert(slice, (epoch, claimed, false));
            return;
        };
        if epoch < highest {
            return;
        }
        if before.machine != claimed.machine && !is_told {
            scene.judge(Duty::Slice(slice), before.machine, before.mark);
        }
        self.held.insert(slice, (epoch, claimed, false));
    }

    /// D6: a datacenter has a newer leader.
    fn lead(&mut self, scene: &mut Scene<'_>, datacenter: u16, term: u64, claimed: Claimed) {
        let highest = self.leading.entry(datacenter).or_insert((term, claimed, false));
        if term < highest.0 {
            return;
        }
        if highest.1.machine != claimed.machine && !highest.2 {
            scene.judge(Duty::Lead(datacenter), highest.1.machine, highest.1.mark);
        }
        *highest = (term, claimed, false);
    }

    /// D3, D5, D6: something is about to be struck or to be back, or the run is over: whether everything had moved by then that had
    /// to.
    pub(in crate::check) fn judge_moves(&mut self, scene: &mut Scene<'_>) {
        for (slice, (_, claimed, is_told)) in &mut self.held {
            if !*is_told {
                *is_told = scene.judge(Duty::Slice(*slice), claimed.machine, claimed.mark);
            }
        }
        for (datacenter, (_, claimed, is_told)) in &mut self.leading {
            if !*is_told {
                *is_told = scene.judge(Duty::Lead(*datacenter), claimed.machine, claimed.mark);
            }
        }
    }

    /// D3: whether in the end the slices lie on all machines.
    pub(in crate::check) fn judge_spread(&self, scene: &mut Scene<'_>) {
        scene.spread(self.held.values().map(|(_, claimed, _)| (claimed.machine, claimed.mark)));
    }

    /// D1, L4: replicas of a group that have applied as much hold the same.
    fn replica(
        &mut self,
        reports: &mut Reports,
        mark: Mark,
        place: Option<Place>,
        at: (u16, u64),
        state: u64,
    ) {
        if let Some(place) = place {
            // What its process says and what its disk shows are told alike: the lesser counts.
            let applied = self.applied.entry((at.0, place.machine)).or_insert((at.1, mark));
            *applied = (*applied).min((at.1, mark));
        }
        if self.replicas.contains_key(&at) {
            reports.saw(Id::D1);
        }
        let (known, first, where_first) = *self.replicas.entry(at).or_insert((state, mark, place));
        if known == state {
            return;
        }
        let (group, applied) = at;
        let sentences = format!(
            "The replicas of group {group}{} and{} have both applied entry {applied}, yet they do not hold the same.",
            OnMachine(where_first),
            OnMachine(place),
        );
        reports.add(Id::D1, None, mark.at_ns, &[first, mark], sentences);
    }

    /// L4: long after the last fault each datacenter has one leader, and that one has not forgotten that it is. Only
    /// for histories that tell of leaders.
    pub(in crate::check) fn end_of_run(
        &self,
        reports: &mut Reports,
        constants: &Constants,
        faults: &Faults,
        pace: &Pace,
        end: Mark,
    ) {
        let Some(calm_since_ns) = faults.calm_since_ns() else { return };
        // No wall clock is concerned.
        let quiet_ns = calm_since_ns.saturating_add(ns(constants.lateness_failures_ms));
        if quiet_ns >= end.at_ns {
            return;
        }
        self.judge_replicas(reports, constants, faults, pace, (calm_since_ns, end));
        if self.leading.is_empty() {
            return;
        }
        let mut datacenters = pace.datacenter_of.clone();
        datacenters.sort_unstable();
        datacenters.dedup();
        let stays_up = |datacenter: u16| {
            let mut machines = (0..=u16::MAX).zip(&pace.datacenter_of);
            machines.any(|(machine, of)| *of == datacenter && !faults.stays_down(machine, constants))
        };
        for datacenter in datacenters.into_iter().filter(|datacenter| stays_up(*datacenter)) {
            let last = self.leading.get(&datacenter).map(|(_, last, _)| last);
            let stopped = last.and_then(|last| faults.stopped(last.machine, Some(datacenter)));
            let why = match (last, stopped) {
                (None, _) => "no machine ever led it".to_owned(),
                (Some(last), _) if pace.datacenter(last.machine) != Some(datacenter) => {
                    format!("machine {}, which leads it, is in another", last.machine)
                }
                (Some(last), Some(stopped)) if stopped.at_ns > last.mark.at_ns => format!(
                    "machine {}, which led it last, stopped at {} and has not led it since",
                    last.machine,
                    Seconds(stopped.at_ns)
                ),
                _ => continue,
            };
            let sentences = format!(
                "No fault was at work after {}. Yet at the end of the run, at {}, datacenter {datacenter} has no leader: \
                 {why}.",
                Seconds(calm_since_ns),
                Seconds(end.at_ns),
            );
            let evidence: Vec<Mark> = last.iter().map(|last| last.mark).chain([end]).collect();
            reports.add(Id::L4, None, end.at_ns, &evidence, sentences);
        }
    }
}

impl Cluster {
    /// L4: every replica has applied what its group had committed. One that is built anew has longer for that.
    fn judge_replicas(
        &self,
        reports: &mut Reports,
        constants: &Constants,
        faults: &Faults,
        pace: &Pace,
        (calm_since_ns, end): (u64, Mark),
    ) {
        for ((group, machine), (applied, told)) in &self.applied {
            let Some((committed, known)) = self.committed.get(group) else { continue };
            reports.saw(Id::L4);
            let lost = faults.lost_disk(*machine, pace.datacenter(*machine));
            let rebuilt_ns =
                lost.zip(constants.rebuild_ms).map_or(0, |(lost, ms)| lost.at_ns.saturating_add(ns(ms)));
            if applied >= committed || rebuilt_ns >= known.at_ns || faults.stays_down(*machine, constants) {
                continue;
            }
            let sentences = format!(
                "No fault was at work after {}. Group {group} had committed {committed} entries at {}; yet at the end of the run, \
                 at {}, its replica on machine {machine} has applied {applied} of them.",
                Seconds(calm_since_ns),
                Seconds(known.at_ns),
                Seconds(end.at_ns),
            );
            reports.add(Id::L4, None, end.at_ns, &[*known, *told], sentences);
        }
    }
}

/// A kind of claim that at most one machine makes with the same number.
struct Kind {
    rule: Id,
    does: &'static str,
    number: &'static str,
}

const HOLDS_SLICE: Kind = Kind { rule: Id::D5, does: "holds slice", number: "epoch" };
const LEADS_DATACENTER: Kind = Kind { rule: Id::D4, does: "leads datacenter", number: "term" };
const LEADS_GROUP: Kind = Kind { rule: Id::D1, does: "leads group", number: "term" };

fn claim(reports: &mut Reports, claims: &mut Claims, kind: &Kind, key: (u16, u64), claimed: Claimed) {
    reports.saw(kind.rule);
    let (what, number) = key;
    let first = claims.first(what, number, claimed);
    if first.machine == claimed.machine {
        return;
    }
    let sentences = format!(
        "Machine {} said at {} that it {} {what} in {} {number}; and so did machine {} at {}.",
        first.machine,
        Seconds(first.mark.at_ns),
        kind.does,
        kind.number,
        claimed.machine,
        Seconds(claimed.mark.at_ns),
    );
    reports.add(kind.rule, None, claimed.mark.at_ns, &[first.mark, claimed.mark], sentences);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_a_long_run_are_not_all_kept() {
        let mut claims = Claims::default();
        let claimed = |machine| Claimed { machine, mark: Mark { index: 0, at_ns: 0 } };
        for number in 0..1_000 {
            for what in 0..3 {
                let first = claims.first(what, number, claimed(1));
                assert_eq!((first.machine, claims.first(what, number, claimed(2)).machine), (1, 1));
            }
        }
        assert_eq!(claims.first(0, 0, claimed(2)).machine, 2, "nobody knows any more who claimed that first");
    }
}
