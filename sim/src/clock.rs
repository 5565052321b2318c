//! A machine's clocks: how true time looks from inside. Both run at the machine's own rate; the wall clock is off by an
//! offset as well, which changes when it steps, the monotonic clock starts at zero with every boot.
//!
//! ```text
//! true time   0 ----------- boot ------------------------- t
//! monotonic                 0 ---------------------------- (t - boot) * (1 + drift)
//! wall        epoch + offset ----------------------------- epoch + offset + t * (1 + drift)
//! ```

use reveille_system::words::time::Now;

/// What an exact wall clock shows at the begin of every run: 2026-01-01T00:00:00Z, in nanoseconds since the UNIX epoch.
pub const WALL_EPOCH_NS: i64 = 1_767_225_600 * 1_000_000_000;

const PPM: i64 = 1_000_000;

/// The clocks of one machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall_at_zero_ns: i64,
    drift_ppm: i64,
    booted_at_ns: u64,
}

impl Clock {
    /// A machine's clocks before its first boot. `offset_ms` moves the wall clock; both clocks gain `drift_ppm`
    /// microseconds in a second of true time. The drift is above -1,000,000.
    pub fn new(offset_ms: i32, drift_ppm: i32) -> Self {
        assert!(i64::from(drift_ppm) > -PPM, "a clock never stands still or runs backwards");
        Self {
            wall_at_zero_ns: WALL_EPOCH_NS + i64::from(offset_ms) * 1_000_000,
            drift_ppm: i64::from(drift_ppm),
            booted_at_ns: 0,
        }
    }

    /// The machine boots: its monotonic clock starts anew.
    pub fn boot(&mut self, at_ns: u64) {
        self.booted_at_ns = at_ns;
    }

    /// The wall clock steps forward, or back if `by_ms` is negative.
    pub fn step(&mut self, by_ms: i32) {
        self.wall_at_zero_ns += i64::from(by_ms) * 1_000_000;
    }

    /// Both clocks at a true time, which is not before the last boot.
    pub fn now(&self, at_ns: u64) -> Now {
        Now { mono_ns: self.drifted(at_ns - self.booted_at_ns), wall_ns: self.wall_ns(at_ns) }
    }

    /// The wall clock at a true time; it runs while the machine is down, too.
    pub fn wall_ns(&self, at_ns: u64) -> i64 {
        self.wall_at_zero_ns + signed(self.drifted(at_ns))
    }

    /// The first moment of true time at which the monotonic clock shows `mono_ns` or more: a wake is never early (F2).
    pub fn true_ns(&self, mono_ns: u64) -> u64 {
        // drifted(t) = floor(t * rate / PPM) >= mono exactly when t >= mono * PPM / rate; split so that it fits.
        let rate = PPM + self.drift_ppm;
        let (whole, rest) = (signed(mono_ns) / rate, signed(mono_ns) % rate);
        let elapsed = whole * PPM + (rest * PPM + rate - 1) / rate;
        let elapsed = u64::try_from(elapsed).expect("a quotient of positive numbers is positive");
        debug_assert!(self.drifted(elapsed) >= mono_ns, "a wake is never early");
        self.booted_at_ns + elapsed
    }

    fn drifted(&self, elapsed_ns: u64) -> u64 {
        let elapsed = signed(elapsed_ns);
        // Split, so that the product fits for any run: 500 ppm of 2^63 ns would not.
        let (millions, rest) = (elapsed / PPM, elapsed % PPM);
        let gained = millions * self.drift_ppm + (rest * self.drift_ppm).div_euclid(PPM);
        u64::try_from(elapsed + gained)
            .expect("a drift above -1,000,000 ppm never reaches back behind the begin")
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).expect("a run is shorter than 292 years")
}
