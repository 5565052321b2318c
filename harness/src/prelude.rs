//! What an object and its scenario need.

pub use std::rc::Rc;
pub use std::time::Duration;

pub use bytes::Bytes;
pub use proptest::prelude::{Just, any, prop_oneof};
pub use proptest::strategy::Strategy;
pub use proptest::{collection, option, sample};
pub use reveille_sim::outside::Service;
pub use reveille_sim::plan::{Limits, Moment};
pub use reveille_system::object::api::{
    AlarmInfo, Ctx, DurableObject, Headers, List, OutsideAnswer, Request, Response, Storage, StorageError,
    Thrown,
};

pub use crate::plans::{Failures, kinds};
pub use crate::promise::{
    acknowledged, after_each_acknowledged, always, answers, at_most, calls_to, distinct, eventually,
    never_stops, promise, runs_of_alarm,
};
pub use crate::scenario::Scenario;
