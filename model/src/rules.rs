//! The rules of SPEC.md by name, one line each. Checkers, documentation and tests take the list of what there is to
//! judge from here; what a rule means in a history is said where it is checked.

use crate::verdict::RuleId;

/// A rule of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// What it says, in one line.
    pub says: &'static str,
    /// Whether it is a decision of this project, where the documents are silent or the real runtime has a known
    /// defect. [`crate::Profile::Workerd`] does not hold a history to it.
    pub is_ours: bool,
}

macro_rules! is_ours {
    () => {
        false
    };
    (ours) => {
        true
    };
}

macro_rules! rules {
    ($($name:ident $(($ours:ident))? $says:literal,)*) => {
        /// A rule by its position in [`RULES`], for what counts by rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Id {
            $($name,)*
        }

        /// Every rule that the model judges, in the order of SPEC.md.
        pub static RULES: [Rule; COUNT] = [
            $(Rule { id: RuleId(stringify!($name)), says: $says, is_ours: is_ours!($($ours)?) },)*
        ];

        impl Id {
            /// Every rule, in the same order.
            pub(crate) const ALL: [Id; COUNT] = [$(Id::$name),*];
        }

        /// How many rules there are.
        pub(crate) const COUNT: usize = [$(stringify!($name)),*].len();
    };
}

rules! {
    O1 "every request reaches the one live instance; a newer epoch's effect ends those of older ones",
    O2 "a name always leads to the same object, and an id names one object in one class for ever",
    O3 "one turn at a time; other events interleave only at an await that is not a storage operation",
    O4 "after absence from memory the constructor runs to its end before any request or alarm()",
    O5 "a message leaves only after every write made before it is durable",
    O6 "an object whose machine or datacenter is unhealthy is started on another",
    O7 "an object over a limit is reset: acknowledged state stays, what was running fails and counts",
    S1 "a call acts when it is made and gives what its kind gives; a write resolves at once",
    S2 "all writes of a turn, alarm changes included, become durable together",
    S3 "after a crash the state is a prefix of the turns that has everything acknowledged",
    S4 "a read sees every earlier write of its object and no later one",
    S5 "a transaction is all or nothing, alarm changes too; an error rolls back and does not reset",
    S6 "keys are ordered by their bytes; list gives what its options ask for",
    S7 "what exceeds a limit of keys, values or batches is a typed error and writes nothing",
    S8 "delete_all removes all keys and the alarm at once, unless the alarm is to be preserved",
    A1 "an object has at most one scheduled alarm",
    A2 "set_alarm replaces; once that is acknowledged the replaced alarm never starts",
    A3 "get_alarm is the scheduled time or none, the object's own uncommitted set_alarm included",
    A4 "while alarm() runs get_alarm is none, unless set_alarm was called since it started",
    A5 "delete_alarm unschedules; it never stops a running handler",
    A6 "a time at or before now means now: what is stored and read back is the later of both",
    A7 "a time of zero, below, or beyond 2^63 ns is a typed error and changes nothing",
    A8 "set_alarm in a class that declares no alarm() is an error",
    A9 "set_alarm in the constructor replaces the alarm that wakes the object, which is dropped",
    A10 (ours) "each set_alarm makes a new alarm, whatever its time",
    F1 "every acknowledged alarm that is not replaced, deleted or given up runs to a good end",
    F2 "alarm() never starts before the wall clock of its machine is there",
    F3 "two runs of an object never overlap in effect",
    F4 "the last writes of a run and the removal of its alarm are one commit; after it no run",
    F5 "an alarm set while the handler runs survives the handler's end",
    F6 "a run cut short by its machine's failure starts again from its beginning",
    F7 "alarm(info) is told the scheduled time, the retry count and whether that is above zero",
    F8 "an object that is in no memory is woken by its alarm alone; no request is needed",
    R1 "the handler's own failures count, the platform's do not and are never shown to object code",
    R2 "at most six counted retries; then the alarm is removed",
    R3 "a retry waits for its backoff, and no longer than its jitter and the bound of L",
    R4 (ours) "retry_count counts the durable failures of its alarm; no crash resets it",
    R5 "retries belong to the latest set_alarm, which starts at zero and at its own time",
    R6 "in backoff get_alarm is the original time, and delete_alarm ends the retries",
    R7 "delete_alarm in a run that fails may prevent the retry or not, and does nothing else",
    R8 "what a run wrote before it failed stays",
    D1 "alarms and keys live in one replicated datastore and change together",
    D2 "with any minority of the datacenters gone nothing is lost and service continues",
    D3 "several processes of a datacenter track alarms; a lost one's share moves to healthy ones",
    D4 "one leader a datacenter, with terms that fence what a deposed one decides",
    D5 "at most one datacenter holds an alarm, and one does again when its datacenter fails",
    D6 "when a leader fails another is elected",
    D7 "any one machine, process, leader or datacenter may go",
    D8 (ours) "disks lie in known ways: damage is found, and a damaged replica never serves",
    L1 "with one failure a run starts at most 30 s late",
    L2 "60 s after the last change no run of an object that has a quorum is late, whatever stays broken",
    L3 (ours) "with no failure a run starts at most 100 ms and two round trips late",
    L4 (ours) "60 s after the last fault no run is late, datacenters have leaders, replicas agree and keep up",
    W1 "account and witness agree: what left, arrived, was given and lies on disks is what was told",
    W2 "in calm a request is answered within 10 s of all that it waits for outside the system",
}

impl Id {
    /// What the rule is called.
    pub(crate) fn id(self) -> RuleId {
        RULES[self as usize].id
    }
}
