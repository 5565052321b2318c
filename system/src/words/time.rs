//! What time it is on a machine.

/// The machine's two clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds on the monotonic clock. It drifts, never steps, and starts anew at every boot.
    pub mono_ns: u64,
    /// Nanoseconds since the UNIX epoch on the wall clock. It has an offset, drifts, and may step.
    pub wall_ns: i64,
}

impl Now {
    /// The wall clock in whole milliseconds, rounded down: the unit of every stored time.
    pub fn wall_ms(self) -> i64 {
        self.wall_ns.div_euclid(1_000_000)
    }
}
