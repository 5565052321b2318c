//! What a machine decides about others, from the roster that it sees: that a session is over, that its datacenter needs a
//! leader, and, if it is the leader itself, who is to hold which slice (D5, D6).
//!
//! Pure decisions: the registry refuses what comes too late, so it does no harm if two decide at once.

use std::collections::BTreeMap;

use crate::config::{Config, NS_PER_MS};
use crate::ids::{DatacenterId, MachineId, SessionId, SliceId};
use crate::placement::placement;
use crate::registry::{Change, Roster};

/// How long a machine's lease lasts, on its own monotonic clock, from before it asked for it.
pub(crate) const LEASE_MS: u64 = 4_000;
/// A machine renews its lease so often.
pub(crate) const RENEW_MS: u64 = 1_000;
/// Two monotonic clocks drift apart by at most this in a lease: 1,000 ppm (SPEC.md, "Clocks"), rounded up generously.
const DRIFT_MARGIN_MS: u64 = 100;
/// Who has heard nothing from the registry for so long cannot tell who would have renewed meanwhile: perhaps the system
/// group had no leader, and nobody could.
const DEAF_MS: u64 = 3 * RENEW_MS;
/// After that all who are alive have so long to renew: to find the leader of the system group, to be proposed at its next
/// tick, and to be heard of. Without it nothing unsafe would happen, only needless moves: whoever ends a session names
/// the renewal that he saw, and no lease outlasts the one that came with it.
const REGAIN_MS: u64 = 2_500;
/// A machine that was never seen with a session is given up after this: one that boots has the time to open one.
const MISSING_MS: u64 = 1_000;

/// What one machine has seen of the others' sessions, on its own monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The last renewal that was seen of each machine's live session.
    renewals: BTreeMap<MachineId, Seen>,
    /// Machines without a session, and when they are given up.
    missing: BTreeMap<MachineId, u64>,
    heard_ns: u64,
    /// Since when it has heard from the registry all the time.
    hearing_since_ns: u64,
}

/// A session as it was seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    session: SessionId,
    renewal: u64,
    /// Since when the number of its renewal has been that.
    since_ns: u64,
}

impl Watch {
    /// A newer roster has come.
    pub(crate) fn see(&mut self, config: &Config, roster: &Roster, now_ns: u64) {
        if now_ns - self.heard_ns > DEAF_MS * NS_PER_MS {
            self.hearing_since_ns = now_ns;
            self.missing.clear();
        }
        self.heard_ns = now_ns;
        for machine in (0..config.machines()).map(MachineId) {
            let Some(live) = roster.session_of(machine) else {
                // Whose session was ended has been silent for long enough.
                let patience_ms = if self.renewals.remove(&machine).is_some() { 0 } else { MISSING_MS };
                self.missing.entry(machine).or_insert(now_ns + patience_ms * NS_PER_MS);
                continue;
            };
            self.missing.remove(&machine);
            let seen = Seen { session: live.id, renewal: live.renewal, since_ns: now_ns };
            let known = self.renewals.entry(machine).or_insert(seen);
            if (known.session, known.renewal) != (live.id, live.renewal) {
                *known = seen;
            }
        }
    }

    /// The end of a machine's session, if its renewal number has not changed for longer than the lease.
    pub(crate) fn expired(&self, machine: MachineId, now_ns: u64) -> Option<Change> {
        let Seen { session, renewal, since_ns } = *self.renewals.get(&machine)?;
        let is_silent = now_ns - since_ns > (LEASE_MS + DRIFT_MARGIN_MS) * NS_PER_MS;
        let could_renew = now_ns - self.hearing_since_ns > REGAIN_MS * NS_PER_MS;
        (is_silent && could_renew).then_some(Change::End { session, renewal })
    }

    fn is_given_up(&self, machine: MachineId, now_ns: u64) -> bool {
        self.missing.get(&machine).is_some_and(|at_ns| now_ns >= *at_ns)
    }
}

