//! Names and numbers that say which one is meant. Each is a type of its own, so that none can stand for another.

use std::fmt;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use siphasher::sip::SipHasher13;

/// A machine of the cluster, counted over all datacenters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MachineId(pub u16);

/// A disk, from the moment on that it was formatted. One that was lost or damaged and is formatted anew is another one: what was
/// promised on the strength of it is not promised by the new one (D8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DiskId(u64);

impl DiskId {
    /// Every machine's first disk, formatted by whoever builds the cluster.
    pub const FOUNDING: Self = Self(0);

    /// The disk with this number.
    pub fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// A disk that is formatted in the life of a machine that was given this entropy at its boot. Two of the same machine are
    /// different as long as no two boots are given the same.
    pub fn drawn(seed: u64) -> Self {
        Self((seed >> (MACHINE_BITS + 1)).max(1))
    }
}

/// A replica of a group, as consensus knows it: one machine's, on one disk. The number of a replica whose disk is gone never votes
/// or answers again (D8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReplicaId(u64);

/// The low bits of a replica's number are that of its machine, by one higher: zero stands for no replica.
const MACHINE_BITS: u32 = 16;

impl ReplicaId {
    /// The replica on this disk of this machine.
    pub fn new(machine: MachineId, disk: DiskId) -> Self {
        Self((disk.0 << MACHINE_BITS) | (u64::from(machine.0) + 1))
    }

    /// The replica with this number; none if no replica has it.
    pub fn from_u64(number: u64) -> Option<Self> {
        (number & ((1 << MACHINE_BITS) - 1) != 0).then_some(Self(number))
    }

    /// Its number.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// Its machine.
    pub fn machine(self) -> MachineId {
        let low = (self.0 & ((1 << MACHINE_BITS) - 1)) - 1;
        MachineId(u16::try_from(low).expect("sixteen bits"))
    }

    /// Its disk.
    pub fn disk(self) -> DiskId {
        DiskId(self.0 >> MACHINE_BITS)
    }
}

/// A datacenter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatacenterId(pub u16);

/// A consensus group. It has one replica in each datacenter (D2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupId(pub u16);

/// A slice: the objects that move between machines together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SliceId(pub u16);

/// How often a slice has changed hands. What a lower epoch proposes after a higher one is durable is refused (O1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Epoch(pub u32);

/// Which batch of a slice a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The slice.
    pub slice: SliceId,
    /// The epoch of the holder that proposes it.
    pub epoch: Epoch,
    /// Its number in that epoch.
    pub number: u64,
}

/// A machine's session: its lease in the registry. Numbers are given in ascending order and never again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(pub u64);

/// A number unique within its slice for ever: the epoch it was made in, and a count within that epoch. Instances, runs
/// and alarms are named by stamps; an alarm's stamp is its identity (A10).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// The epoch of the slice in which it was made.
    pub epoch: Epoch,
    /// Which one of that epoch.
    pub count: u32,
}

impl Stamp {
    /// Both parts in one number, ordered as the stamp is.
    pub fn as_u64(self) -> u64 {
        (u64::from(self.epoch.0) << 32) | u64::from(self.count)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch.0, self.count)
    }
}

/// A client's request; unique, chosen by the client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// A call to an outside service; unique within one incarnation of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// An operation that object code has started; unique within its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(pub u64);

/// An object's class and name, written `Class/name`. The same name always means the same object (O2).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ObjectName(Arc<str>);

impl ObjectName {
    /// The object `name` of `class`. A class has no `/` in its name; an object may.
    pub fn new(class: &str, name: &str) -> Self {
        assert!(!class.contains('/'), "a class name has no slash: {class}");
        Self(format!("{class}/{name}").into())
    }

    /// The object that `text` names, or none if it is not of the form `Class/name`.
    pub fn parse(text: &str) -> Option<Self> {
        text.contains('/').then(|| Self(text.into()))
    }

    /// The class.
    pub fn class(&self) -> &str {
        self.0.split_once('/').map_or("", |(class, _)| class)
    }

    /// Class and name as they were given.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }

    /// The name without the class.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }

    /// O2: the object's id, 64 hexadecimal digits: the same for the same class and name, for ever and on every machine.
    pub fn id(&self) -> String {
        let half = |key| SipHasher13::new_with_keys(key, 0).hash(self.0.as_bytes());
        (1..=4).map(|key| format!("{:016x}", half(key))).collect()
    }

    /// The slice of the object among `slices`. Fixed for ever: a row never moves to another slice (O2).
    pub fn slice(&self, slices: u16) -> SliceId {
        let hash = SipHasher13::new().hash(self.0.as_bytes());
        let slice = hash % u64::from(slices);
        SliceId(u16::try_from(slice).expect("a remainder of a u16 fits"))
    }
}

/// By hand, because serde's own way to an `Arc<str>` makes a `String` first, and names are in most messages.
impl<'de> Deserialize<'de> for ObjectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = ObjectName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an object")
            }

            fn visit_str<E>(self, text: &str) -> Result<ObjectName, E> {
                Ok(ObjectName(text.into()))
            }
        }

        deserializer.deserialize_str(Name)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
