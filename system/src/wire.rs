//! Messages between machines and their encoding. All messages of one `handle` to one machine travel as one datagram.

use std::mem;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::consensus::Letter;
use crate::ids::{Batch, GroupId, MachineId, ObjectName, ReplicaId, RequestId, SessionId};
use crate::registry::Roster;
use crate::store::command::{Answer, Applied, Command, Query};
use crate::words::http::{Head, Headers, Request, Response};

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
    /// A replica that does not vote asks to be taken into its group.
    Join {
        /// The group.
        group: GroupId,
        /// The replica.
        replica: ReplicaId,
    },
    /// A holder asks a replica to propose a command.
    Propose {
        /// The group.
        group: GroupId,
        /// Comes back with the answer.
        ask: Ask,
        /// The command.
        command: Command,
    },
    /// A holder asks once more about a batch too large to be sent again without need.
    Inquire {
        /// The group.
        group: GroupId,
        /// The question with which it was proposed.
        ask: Ask,
        /// The batch.
        batch: Batch,
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
    /// A client's request on its way from the machine that the client is connected to, to the holder of the object: one with the
    /// usual head, as most are. Any other is a [`Message::RequestWithHead`].
    Request {
        /// This delivery of it.
        ticket: Ticket,
        /// Deliveries with lower numbers than this are over: nobody waits for their responses.
        below: u64,
        /// The request.
        request: RequestId,
        /// The object.
        object: ObjectName,
        /// What it says.
        body: Bytes,
    },
    /// The machine that a client is connected to still waits for the response to a request that the holder has.
    Await {
        /// The delivery.
        ticket: Ticket,
        /// The request.
        request: RequestId,
    },
    /// The holder has this request, and will respond.
    Taken {
        /// The delivery.
        ticket: Ticket,
        /// The request.
        request: RequestId,
    },
    /// The object is not held there (any more). No object code was given this delivery, and none will be.
    NotHere {
        /// The delivery.
        ticket: Ticket,
        /// The request.
        request: RequestId,
        /// Who is to hold the object, and its session, as far as is known there.
        holder: Option<(MachineId, SessionId)>,
    },
    /// The answer on its way back, if it has no headers. Any other is a [`Message::ResponseWithHeaders`].
    Response {
        /// The delivery.
        ticket: Ticket,
        /// The request.
        request: RequestId,
        /// HTTP status.
        status: u16,
        /// The body.
        body: Bytes,
    },
    /// Deliveries with lower numbers are over: the holder may forget their responses.
    Over {
        /// Names no delivery itself: its number is the first one that is not over.
        ticket: Ticket,
    },
    /// The registry has changed: a leader tells everybody at once, who would hear of it with the next renewal.
    Roster {
        /// The index of the change in the system group's log: the higher, the newer.
        index: u64,
        /// The registry.
        roster: Roster,
    },
    /// To be passed on: the sender has no link to the receiver, or doubts it.
    Forward {
        /// The receiver.
        to: MachineId,
        /// One message, as [`encode`] makes it, which is no such thing itself: nothing is passed on twice.
        cargo: Bytes,
    },
    /// Was passed on.
    Forwarded {
        /// Whoever sent it.
        from: MachineId,
        /// The message.
        cargo: Bytes,
    },
    /// A [`Message::Request`] with a method, a path or headers of its own.
    RequestWithHead {
        /// This delivery of it.
        ticket: Ticket,
        /// Deliveries with lower numbers than this are over.
        below: u64,
        /// The request.
        request: RequestId,
        /// The object.
        object: ObjectName,
        /// What it says beside its body.
        head: Box<Head>,
        /// The body.
        body: Bytes,
    },
    /// A [`Message::Response`] with headers.
    ResponseWithHeaders {
        /// The delivery.
        ticket: Ticket,
        /// The request.
        request: RequestId,
        /// HTTP status.
        status: u16,
        /// The headers.
        headers: Headers,
        /// The body.
        body: Bytes,
    },
}

impl Message {
    /// A delivery of a request: the usual head is not sent.
    pub(crate) fn request(
        ticket: Ticket,
        below: u64,
        request: RequestId,
        object: ObjectName,
        asks: Request,
    ) -> Self {
        let (head, body) = asks.into_parts();
        if head.is_usual() {
            Self::Request { ticket, below, request, object, body }
        } else {
            Self::RequestWithHead { ticket, below, request, object, head: Box::new(head), body }
        }
    }

