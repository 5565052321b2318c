//! The wing of objects (O): one live instance, one turn at a time, the constructor first, and a machine that is well.
//!
//! | rules | in |
//! |---|---|
//! | O1, O5 | [`effects`]; an epoch on two machines: [`home`]; a request that is given twice: `deliveries` |
//! | O2 | [`requests`] |
//! | O3, O4 | [`turns`] |
//! | O6 | [`homeless`] |
//! | O7 | [`over_limit`], [`life`] |

pub(in crate::check) mod effects;
pub(in crate::check) mod home;
pub(in crate::check) mod homeless;
pub(in crate::check) mod life;
pub(in crate::check) mod over_limit;
pub(in crate::check) mod requests;
pub(in crate::check) mod turns;
