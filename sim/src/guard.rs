//! What stands between a run and the operating system. A run needs none of it: the world has its own clock, its own streams of
//! random numbers, and one thread. With `--cfg madsim` there is a guard all the same, for object code that asks past its
//! `Ctx`: libc's clock shows virtual time, libc's entropy is drawn from the plan's seed, and a thread cannot be started.
//! Without the cfg nothing is intercepted and madsim is not built.
//!
//! Both variants are in this file, and nothing else here knows which of them it has. The digests of a plan's runs are equal in
//! both (`.ci/run` compares them).

use std::time::Duration;

/// Whether object code that asks the operating system is answered by the run.
pub(crate) const GUARDED: bool = cfg!(madsim);

/// The clock that the operating system shows.
#[cfg(madsim)]
pub(crate) struct Clock(madsim::time::TimeHandle);

/// The clock that the operating system shows: nobody moves it.
#[cfg(not(madsim))]
pub(crate) struct Clock;

impl Clock {
    /// Moves it on with virtual time.
    #[cfg(madsim)]
    pub(crate) fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    #[cfg(not(madsim))]
    pub(crate) fn advance(&self, _by: Duration) {}
}

/// Does a run within the guard.
#[cfg(madsim)]
pub(crate) fn within<T>(seed: u64, run: impl FnOnce(Clock) -> T) -> T {
    let runtime = madsim::runtime::Runtime::with_seed_and_config(seed, madsim::Config::default());
    // One task that never waits: nothing is left in the executor that could leak.
    runtime.block_on(async { run(Clock(madsim::time::TimeHandle::current())) })
}

#[cfg(not(madsim))]
pub(crate) fn within<T>(_seed: u64, run: impl FnOnce(Clock) -> T) -> T {
    run(Clock)
}