    /// The answer to a delivery: headers are sent if there are any.
    pub(crate) fn response(ticket: Ticket, request: RequestId, response: Response) -> Self {
        let Response { status, headers, body } = response;
        if headers.is_empty() {
            Self::Response { ticket, request, status, body }
        } else {
            Self::ResponseWithHeaders { ticket, request, status, headers, body }
        }
    }
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

/// So many deliveries of one machine to one session may be under way at once, from the first one that is not over. The sender
/// keeps to it.
pub(crate) const WINDOW: u64 = 1_024;

/// One delivery of a client's request to one session of one machine (O1). The holder gives it to object code at most once,
/// and once it has said that it will not, never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket {
    /// The first session that the sending machine had in its present life: it tells its lives apart, and their order.
    pub stream: SessionId,
    /// The holder's session. Under any other the delivery is ignored.
    pub session: SessionId,
    /// The delivery's number in that stream to that session, from 1.
    pub number: u64,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proposed {
    /// It was applied.
    Applied {
        /// What that did.
        applied: Applied,
        /// An index of the group's log at which that is so.
        index: u64,
    },
    /// It stands in the log of the leader, who will answer once it is decided.
    Pending,
    /// The leader knows nothing of it: it has to be sent as a whole.
    Unknown,
    /// This replica is not the leader.
    NotLeader {
        /// Who is, as far as it knows.
        leader: Option<MachineId>,
    },
}

/// The version of the encoding: a datagram of another one is not read.
const VERSION: u8 = 1;
/// Bytes before the messages: version, and the CRC-32 of the messages, little-endian.
const HEADER_BYTES: usize = 5;

/// Bytes that are no datagram of ours.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is too short, or of another version.
    #[error("no datagram of version {VERSION}")]
    Version,
    /// Its checksum does not match: on its way it has become another one.
    #[error("a datagram that was corrupted on its way")]
    Checksum,
    /// It is whole, and means nothing.
    #[error("a datagram that cannot be decoded: {0}")]
    Messages(#[from] postcard::Error),
}

/// Encodes messages as one datagram. `scratch` is for the next call: with it a datagram needs one allocation, of its size.
pub fn encode(messages: &[Message], scratch: &mut Vec<u8>) -> Bytes {
    let mut bytes = mem::take(scratch);
    bytes.clear();
    bytes.extend_from_slice(&[0; HEADER_BYTES]);
    bytes = postcard::to_extend(messages, bytes).expect("our own messages can be encoded");
    let (header, messages) = bytes.split_at_mut(HEADER_BYTES);
    header[0] = VERSION;
    header[1..].copy_from_slice(&crc32fast::hash(messages).to_le_bytes());
    *scratch = bytes;
    Bytes::copy_from_slice(scratch)
}

/// Decodes a datagram.
///
/// # Errors
///
/// If the bytes are not what [`encode`] makes, or not any more: a datagram that was corrupted on its way is a lost one.
pub fn decode(bytes: &[u8]) -> Result<Vec<Message>, DecodeError> {
    let (version, rest) = bytes.split_first().ok_or(DecodeError::Version)?;
    let (checksum, messages) = rest.split_first_chunk().ok_or(DecodeError::Version)?;
    if *version != VERSION {
        return Err(DecodeError::Version);
    }
    if crc32fast::hash(messages) != u32::from_le_bytes(*checksum) {
        return Err(DecodeError::Checksum);
    }
    Ok(postcard::from_bytes(messages)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corrupted_datagram_is_a_lost_one() {
        let ticket = Ticket { stream: SessionId(1), session: SessionId(2), number: 3 };
        let messages = vec![Message::Over { ticket }, Message::Taken { ticket, request: RequestId(4) }];
        let sent = encode(&messages, &mut Vec::new());
        assert_eq!(decode(&sent).expect("it is whole"), messages);
        for bit in 0..sent.len() * 8 {
            let mut arrived = sent.to_vec();
            arrived[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&arrived).is_err(), "bit {bit} is another one");
        }
        for len in 0..sent.len() {
            assert!(decode(&sent[..len]).is_err(), "only {len} bytes have arrived");
        }
    }
}
