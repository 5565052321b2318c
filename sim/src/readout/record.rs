//! The words that records of the log are written in, as far as the world reads them (W1): in postcard's encoding, and borrowed from
//! the disk. They are the world's own: `system/src/log.rs`, `consensus.rs` and `store/command.rs` say what is written there.
//!
//! ```text
//! record: group, snapshot or none, entries, and what stands behind them: what a replica has voted
//! snapshot: term, index, members, state      entry: term, index, whether it changes members, command or change
//! command: kind 1 is a commit: slice, epoch, batch, turns
//! turn: object, instance, turn, clear, keys, alarm or none, the run that it ends or none
//! ```

use reveille_system::ids::GroupId;
use serde::Deserialize;

use super::{Claim, Members};

/// The kind of a command that commits turns.
const COMMIT: u32 = 1;

/// What the entries of a group up to one of them add up to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Snapshot<'a> {
    pub(super) term: u64,
    pub(super) index: u64,
    pub(super) members: Members,
    pub(super) data: &'a [u8],
}

/// An entry of a group's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Entry<'a> {
    pub(super) term: u64,
    pub(super) index: u64,
    pub(super) is_change: bool,
    pub(super) data: &'a [u8],
}

/// What a record tells of its group: the snapshot comes first.
#[derive(Debug, Deserialize)]
pub(super) struct Step<'a> {
    _group: u16,
    #[serde(borrow)]
    pub(super) snapshot: Option<Snapshot<'a>>,
    #[serde(borrow)]
    pub(super) entries: Vec<Entry<'a>>,
}

/// Epoch and count.
type Stamp = (u32, u32);

/// A write to the alarm's slot.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is read over: what stands behind it begins where it ends")]
enum Slot {
    Schedule { alarm: Stamp, scheduled_ms: i64, retry_count: u32, not_before_ms: i64 },
    Remove,
}

/// A turn, in the order of its fields.
type Turn<'a> = (&'a str, Stamp, u32, bool, Vec<(&'a str, Option<&'a [u8]>)>, Option<Slot>, Option<Stamp>);

/// The group that a record is of.
pub(super) fn group_of(record: &[u8]) -> Option<GroupId> {
    Some(GroupId(postcard::take_from_bytes(record).ok()?.0))
}

/// What a record says.
pub(super) fn step(record: &[u8]) -> Option<Step<'_>> {
    Some(postcard::take_from_bytes(record).ok()?.0)
}

/// Whether a command commits the turn.
pub(super) fn commits(command: &[u8], claim: &Claim) -> bool {
    let name = claim.object.shared();
    let its = (&*name, (claim.instance.epoch.0, claim.instance.count), claim.turn);
    let is_it = |(object, instance, turn, ..): &Turn<'_>| (*object, *instance, *turn) == its;
    turns_of(command).is_some_and(|turns| turns.iter().any(is_it))
}

/// The turns that a command commits; none of a command of another kind.
fn turns_of(command: &[u8]) -> Option<Vec<Turn<'_>>> {
    let (_, commit) = postcard::take_from_bytes::<u32>(command).ok().filter(|(kind, _)| *kind == COMMIT)?;
    let (_slice, _epoch, _batch, turns): (u16, u32, u64, Vec<Turn<'_>>) =
        postcard::from_bytes(commit).ok()?;
    Some(turns)
}
