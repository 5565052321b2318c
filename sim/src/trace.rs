//! What happened inside the world, step by step, and the digest that names a run: two runs with the same digest did the
//! same at the same times. Entries are numbers; text is made only when somebody looks. No address, no thread, and no time
//! of the host may ever enter here.

use std::fmt;
use std::hash::{Hash, Hasher};

use reveille_model::history::Event;
use reveille_system::ids::MachineId;
use xxhash_rust::xxh3::Xxh3Default;

/// The name of a run. Its 32 hexadecimal digits are the same wherever and whenever the run is repeated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// True time since the begin of the run.
    pub at_ns: u64,
    /// The machine that it happened on, if it was one.
    pub machine: Option<MachineId>,
    /// What happened.
    pub kind: Kind,
    /// The first number that belongs to it: [`Kind`] says what it is.
    pub a: u64,
    /// The second one.
    pub b: u64,
}

/// What happened, and what the two numbers of the entry are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The machine boots; its how-manieth boot.
    Boot,
    /// The machine found its disk damaged and stays down.
    Damaged,
    /// The machine's process dies; the fault, instances lost.
    Crash,
    /// The machine loses power; the fault, unsynced bytes lost.
    PowerLoss,
    /// The wake that the machine asked for.
    Wake,
    /// A message leaves; receiver, bytes.
    Sent,
    /// A message is lost on its way; receiver, bytes.
    Lost,
    /// A message arrives; sender, bytes.
    Delivered,
    /// A message arrives for nobody: the machine is down; sender, bytes.
    Undelivered,
    /// A sync is asked for; ticket, nanoseconds until it is done.
    SyncAsked,
    /// A sync is done; ticket, bytes made durable.
    Synced,
    /// A client's request arrives; request, whether the machine is up.
    Request,
    /// An answer to a client leaves; request, status.
    Answer,
    /// A call to an outside service leaves; its number in the history.
    CalledOut,
    /// An outside service's answer arrives; its number in the history, status (0: none).
    OutsideAnswered,
    /// This replica leads its group; group, term.
    Elected,
    /// A machine leads its datacenter: the datacenter, the term.
    Leads,
    /// A slice is served from here; slice, epoch.
    Serving,
    /// An entry with a stale epoch is refused; slice, epoch.
    StaleEpoch,
    /// An entry is applied; group, index.
    Applied,
    /// A fault begins; its number in the history.
    FaultBegin,
    /// A fault ends; its number in the history.
    FaultEnd,
    /// A fault finds nothing to break, nobody in the role that it is aimed at, or its moment does not come; its position in
    /// the plan.
    FaultSkipped,
    /// A phase begins; its number.
    Phase,
    /// A message arrives over a link that was cut while it was on its way; sender, bytes.
    CutOff,
    /// The machine's process stands still; the fault.
    Paused,
    /// The machine's process goes on; how much has come for it meanwhile.
    Resumed,
    /// A replica takes over a snapshot of its leader's state; group, the index that it reaches.
    Installed,
    /// The machine panics; which of its panics this is, from 1.
    Panicked,
}

/// What an entry says, without its time and machine.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a>(&'a Entry);

