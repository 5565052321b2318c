//! The registry: sessions end only by a number that is still true, leaders are fenced by their term, and every slice is
//! placed on somebody who is alive.

use reveille_system::config::Config;
use reveille_system::ids::{DatacenterId, MachineId, SessionId, SliceId};
use reveille_system::leader::placement;
use reveille_system::registry::{Change, Roster};

const HOME: DatacenterId = DatacenterId(0);

fn config() -> Config {
    Config::new(3, 3, 8, 72)
}

/// A registry in which these machines have opened sessions, in this order: session 1 for the first.
fn with_sessions(machines: &[u16]) -> Roster {
    let mut roster = Roster::new(&config());
    for machine in machines {
        roster.apply(&Change::Open { machine: MachineId(*machine), nonce: 7 });
    }
    roster
}

#[test]
fn a_session_that_was_renewed_meanwhile_does_not_end() {
    let mut roster = with_sessions(&[0]);
    roster.apply(&Change::Renew { session: SessionId(1) });
    roster.apply(&Change::End { session: SessionId(1), renewal: 0 });
    assert!(!roster.has_ended(SessionId(1)));
    roster.apply(&Change::End { session: SessionId(1), renewal: 1 });
    assert!(roster.has_ended(SessionId(1)));
}

#[test]
fn a_session_that_has_ended_never_comes_back() {
    let mut roster = with_sessions(&[0]);
    roster.apply(&Change::End { session: SessionId(1), renewal: 0 });
    roster.apply(&Change::Renew { session: SessionId(1) });
    assert!(roster.has_ended(SessionId(1)));
    roster.apply(&Change::Open { machine: MachineId(0), nonce: 8 });
    assert!(roster.has_ended(SessionId(1)) && !roster.has_ended(SessionId(2)));
}

#[test]
fn a_session_that_is_not_known_yet_has_not_ended() {
    let roster = with_sessions(&[0]);
    assert!(!roster.has_ended(SessionId(2)));
}

#[test]
fn opening_twice_with_one_nonce_is_one_session_and_with_another_ends_the_first() {
    let mut roster = with_sessions(&[0, 0]);
    assert!(!roster.has_ended(SessionId(1)));
    roster.apply(&Change::Open { machine: MachineId(0), nonce: 8 });
    assert!(roster.has_ended(SessionId(1)));
}

#[test]
fn d4_a_datacenter_has_one_leader_a_term() {
    let mut roster = with_sessions(&[0, 1]);
    roster.apply(&Change::Lead { datacenter: HOME, session: SessionId(1), over: 0 });
    roster.apply(&Change::Lead { datacenter: HOME, session: SessionId(2), over: 0 });
    assert_eq!(roster.leader_of(HOME), Some((MachineId(0), SessionId(1), 1)));
    // D6: when its session ends, another may lead, in the next term.
    roster.apply(&Change::End { session: SessionId(1), renewal: 0 });
    assert_eq!(roster.leader_of(HOME), None);
    roster.apply(&Change::Lead { datacenter: HOME, session: SessionId(2), over: 1 });
    assert_eq!(roster.leader_of(HOME), Some((MachineId(1), SessionId(2), 2)));
}

#[test]
fn d4_what_a_deposed_leader_decides_has_no_effect() {
    let mut roster = with_sessions(&[0, 1]);
    roster.apply(&Change::Lead { datacenter: HOME, session: SessionId(1), over: 0 });
    roster.apply(&Change::End { session: SessionId(1), renewal: 0 });
    let moves = vec![(SliceId(0), MachineId(2))];
    let assign = |term| Change::Assign { datacenter: HOME, term, moves: moves.clone() };
    let before = roster.assigned(SliceId(0));
    // Its own term, but no session any more.
    roster.apply(&assign(1));
    assert_eq!(roster.assigned(SliceId(0)), before);
    roster.apply(&Change::Lead { datacenter: HOME, session: SessionId(2), over: 1 });
    roster.apply(&assign(1));
    assert_eq!(roster.assigned(SliceId(0)), before);
    roster.apply(&assign(2));
    assert_eq!(roster.assigned(SliceId(0)), MachineId(2));
}

/// How many slices each machine holds while exactly these are alive.
fn loads(alive: &[u16]) -> Vec<(u16, usize)> {
    let config = config();
    let machines: Vec<MachineId> = alive.iter().copied().map(MachineId).collect();
    let placed: Vec<MachineId> = placement(&config, &machines).into_iter().flatten().collect();
    assert_eq!(placed.len(), usize::from(config.slices), "every slice has its place");
    alive.iter().map(|machine| (*machine, placed.iter().filter(|to| to.0 == *machine).count())).collect()
}

#[test]
fn d3_the_load_is_spread_evenly() {
    assert!(loads(&[0, 1, 2, 3, 4, 5, 6, 7, 8]).iter().all(|(_, load)| *load == 8));
}

#[test]
fn d3_a_dead_machines_share_goes_to_its_own_datacenter() {
    assert_eq!(loads(&[1, 2, 3, 4, 5, 6, 7, 8])[..3], [(1, 12), (2, 12), (3, 8)]);
}

#[test]
fn d5_a_dead_datacenters_share_is_spread_over_the_others() {
    assert!(loads(&[3, 4, 5, 6, 7, 8]).iter().all(|(_, load)| *load == 12));
}

#[test]
fn nobody_alive_holds_nothing() {
    assert!(placement(&config(), &[]).iter().all(Option::is_none));
}