/// What `me` should have changed next, if anything. `session` is its own.
pub(crate) fn decide(
    config: &Config,
    me: MachineId,
    session: SessionId,
    roster: &Roster,
    watch: &Watch,
    now_ns: u64,
) -> Option<Change> {
    if now_ns - watch.heard_ns > DEAF_MS * NS_PER_MS {
        return None;
    }
    let home = config.datacenter_of(me);
    let leader = roster.leader_of(home);
    let i_lead = leader.filter(|(machine, by, _)| (*machine, *by) == (me, session));
    end_session(me, roster, watch, leader.map(|(machine, ..)| machine), now_ns)
        .or_else(|| stand(config, me, session, roster, home))
        .or_else(|| i_lead.and_then(|(_, _, term)| assign(config, roster, watch, home, term, now_ns)))
}

/// D5: a session that was not renewed is ended, by the leaders; the leader's own, by the machines of its datacenter.
fn end_session(
    me: MachineId,
    roster: &Roster,
    watch: &Watch,
    leader: Option<MachineId>,
    now_ns: u64,
) -> Option<Change> {
    let may_end =
        |machine: MachineId| machine != me && leader.is_none_or(|leader| leader == me || leader == machine);
    roster
        .live()
        .map(|(machine, _)| machine)
        .filter(|machine| may_end(*machine))
        .find_map(|machine| watch.expired(machine, now_ns))
}

/// D6: the first live machine of a datacenter stands for it if it may lead it; one that is not frail goes before all that
/// are.
fn stand(
    config: &Config,
    me: MachineId,
    session: SessionId,
    roster: &Roster,
    datacenter: DatacenterId,
) -> Option<Change> {
    let live = roster.live().map(|(machine, _)| machine);
    let first = live
        .filter(|machine| config.datacenter_of(*machine) == datacenter)
        .min_by_key(|machine| (roster.is_frail(*machine), *machine))?;
    let over = roster.term_of(datacenter);
    (first == me && roster.may_lead(datacenter, me)).then_some(Change::Lead { datacenter, session, over })
}

/// D3, D5: slices that are to be held by machines of the leader's datacenter, and are assigned elsewhere.
fn assign(
    config: &Config,
    roster: &Roster,
    watch: &Watch,
    datacenter: DatacenterId,
    term: u64,
    now_ns: u64,
) -> Option<Change> {
    let machines = (0..config.machines()).map(MachineId);
    let alive: Vec<MachineId> = machines.filter(|machine| !watch.is_given_up(*machine, now_ns)).collect();
    let spares = |slice, machine| roster.yields().spare(slice, machine);
    let placed = (0..).map(SliceId).zip(placement(config, &fit(&alive, roster), spares));
    let moves: Vec<(SliceId, MachineId)> = placed
        .filter_map(|(slice, to)| Some((slice, to?)))
        .filter(|(slice, to)| config.datacenter_of(*to) == datacenter && roster.assigned(*slice) != *to)
        .filter(|(_, to)| roster.session_of(*to).is_some())
        .collect();
    let over = roster.assignments();
    (!moves.is_empty()).then_some(Change::Assign { datacenter, term, over, moves })
}

