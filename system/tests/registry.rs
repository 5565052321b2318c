//! The registry: sessions are opened, renewed and ended only over what is still so, leaders are fenced by their term, and
//! who loses its lease again and again is given nothing.

use reveille_system::config::Config;
use reveille_system::ids::{DatacenterId, Epoch, MachineId, SessionId, SliceId};
use reveille_system::registry::{Change, Registry, Renewal, Roster, Yield};

const HOME: DatacenterId = DatacenterId(0);
const FIRST: MachineId = MachineId(0);

fn config() -> Config {
    Config::new(3, 3, 8, 72)
}

/// A registry in which these machines have opened sessions, in this order: session 1 for the first.
fn with_sessions(machines: &[u16]) -> Registry {
    let mut registry = Registry::new(&config());
    for machine in machines {
        registry.apply(&open(*machine, 7, 0));
    }
    registry
}

fn open(machine: u16, boot: u64, over: u64) -> Change {
    Change::Open { machine: MachineId(machine), boot, over }
}

fn renew(session: u64, over: u64) -> Change {
    passed(0, &[(session, over, false)])
}

/// So many beats have passed, and sessions are renewed over a number: the last is whether the lease had run out.
fn passed(beats: u64, renewals: &[(u64, u64, bool)]) -> Change {
    let renewal = |&(session, over, ran_out)| Renewal { session: SessionId(session), over, ran_out };
    Change::Renew { beats, renewals: renewals.iter().map(renewal).collect() }
}

fn end(session: u64, renewal: u64) -> Change {
    Change::End { session: SessionId(session), renewal }
}

fn lead(session: u64, over: u64) -> Change {
    Change::Lead { datacenter: HOME, session: SessionId(session), over }
}

fn assign(term: u64, over: u64, machine: u16) -> Change {
    let moves = vec![(SliceId(0), MachineId(machine))];
    Change::Assign { datacenter: HOME, term, over, moves }
}

fn all(registry: &mut Registry, changes: &[Change]) -> Roster {
    changes.iter().for_each(|change| registry.apply(change));
    registry.roster().clone()
}

#[test]
fn a_session_that_was_renewed_meanwhile_does_not_end() {
    let mut registry = with_sessions(&[0]);
    let roster = all(&mut registry, &[renew(1, 0), end(1, 0)]);
    assert!(!roster.has_ended(SessionId(1)));
    assert!(all(&mut registry, &[end(1, 1)]).has_ended(SessionId(1)));
}

/// The number of a machine that is heard and hears nothing stands still, and so does that of one whose renewal is
/// repeated by the network.
#[test]
fn l2_a_renewal_counts_once_and_only_over_the_number_that_its_machine_has_heard() {
    let mut registry = with_sessions(&[0]);
    let roster = all(&mut registry, &[renew(1, 0), renew(1, 0), renew(1, 0)]);
    assert_eq!(roster.session_of(FIRST).map(|live| live.renewal), Some(1));
    let roster = all(&mut registry, &[renew(1, 1), renew(1, 0), renew(1, 3)]);
    assert_eq!(roster.session_of(FIRST).map(|live| live.renewal), Some(2));
}

#[test]
fn all_renewals_of_a_tick_are_one_change() {
    let mut registry = with_sessions(&[0, 1, 2]);
    let roster =
        all(&mut registry, &[passed(1, &[(1, 0, false), (3, 0, false), (3, 0, false), (9, 0, false)])]);
    assert_eq!(roster.live().map(|(_, live)| live.renewal).collect::<Vec<_>>(), [1, 0, 1]);
}

#[test]
fn a_session_that_has_ended_never_comes_back() {
    let mut registry = with_sessions(&[0]);
    assert!(all(&mut registry, &[end(1, 0), renew(1, 0), open(0, 7, 0)]).has_ended(SessionId(1)));
    let roster = all(&mut registry, &[open(0, 8, 1)]);
    assert!(roster.has_ended(SessionId(1)) && !roster.has_ended(SessionId(2)));
}

#[test]
fn a_session_that_is_not_known_yet_has_not_ended() {
    assert!(!with_sessions(&[0]).roster().has_ended(SessionId(2)));
}

#[test]
fn opening_twice_over_one_number_is_one_session_and_over_the_next_ends_the_first() {
    let mut registry = with_sessions(&[0, 0]);
    assert!(!registry.roster().has_ended(SessionId(1)));
    assert!(all(&mut registry, &[open(0, 8, 1)]).has_ended(SessionId(1)));
}

/// The machine has crashed twice. What its first life has sent arrives when its second has a session.
#[test]
fn o1_a_late_opening_of_an_incarnation_that_is_over_replaces_nothing() {
    let mut registry = with_sessions(&[]);
    let before = all(&mut registry, &[open(0, 2, 0)]);
    assert_eq!(before.session_of(FIRST).map(|live| live.boot), Some(2));
    assert_eq!(all(&mut registry, &[open(0, 1, 0)]), before);
    assert_eq!(before.opened(FIRST), 1, "by which its third life finds out what its opening follows");
    let after = all(&mut registry, &[open(0, 3, 1), open(0, 2, 0), open(0, 1, 0)]);
    assert_eq!(after.session_of(FIRST).map(|live| live.boot), Some(3));
}

