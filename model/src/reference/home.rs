//! Where the instances of an object live: all of one epoch on one machine. Only the last few epochs are remembered, as many as may
//! still be heard of.

use super::Mark;

/// How many epochs of an object are remembered: the newest, and those whose holder may not know yet that it is deposed.
const EPOCHS_MAX: usize = 5;

/// The machine on which an epoch of an object was seen first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    epoch: u64,
    pub(crate) machine: u16,
    pub(crate) seen: Mark,
    /// Whether it is reported that it was seen on another one too.
    pub(crate) is_told: bool,
}

/// The homes of an object's last epochs that were new, the last one at the end.
#[derive(Debug, Default)]
pub(crate) struct Homes(Vec<Home>);

impl Homes {
    /// The home of an epoch, which is this machine if none is known.
    pub(crate) fn of(&mut self, epoch: u64, machine: u16, now: Mark) -> &mut Home {
        let position = self.0.iter().rposition(|home| home.epoch == epoch).unwrap_or_else(|| {
            if self.0.len() == EPOCHS_MAX {
                self.0.remove(0);
            }
            self.0.push(Home { epoch, machine, seen: now, is_told: false });
            self.0.len() - 1
        });
        &mut self.0[position]
    }
}
