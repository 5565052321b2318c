//! What an object and its scenario need.

pub use std::rc::Rc;

pub use proptest::strategy::Strategy;
pub use reveille_sim::outside::Service;
pub use reveille_sim::plan::{Limits, Moment};
pub use reveille_system::object::api::{
    AlarmInfo, Ctx, DurableObject, List, Request, Response, Storage, StorageError, Thrown,
};

pub use crate::plans::{Failures, kinds};
pub use crate::scenario::Scenario;
