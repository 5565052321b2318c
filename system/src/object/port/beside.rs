//! What an instance can do beside storage and outside services: know its name, set timers, draw random numbers, and tell whether
//! what its author believes holds. All of it counts against the budget of the turn (O7), or code that does nothing else would
//! never end.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use siphasher::sip::SipHasher13;

use super::{Core, PendingWhat, Port, Wanted};
use crate::config::NS_PER_MS;
use crate::ids::{ObjectName, OpId};
use crate::observe::{PromiseKind, Seen};

/// The shortest timer. A loop of timers of no length would go on for ever without time passing.
const TIMER_MS_MIN: u64 = 1;

/// The random numbers of one instance.
#[derive(Debug)]
pub(super) struct Draws {
    /// The entropy of the machine's boot.
    seed: u64,
    /// Made with the first draw: few instances make one.
    rng: Option<Box<ChaCha8Rng>>,
}

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, rng: None }
    }
}

impl Port {
    /// The object's class and name.
    pub fn object(&self) -> ObjectName {
        self.core().object.clone()
    }

    /// Sets a timer: the operation has its result once so many milliseconds, at least one, have passed on the machine's monotonic
    /// clock and the input gate is open (O3). The turn's time counts, which stands still in it.
    pub fn sleep(&self, ms: u64) -> OpId {
        let mut core = self.core();
        core.spend_call();
        let for_ms = ms.max(TIMER_MS_MIN);
        let op = core.begin(PendingWhat::Timer, false);
        let until_ns = core.now.mono_ns.saturating_add(for_ms.saturating_mul(NS_PER_MS));
        core.see(Seen::Slept { op, for_ms });
        core.wanted.push(Wanted::Timer(op, until_ns));
        op
    }

    /// A random number: a function of the entropy of the machine's boot, of the instance, and of how many it has drawn before. So
    /// what one instance draws moves no number of another.
    pub fn random(&self) -> u64 {
        let mut core = self.core();
        core.spend_call();
        core.draw()
    }

    /// Tells of a promise that the code makes itself, and whether it held. It changes nothing.
    pub fn promise(&self, name: &'static str, kind: PromiseKind, held: bool) {
        let mut core = self.core();
        core.spend_call();
        core.see(Seen::Told { name, kind, held });
    }
}

impl Core {
    fn draw(&mut self) -> u64 {
        let Self { object, instance, draws, .. } = self;
        let rng = draws.rng.get_or_insert_with(|| {
            let hasher = SipHasher13::new_with_keys(draws.seed, instance.as_u64());
            Box::new(ChaCha8Rng::seed_from_u64(hasher.hash(object.shared().as_bytes())))
        });
        rng.next_u64()
    }
}
