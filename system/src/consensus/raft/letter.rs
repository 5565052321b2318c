//! A message of the library as it travels between replicas. The library's own encoding tags each field, and would be an
//! encoding inside ours: this one is a part of the datagram. Most messages are heartbeats and acknowledgements, so what
//! they never carry is set apart.

use bytes::Bytes;
use protobuf::{Message as _, ProtobufEnum as _, SingularPtrField};
use raft::eraftpb::{self, Message, MessageType};
use serde::{Deserialize, Serialize};

use super::entry_of;
use super::memory::library_entry;
use crate::consensus::Entry;
use crate::ids::{DiskId, MachineId, ReplicaId};

/// A message between two replicas of a group. What it says is the library's affair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The library's number of the kind of message.
    kind: u8,
    /// The disks of the two replicas: what is for a replica whose disk is gone, or from one, is not for or from its successor.
    disks: Option<Box<(DiskId, DiskId)>>,
    term: u64,
    log_term: u64,
    index: u64,
    commit: u64,
    commit_term: u64,
    reject: bool,
    reject_hint: u64,
    entries: Vec<Entry>,
    rare: Option<Box<Rare>>,
}

/// What elections and snapshots have in addition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rare {
    /// In the library's encoding. None if empty.
    snapshot: Bytes,
    request_snapshot: u64,
    context: Bytes,
    deprecated_priority: u64,
    priority: i64,
}

impl Letter {
    /// Splits a message of the library into its receiver and what it says. The machine of its sender is whoever sends it.
    pub(super) fn write(message: Message) -> (MachineId, Self) {
        // Every field by name: one that a later version of the library adds is not to be forgotten.
        let Message {
            msg_type,
            to,
            from,
            term,
            log_term,
            index,
            entries,
            commit,
            commit_term,
            snapshot,
            request_snapshot,
            reject,
            reject_hint,
            context,
            deprecated_priority,
            priority,
            unknown_fields: _,
            cached_size: _,
        } = message;
        let encode = |snapshot: &eraftpb::Snapshot| {
            snapshot.write_to_bytes().expect("the library's messages can be encoded").into()
        };
        let snapshot = snapshot.as_ref().map_or_else(Bytes::new, encode);
        let rare = Rare { snapshot, request_snapshot, context, deprecated_priority, priority };
        let [from, to] =
            [from, to].map(|id| ReplicaId::from_u64(id).expect("the library's messages have two ends"));
        let disks = (from.disk(), to.disk());
        let letter = Self {
            disks: (disks != <(DiskId, DiskId)>::default()).then(|| Box::new(disks)),
            kind: u8::try_from(msg_type.value()).expect("the library has few kinds of messages"),
            term,
            log_term,
            index,
            commit,
            commit_term,
            reject,
            reject_hint,
            entries: entries.into_iter().map(entry_of).collect(),
            rare: (rare != Rare::default()).then(|| Box::new(rare)),
        };
        (to.machine(), letter)
    }

    /// The message of the library, on its way `from` a machine `to` a replica; none if it cannot be one, or is for another
    /// replica of that machine (D8).
    pub(super) fn read(self, from: MachineId, to: ReplicaId) -> Option<Message> {
        let Self {
            kind,
            disks,
            term,
            log_term,
            index,
            commit,
            commit_term,
            reject,
            reject_hint,
            entries,
            rare,
        } = self;
        let (from_disk, to_disk) = disks.map_or_else(<(DiskId, DiskId)>::default, |disks| *disks);
        if to_disk != to.disk() {
            return None;
        }
        let Rare { snapshot, request_snapshot, context, deprecated_priority, priority } =
            rare.map_or_else(Rare::default, |rare| *rare);
        let snapshot = match &*snapshot {
            [] => SingularPtrField::none(),
            bytes => SingularPtrField::some(eraftpb::Snapshot::parse_from_bytes(bytes).ok()?),
        };
        Some(Message {
            msg_type: MessageType::from_i32(i32::from(kind))?,
            to: to.as_u64(),
            from: ReplicaId::new(from, from_disk).as_u64(),
            term,
            log_term,
            index,
            entries: entries.into_iter().map(library_entry).collect(),
            commit,
            commit_term,
            snapshot,
            request_snapshot,
            reject,
            reject_hint,
            context,
            deprecated_priority,
            priority,
            unknown_fields: protobuf::UnknownFields::default(),
            cached_size: protobuf::CachedSize::default(),
        })
    }
}
