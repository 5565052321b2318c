//! The simulated world: clock, network, disk, outside services, faults, and the run of one plan.
