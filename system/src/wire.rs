//! Messages between machines and their encoding. All messages of one `handle` to one machine travel as one datagram.

use std::mem;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::consensus::Letter;
use crate::ids::{GroupId, MachineId, ObjectName, RequestId};
use crate::registry::Roster;
use crate::store::command::{Answer, Applied, Command, Query};

/// A message from one machine to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Consensus among the replicas of a group.
    Consensus {
        /// The group.
        group: GroupId,
        /// The message.
        letter: Letter,
    },
    /// A holder asks a replica to propose a command.
    Propose {
        /// The group.
        group: GroupId,
        /// Comes back with the answer; unique within one boot of the asker.
        ask: Ask,
        /// The command.
        command: Command,
    },
    /// What became of a proposal. A proposal that a change of leader swallowed is never answered.
    Proposed {
        /// The question.
        ask: Ask,
        /// What happened.
        result: Proposed,
    },
    /// A holder asks a replica for data.
    Read {
        /// The group.
        group: GroupId,
        /// Comes back with the answer.
        ask: Ask,
        /// The replica answers once it has applied its group's log up to here.
        at_least: u64,
        /// The question.
        query: Query,
    },
    /// The data.
    ReadDone {
        /// The question.
        ask: Ask,
        /// The answer.
        answer: Answer,
    },
    /// A client's request on its way from the machine that the client is connected to, to the holder of the object.
    Request {
        /// The request.
        request: RequestId,
        /// The object.
        object: ObjectName,
        /// What it says.
        body: Bytes,
        /// The machine that the client is connected to: the answer goes there.
        ingress: MachineId,
        /// How often it may still be passed on by a machine that no longer holds the object.
        hops: u8,
    },
    /// The registry has changed: a leader tells everybody at once, who would hear of it with the next renewal.
    Roster {
        /// The index of the change in the system group's log: the higher, the newer.
        index: u64,
        /// The registry.
        roster: Roster,
    },
    /// The answer on its way back.
    Response {
        /// The request.
        request: RequestId,
        /// HTTP status.
        status: u16,
        /// The body.
        body: Bytes,
    },
}

/// A question's number. The nonce of the asker's boot is part of it, so that an answer to a machine's former life is
/// not taken for one to its present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ask {
    /// The asker's nonce.
    pub boot: u64,
    /// The question's number in that boot.
    pub number: u64,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proposed {
    /// It was applied.
    Applied {
        /// What that did.
        applied: Applied,
        /// Its index in the group's log.
        index: u64,
    },
    /// This replica is not the leader.
    NotLeader {
        /// Who is, as far as it knows.
        leader: Option<MachineId>,
    },
}

/// Bytes that are no datagram of ours.
#[derive(Debug, thiserror::Error)]
#[error("a datagram that cannot be decoded: {0}")]
pub struct DecodeError(#[from] postcard::Error);

/// Encodes messages as one datagram. `scratch` is for the next call: with it a datagram needs one allocation, of its size.
pub fn encode(messages: &[Message], scratch: &mut Vec<u8>) -> Bytes {
    let mut bytes = mem::take(scratch);
    bytes.clear();
    *scratch = postcard::to_extend(messages, bytes).expect("our own messages can be encoded");
    Bytes::copy_from_slice(scratch)
}

/// Decodes a datagram.
///
/// # Errors
///
/// If the bytes are not what [`encode`] makes.
pub fn decode(bytes: &[u8]) -> Result<Vec<Message>, DecodeError> {
    Ok(postcard::from_bytes(bytes)?)
}
