//! What every step of a machine has at hand: the moment, the cluster, and the ways out. One step is one input; nothing of
//! this outlives it.

use crate::config::Config;
use crate::io::Effects;
use crate::outbox::Outbox;
use crate::words::time::Now;

/// The context of a step.
pub(crate) struct Cx<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a Config,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) out: &'a mut Effects,
}
