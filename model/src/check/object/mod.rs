//! The wing of objects: one live instance, one turn at a time, the constructor first, and a machine that is well (O).

pub(in crate::check) mod homeless;
pub(in crate::check) mod life;
pub(in crate::check) mod turns;