#[test]
fn d4_a_datacenter_has_one_leader_a_term() {
    let mut registry = with_sessions(&[0, 1]);
    let roster = all(&mut registry, &[lead(1, 0), lead(2, 0)]);
    assert_eq!(roster.leader_of(HOME), Some((FIRST, SessionId(1), 1)));
    // D6: when its session ends, another may lead, in the next term.
    assert_eq!(all(&mut registry, &[end(1, 0)]).leader_of(HOME), None);
    let roster = all(&mut registry, &[lead(2, 1)]);
    assert_eq!(roster.leader_of(HOME), Some((MachineId(1), SessionId(2), 2)));
}

#[test]
fn d4_what_a_deposed_leader_decides_has_no_effect() {
    let mut registry = with_sessions(&[0, 1]);
    let before = all(&mut registry, &[lead(1, 0), end(1, 0)]).assigned(SliceId(0));
    // Its own term, but no session any more.
    assert_eq!(all(&mut registry, &[assign(1, 0, 2)]).assigned(SliceId(0)), before);
    assert_eq!(all(&mut registry, &[lead(2, 1), assign(1, 0, 2)]).assigned(SliceId(0)), before);
    assert_eq!(all(&mut registry, &[assign(2, 0, 2)]).assigned(SliceId(0)), MachineId(2));
}

/// It comes twice, or so late that others have decided meanwhile.
#[test]
fn d4_an_assignment_that_has_not_seen_the_last_one_moves_nothing() {
    let mut registry = with_sessions(&[0]);
    let roster = all(&mut registry, &[lead(1, 0), assign(1, 0, 2), assign(1, 1, 1), assign(1, 0, 2)]);
    assert_eq!((roster.assigned(SliceId(0)), roster.assignments()), (MachineId(1), 2));
}

/// Opens a session and has it ended, again and again; then opens one more.
fn comes_and_goes(registry: &mut Registry, machine: u16, times: u64) {
    for _ in 0..times {
        let opened = registry.roster().opened(MachineId(machine));
        registry.apply(&open(machine, 7, opened));
        let session = registry.roster().session_of(MachineId(machine)).map_or(0, |live| live.id.0);
        all(registry, &[passed(4, &[]), end(session, 0)]);
    }
    let opened = registry.roster().opened(MachineId(machine));
    registry.apply(&open(machine, 7, opened));
}

#[test]
fn l2_who_loses_its_session_again_and_again_is_frail_until_it_has_kept_one() {
    let mut registry = with_sessions(&[]);
    comes_and_goes(&mut registry, 0, 2);
    assert!(!registry.roster().is_frail(FIRST), "twice may be chance");
    let mut registry = with_sessions(&[]);
    comes_and_goes(&mut registry, 0, 3);
    let roster = all(&mut registry, &[passed(59, &[])]);
    assert!(roster.is_frail(FIRST) && !roster.is_frail(MachineId(1)));
    assert!(!all(&mut registry, &[passed(1, &[])]).is_frail(FIRST));
}

/// Round trips take about as long as a lease: the session goes on, and the machine is silent most of the time.
#[test]
fn l2_whose_lease_runs_out_between_renewals_is_frail() {
    let mut registry = with_sessions(&[0, 1]);
    for number in 0..6 {
        all(&mut registry, &[passed(5, &[(1, number, number > 0), (2, number, false)])]);
    }
    let roster = registry.roster();
    assert!(roster.is_frail(FIRST) && !roster.is_frail(MachineId(1)));
}

/// The machines of a process that crashes and starts again before its lease is over: each opening ends a session.
#[test]
fn l2_whose_process_crashes_again_and_again_is_frail() {
    let mut registry = with_sessions(&[0]);
    assert!(!all(&mut registry, &[open(0, 8, 1), open(0, 9, 2)]).is_frail(FIRST));
    assert!(all(&mut registry, &[open(0, 10, 3)]).is_frail(FIRST));
}

#[test]
fn d6_a_frail_leader_is_deposed_by_who_is_not() {
    let mut registry = with_sessions(&[]);
    comes_and_goes(&mut registry, 0, 3);
    all(&mut registry, &[open(1, 7, 0), lead(4, 0)]);
    assert_eq!(registry.roster().leader_of(HOME), Some((FIRST, SessionId(4), 1)), "nobody else has stood");
    let roster = all(&mut registry, &[lead(5, 1), lead(4, 2)]);
    assert_eq!(roster.leader_of(HOME), Some((MachineId(1), SessionId(5), 2)), "and it stays deposed");
}

#[test]
fn l2_a_machine_yields_a_slice_in_a_live_session_alone() {
    let mut registry = with_sessions(&[0]);
    let what = vec![Yield { slice: SliceId(0), epoch: Some(Epoch(3)) }];
    let by = |session| Change::Yield { session: SessionId(session), what: what.clone() };
    let is_spared = |roster: &Roster| roster.yields().spare(SliceId(0), FIRST);
    assert!(!is_spared(&all(&mut registry, &[by(2)])), "nobody has that session");
    assert!(is_spared(&all(&mut registry, &[by(1)])));
    assert!(is_spared(&all(&mut registry, &[passed(79, &[])])));
    assert!(!is_spared(&all(&mut registry, &[passed(1, &[])])), "it may try again");
    assert!(is_spared(&all(&mut registry, &[by(1)])));
    assert!(!is_spared(&all(&mut registry, &[end(1, 0)])), "all that it had is free by that");
    assert!(!is_spared(&all(&mut registry, &[by(1)])), "and that session gives up nothing more");
}