/// L2: the machines that are given slices: those of the living that are not frail. If these are less than a third of
/// them the trouble is everybody's, and nobody is spared: a few could not carry what all do.
fn fit(alive: &[MachineId], roster: &Roster) -> Vec<MachineId> {
    let steady: Vec<MachineId> = alive.iter().copied().filter(|machine| !roster.is_frail(*machine)).collect();
    if 3 * steady.len() < alive.len() { alive.to_vec() } else { steady }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Registry, Renewal};

    const SECOND_NS: u64 = 1_000 * NS_PER_MS;
    const OTHER: MachineId = MachineId(1);

    fn config() -> Config {
        Config::new(3, 1, 1, 3)
    }

    /// The registry after all machines have opened sessions.
    fn registry() -> Registry {
        let mut registry = Registry::new(&config());
        for machine in 0..config().machines() {
            registry.apply(&Change::Open { machine: MachineId(machine), boot: 1, over: 0 });
        }
        registry
    }

    /// What it says after some sessions have been renewed.
    fn roster(renewed: &[u64]) -> Roster {
        let mut registry = registry();
        let renewal = |session| Renewal { session: SessionId(session), over: 0, ran_out: false };
        let renewals = renewed.iter().copied().map(renewal).collect();
        registry.apply(&Change::Renew { beats: 1, renewals });
        registry.roster().clone()
    }

    fn expires(watch: &Watch, at_s: u64) -> bool {
        watch.expired(OTHER, at_s * SECOND_NS).is_some()
    }

    #[test]
    fn d5_who_was_silent_for_longer_than_the_lease_is_found() {
        let mut watch = Watch::default();
        for at_s in 1..=7 {
            watch.see(&config(), &roster(&[]), at_s * SECOND_NS);
            assert_eq!(expires(&watch, at_s), at_s > 5, "first seen after 1 s, now {at_s} s");
        }
        let end = Change::End { session: SessionId(2), renewal: 0 };
        assert_eq!(watch.expired(OTHER, 7 * SECOND_NS), Some(end));
        watch.see(&config(), &roster(&[2]), 8 * SECOND_NS);
        assert!(!expires(&watch, 12), "it has renewed");
    }

    #[test]
    fn after_a_time_in_which_nobody_could_renew_all_have_the_time_to() {
        let mut watch = Watch::default();
        watch.see(&config(), &roster(&[]), SECOND_NS);
        // Nothing was heard for seven seconds.
        watch.see(&config(), &roster(&[]), 8 * SECOND_NS);
        watch.see(&config(), &roster(&[]), 10 * SECOND_NS);
        assert!(!expires(&watch, 10), "it has had two seconds");
        watch.see(&config(), &roster(&[]), 11 * SECOND_NS);
        assert!(expires(&watch, 11), "it has had three, and is silent since the first");
    }

    #[test]
    fn d5_whose_session_was_ended_is_given_up_at_once_and_who_boots_is_not() {
        let mut ended = registry();
        ended.apply(&Change::End { session: SessionId(2), renewal: 0 });
        let ended = ended.roster();
        let mut watch = Watch::default();
        watch.see(&config(), ended, SECOND_NS);
        assert!(!watch.is_given_up(OTHER, SECOND_NS), "it may be booting");
        assert!(watch.is_given_up(OTHER, 2 * SECOND_NS));
        let mut watch = Watch::default();
        watch.see(&config(), &roster(&[]), SECOND_NS);
        watch.see(&config(), ended, 2 * SECOND_NS);
        assert!(watch.is_given_up(OTHER, 2 * SECOND_NS));
    }

    /// Processes of this machine have crashed again and again.
    fn make_frail(registry: &mut Registry, machine: u16) {
        for over in 1..=3 {
            registry.apply(&Change::Open { machine: MachineId(machine), boot: 1 + over, over });
        }
    }

    #[test]
    fn l2_a_frail_machine_is_given_nothing_unless_most_are_frail() {
        let alive: Vec<MachineId> = (0..9).map(MachineId).collect();
        let mut registry = Registry::new(&Config::new(3, 3, 1, 9));
        for machine in &alive {
            registry.apply(&Change::Open { machine: *machine, boot: 1, over: 0 });
        }
        for frail in 0..6 {
            assert_eq!(fit(&alive, registry.roster()), alive[usize::from(frail)..], "{frail} are frail");
            make_frail(&mut registry, frail);
        }
        assert_eq!(fit(&alive, registry.roster()), alive[6..]);
        make_frail(&mut registry, 6);
        assert_eq!(fit(&alive, registry.roster()), alive, "two of nine could not carry what all do");
    }

    #[test]
    fn d6_who_is_not_frail_takes_the_lead_from_who_is() {
        let config = Config::new(1, 2, 1, 2);
        let mut registry = Registry::new(&config);
        let datacenter = DatacenterId(0);
        for machine in 0..2 {
            registry.apply(&Change::Open { machine: MachineId(machine), boot: 1, over: 0 });
        }
        let stands = |registry: &Registry, machine, session| {
            stand(&config, MachineId(machine), SessionId(session), registry.roster(), datacenter)
        };
        let first = stands(&registry, 0, 1).expect("the first machine stands");
        assert_eq!(stands(&registry, 1, 2), None);
        registry.apply(&first);
        make_frail(&mut registry, 0);
        registry.apply(&Change::Lead { datacenter, session: SessionId(5), over: 1 });
        assert_eq!(registry.roster().leader_of(datacenter), Some((MachineId(0), SessionId(5), 2)));
        assert_eq!(stands(&registry, 0, 5), None);
        let over = Change::Lead { datacenter, session: SessionId(2), over: 2 };
        assert_eq!(stands(&registry, 1, 2), Some(over));
    }
}
