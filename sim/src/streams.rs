//! Split random streams: each concern of each machine or link draws from a generator of its own, so that one more draw
//! in one place leaves all others as they were. Shrinking a plan depends on it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What a stream is for. The numbers are part of every run's identity: add new ones, never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Latency and loss; one stream for each directed link.
    Network = 1,
    /// How long a sync takes; by machine.
    DiskSync = 2,
    /// What survives a loss of power; by machine.
    DiskLoss = 3,
    /// When a machine boots for the first time; by machine.
    Boot = 4,
    /// The seed that the system gets at each boot; by machine.
    System = 5,
    /// How long outside services think; by the machine that calls.
    Outside = 6,
    /// What a rough link does; one stream for each directed link.
    RoughLinks = 7,
    /// What the connections of clients and services suffer; by machine and way.
    Connections = 8,
    /// Which bit of a disk rots; by machine.
    DiskRot = 9,
    /// Which messages arrive corrupted, and how; one stream for each directed link.
    Corruption = 10,
}

/// The streams of one run.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of the run with this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The stream of one concern and one machine or link. Asking twice gives the same stream from its begin.
    pub fn stream(self, concern: Concern, index: u64) -> ChaCha8Rng {
        // The cipher's key is the name of the stream: different keys give unrelated streams.
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&(concern as u64).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        ChaCha8Rng::from_seed(key)
    }
}
