//! Whether a machine's disk is fast enough to lead groups with (L2). A leader applies nothing before its own disk has it,
//! so one with a slow disk holds up everybody; as a follower it holds up nobody.

/// A sync that takes longer makes the machine unfit.
const SLOW_SYNC_MS: u64 = 500;
/// For so long after the last slow sync it stays unfit: a slow disk may also be quick now and then.
const UNFIT_MS: u64 = 10_000;

/// The syncs of a machine, as far as its ticks see them.
#[derive(Debug)]
pub(super) struct Fitness {
    /// The sync that was under way at the last tick, and at how many ticks before.
    under_way: Option<(u64, u64)>,
    unfit_ticks: u64,
    slow_ticks: u64,
    unfit_ticks_max: u64,
}

impl Fitness {
    pub(super) fn new(tick_ms: u64) -> Self {
        Self {
            under_way: None,
            unfit_ticks: 0,
            slow_ticks: SLOW_SYNC_MS.div_ceil(tick_ms),
            unfit_ticks_max: UNFIT_MS.div_ceil(tick_ms),
        }
    }

    /// Time passes, and the sync with this ticket is under way.
    pub(super) fn tick(&mut self, under_way: Option<u64>) {
        let before = self.under_way;
        let ticks = |ticket| before.filter(|(seen, _)| *seen == ticket).map_or(0, |(_, ticks)| ticks + 1);
        self.under_way = under_way.map(|ticket| (ticket, ticks(ticket)));
        // Between two ticks is the time of a tick at least.
        let is_slow = self.under_way.is_some_and(|(_, ticks)| ticks >= self.slow_ticks);
        self.unfit_ticks = if is_slow { self.unfit_ticks_max } else { self.unfit_ticks.saturating_sub(1) };
    }

    /// Whether the disk is fast enough, as far as is known.
    pub(super) fn is_fit(&self) -> bool {
        self.unfit_ticks == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK_MS: u64 = 500;

    fn after(syncs: impl IntoIterator<Item = Option<u64>>) -> Fitness {
        let mut fitness = Fitness::new(TICK_MS);
        syncs.into_iter().for_each(|under_way| fitness.tick(under_way));
        fitness
    }

    #[test]
    fn l2_a_disk_is_too_slow_when_a_sync_outlasts_500_ms() {
        assert!(after([Some(1), Some(2), None, Some(3), Some(4)]).is_fit(), "each is another sync");
        assert!(!after([Some(1), Some(1)]).is_fit());
        assert!(!after([Some(1), Some(2), Some(2), None]).is_fit());
    }

    #[test]
    fn l2_a_disk_is_fast_enough_again_some_time_after_its_last_slow_sync() {
        let slow = [Some(1), Some(1)];
        let quick = |ticks| std::iter::repeat_n(None, ticks);
        assert!(!after(slow.into_iter().chain(quick(19))).is_fit());
        assert!(after(slow.into_iter().chain(quick(20))).is_fit());
    }

    #[test]
    fn l2_the_bound_is_a_time_and_not_a_number_of_ticks() {
        let mut fitness = Fitness::new(100);
        (0..5).for_each(|_| fitness.tick(Some(1)));
        assert!(fitness.is_fit(), "400 ms");
        fitness.tick(Some(1));
        assert!(!fitness.is_fit(), "500 ms");
    }
}
