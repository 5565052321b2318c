//! What a test may put between the machines and the world: it changes what reaches a machine and what a machine wants done.
//! So a system that lies can be had of one that does not, and the judge can be tried on it. The system knows nothing of it,
//! and a run without it is as if there were no such thing.
//!
//! What changes here has happened for the world: the witness tells what left and arrived beyond it, and the account is
//! [`Effects::observed`] as it comes out of it.

use reveille_system::ids::MachineId;
use reveille_system::io::{Effects, Input};

/// What stands between all machines of one run and the world.
pub trait Between {
    /// An input is about to reach a machine that runs. Gives what reaches it; if that is nothing, what is put into `wanted`
    /// is done all the same. `wanted` is empty.
    fn reaches(&mut self, machine: MachineId, input: Input, wanted: &mut Effects) -> Option<Input> {
        let _ = (machine, wanted);
        Some(input)
    }

    /// A machine wants this done, and has said this of itself.
    fn wants(&mut self, machine: MachineId, wanted: &mut Effects) {
        let _ = (machine, wanted);
    }
}
