//! What was claimed durable, and what the disks hold, as the world reads them (W1): from the claim on, every majority of its group
//! that is made of undamaged disks has one that holds it synced.

use super::super::recent::Recent;
use super::super::report::Seconds;
use super::Scene;
use crate::history::{By, ObjectName};
use crate::rules::Id;

/// How many turns are remembered that were claimed durable and looked for on the disks.
const REMEMBERED_MAX: usize = 1_024;

type Turn = (ObjectName, u64, u32);

/// The turns that were looked for.
#[derive(Debug, Default)]
pub(super) struct Disks {
    /// The turn that was claimed last.
    claimed: Option<Turn>,
    looked_for: Recent<Turn, (), REMEMBERED_MAX>,
}

/// Which disks hold a turn.
pub(super) struct Held<'a> {
    pub(super) replicas: &'a [u16],
    pub(super) held_by: &'a [u16],
}

impl Disks {
    /// The account claims that a turn is durable.
    pub(super) fn claimed(&mut self, name: &ObjectName, by: &By) {
        self.claimed = Some((name.clone(), by.instance, by.turn));
    }

    /// The world tells which disks hold a turn.
    pub(super) fn observe(
        &mut self,
        scene: &mut Scene<'_>,
        name: &ObjectName,
        instance: u64,
        turn: u32,
        held: &Held<'_>,
    ) {
        let turn = (name.clone(), instance, turn);
        if self.claimed.as_ref() == Some(&turn) {
            self.looked_for.insert(turn.clone(), ());
        }
        // Nobody has said yet that it is durable.
        if self.looked_for.get(&turn).is_none() {
            return;
        }
        scene.reports.saw(Id::W1);
        let lacks = |machine: &&u16| !held.held_by.contains(machine) && !scene.is_disk_damaged(**machine);
        let lacking: Vec<u16> = held.replicas.iter().filter(lacks).copied().collect();
        if 2 * lacking.len() <= held.replicas.len() {
            return;
        }
        let sentences = format!(
            "What turn {} of instance {instance} of {name} wrote was claimed durable. At {} a majority of its group, the machines {lacking:?} \
             of {:?}, does not hold it on disk, though their disks are undamaged: with the others lost it is lost.",
            turn.2,
            Seconds(scene.mark.at_ns),
            held.replicas,
        );
        scene.report(Id::W1, Some(name), &[scene.mark], sentences);
    }
}
