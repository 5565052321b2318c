//! What an object and its scenario need, so that a crate with the one dependency `reveille` has it all. The libraries that the types
//! are from stand beside it: [`crate::serde`], [`crate::serde_json`], [`crate::proptest`], [`crate::bytes`].
//!
//! The macros of serde ask for the crate of this name, unless they are told where it is:
//!
//! ```
//! use reveille::prelude::*;
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(crate = "reveille::serde")]
//! struct Job {
//!     number: u32,
//! }
//!
//! let job: Job = reveille::serde_json::from_value(json!({ "number": 7 }))?;
//! assert_eq!(job.number, 7);
//! # Ok::<(), reveille::serde_json::Error>(())
//! ```

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
pub use serde::{Deserialize, Serialize};
pub use serde_json::json;

pub use crate::plans::{Failures, kinds};
pub use crate::promise::{
    acknowledged, after_each_acknowledged, always, answers, at_most, calls_to, distinct, eventually,
    never_stops, promise, runs_of_alarm,
};
pub use crate::scenario::Scenario;
