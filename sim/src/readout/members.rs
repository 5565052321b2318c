//! Who is in a group, as the log says (D2, D8): its members at the begin or in a snapshot, and the changes behind that. A change is in
//! the consensus library's encoding, which is that of protocol buffers:
//!
//! ```text
//! change: 1 = how it comes about, 2 = again and again: { 1 = add a voter 0, remove 1, add a learner 2; 2 = whom }
//! ```
//!
//! More than one at once make a joint configuration: who voted before goes on to vote beside those who vote from now on, until an
//! empty change.

use reveille_system::ids::{DiskId, MachineId, ReplicaId};
use serde::Deserialize;

/// Who is in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Members {
    pub(crate) voters: Vec<ReplicaId>,
    /// Who voted before, while that changes.
    pub(crate) outgoing: Vec<ReplicaId>,
    learners: Vec<ReplicaId>,
    learners_next: Vec<ReplicaId>,
    auto_leave: bool,
}

impl Members {
    /// The members of a group at the begin.
    pub(crate) fn founding(machines: impl Iterator<Item = MachineId>) -> Self {
        let voters = machines.map(|machine| ReplicaId::new(machine, DiskId::FOUNDING)).collect();
        Self { voters, ..Self::default() }
    }

    /// Makes a change. None if it cannot be read.
    pub(super) fn change(&mut self, bytes: &[u8]) -> Option<()> {
        let changes: Vec<&[u8]> = fields(bytes)?.into_iter().filter_map(Field::bytes).collect();
        if changes.is_empty() {
            self.outgoing.clear();
        } else if changes.len() > 1 {
            self.outgoing = self.voters.clone();
        }
        for change in changes {
            let (mut kind, mut whom) = (0, None);
            for Field { number, value } in fields(change)? {
                match (number, value) {
                    (1, Value::Varint(of)) => kind = of,
                    (2, Value::Varint(id)) => whom = ReplicaId::from_u64(id),
                    _ => {}
                }
            }
            let whom = whom?;
            self.voters.retain(|voter| *voter != whom);
            self.learners.retain(|learner| *learner != whom);
            match kind {
                0 => self.voters.push(whom),
                2 => self.learners.push(whom),
                _ => {}
            }
        }
        Some(())
    }
}

struct Field<'a> {
    number: u64,
    value: Value<'a>,
}

enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn bytes(self) -> Option<&'a [u8]> {
        match (self.number, self.value) {
            (2, Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }
}

fn fields(mut bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut bytes)?),
            2 => {
                let len = usize::try_from(varint(&mut bytes)?).ok()?;
                let (field, rest) = bytes.split_at_checked(len)?;
                bytes = rest;
                Value::Bytes(field)
            }
            _ => return None,
        };
        fields.push(Field { number: tag >> 3, value });
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