impl Entry {
    /// What happened, to be written beside a time and a machine.
    pub fn step(&self) -> Step<'_> {
        Step(self)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { at_ns, machine, .. } = self;
        write!(f, "{:>5}.{:09} ", at_ns / 1_000_000_000, at_ns % 1_000_000_000)?;
        match machine {
            Some(machine) => write!(f, "m{:<3} ", machine.0)?,
            None => write!(f, "     ")?,
        }
        self.step().fmt(f)
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { kind, a, b, .. } = self.0;
        match kind {
            Kind::Boot => write!(f, "boots, for the {a}. time"),
            Kind::Damaged => write!(f, "finds its disk damaged and formats it anew"),
            Kind::Crash => write!(f, "crashes (fault {a}); {b} instances are lost"),
            Kind::PowerLoss => write!(f, "loses power (fault {a}); {b} unsynced bytes are lost"),
            Kind::Wake => write!(f, "wakes"),
            Kind::Sent => write!(f, "sends {b} bytes to m{a}"),
            Kind::Lost => write!(f, "sends {b} bytes to m{a}, which are lost"),
            Kind::Delivered => write!(f, "receives {b} bytes from m{a}"),
            Kind::Undelivered => write!(f, "is not there to receive {b} bytes from m{a}"),
            Kind::SyncAsked => write!(f, "asks for sync {a}, which takes {b} ns"),
            Kind::Synced => write!(f, "sync {a} is done: {b} bytes are durable"),
            Kind::Request if *b == 0 => write!(f, "is not there to receive request {a}"),
            Kind::Request => write!(f, "receives request {a}"),
            Kind::Answer => write!(f, "answers request {a} with {b}"),
            Kind::CalledOut => write!(f, "calls out: call {a}"),
            Kind::OutsideAnswered if *b == 0 => write!(f, "call {a} fails"),
            Kind::OutsideAnswered => write!(f, "call {a} is answered with {b}"),
            Kind::Leads => write!(f, "leads datacenter {a} in term {b}"),
            Kind::Elected => write!(f, "leads group {a} in term {b}"),
            Kind::Serving => write!(f, "serves slice {a} in epoch {b}"),
            Kind::StaleEpoch => write!(f, "refuses epoch {b} of slice {a}: stale"),
            Kind::Applied => write!(f, "applies entry {b} of group {a}"),
            Kind::FaultBegin => write!(f, "fault {a} begins"),
            Kind::FaultEnd => write!(f, "fault {a} ends"),
            Kind::FaultSkipped => write!(f, "fault {a} of the plan finds nothing to break"),
            Kind::Phase => write!(f, "phase {a} begins"),
            Kind::CutOff => write!(f, "is cut off from m{a} and misses {b} bytes"),
            Kind::Paused => write!(f, "stands still (fault {a})"),
            Kind::Installed => write!(f, "takes over a snapshot of group {a} up to entry {b}"),
            Kind::Panicked => write!(f, "panics (panic {a} of this machine)"),
            Kind::Resumed => write!(f, "goes on; {a} inputs have come meanwhile"),
        }
    }
}

/// Takes every step in, and keeps the entries if somebody wants to look.
pub(crate) struct Trace {
    steps: Stream,
    /// Events of the history and contents of messages.
    events: Stream,
    kept: Option<Vec<Entry>>,
}

impl Trace {
    pub(crate) fn new(keep: bool) -> Self {
        Self { steps: Stream::default(), events: Stream::default(), kept: keep.then(Vec::new) }
    }

    pub(crate) fn note(&mut self, at_ns: u64, machine: Option<MachineId>, kind: Kind, a: u64, b: u64) {
        let machine_or_nobody = machine.map_or(u64::from(u16::MAX) + 1, |machine| u64::from(machine.0));
        for word in [at_ns, (machine_or_nobody << 8) | u64::from(kind as u8), a, b] {
            self.steps.write(&word.to_le_bytes());
        }
        if let Some(kept) = &mut self.kept {
            kept.push(Entry { at_ns, machine, kind, a, b });
        }
    }

    /// What a message says. A step names its length alone; with its content in the digest, machines that would tell each
    /// other something else differ at once, not when it shows.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.events.write(bytes);
    }

    pub(crate) fn event(&mut self, event: &Event) {
        event.hash(&mut self.events);
    }

    /// The digest of everything so far, and the entries if they were kept.
    pub(crate) fn finish(self) -> (Digest, Vec<Entry>) {
        let mut both = Stream::default();
        both.write(&self.steps.finish128().to_le_bytes());
        both.write(&self.events.finish128().to_le_bytes());
        (Digest(both.finish128()), self.kept.unwrap_or_default())
    }
}

/// A hasher for very many very short writes: a hash is taken in long stretches, for what is short costs it most.
#[derive(Default)]
struct Stream {
    /// What is not in the hash yet.
    buffer: Vec<u8>,
    hasher: Xxh3Default,
}

impl Stream {
    const BUFFER_BYTES: usize = 4_096;

    fn flush(&mut self) {
        self.hasher.update(&self.buffer);
        self.buffer.clear();
    }

    fn finish128(mut self) -> u128 {
        self.flush();
        self.hasher.digest128()
    }
}

impl Hasher for Stream {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= Self::BUFFER_BYTES {
            self.flush();
        }
    }

    fn finish(&self) -> u64 {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.buffer);
        hasher.digest()
    }
}
