//! A harness for objects with alarms: brings a class of your own into a simulated world, breaks the world on purpose from a seed,
//! and says what the class does not survive.
//!
//! Everything that an object and its scenario need is in [`prelude`]. Read [`scenario`] first; [`plans`]
//! turns a seed into a plan, [`explore`] runs many of them, [`shrink`] makes what it finds small, [`bundle`] and
//! [`regression`] keep it, [`report`] and [`story`] tell it, and [`timeline`] shows it; [`worlds`] tells what a campaign has tried.
//! [`testing`] does all of it in a test, [`teeth`] tries whether a promise can see what the object does, and [`main`] gives a program
//! the whole command line for its scenarios. [`scaffold`] makes a crate to begin with.
//!
//! ```
//! use reveille::finding;
//! use reveille::prelude::*;
//!
//! /// Answers, and remembers nothing.
//! struct Echo;
//!
//! impl DurableObject for Echo {
//!     const CLASS: &'static str = "Echo";
//!     const DECLARES_ALARM: bool = false;
//!
//!     fn new(_ctx: Ctx) -> Rc<Self> {
//!         Rc::new(Self)
//!     }
//!
//!     async fn fetch(self: Rc<Self>, request: Request) -> Result<Response, Thrown> {
//!         Ok(Response::ok(request.text()))
//!     }
//! }
//!
//! let scenario = Scenario::of::<Echo>("echo").requests("[a-z]{1,8}", 0..50);
//! // In a test this would be `scenario.check()`: 64 seeds, and the smallest story of what is found.
//! let outcome = scenario.run(&scenario.plan(7));
//! assert!(finding::of(&outcome).is_empty());
//! ```

mod annotations;
pub mod bench;
pub mod broken;
pub mod bundle;
pub mod catalogue;
pub mod causes;
pub mod check;
pub mod cli;
#[cfg(test)]
mod example;
pub mod explore;
mod files;
pub mod finding;
pub mod histories;
pub mod lines;
pub mod log;
pub mod matrix;
pub mod perfetto;
pub mod picture;
pub mod plans;
pub mod prelude;
pub mod promise;
pub mod reach;
pub mod regression;
pub mod replay;
pub mod report;
pub mod say;
pub mod scaffold;
pub mod scenario;
pub mod sheet;
pub mod shrink;
pub mod signature;
pub mod source;
pub mod story;
pub mod supervise;
pub mod teeth;
pub mod testing;
pub mod timeline;
pub mod told;
pub mod worlds;

// What types of the library's own calls are from: a crate that depends on this one alone has them here.
pub use {bytes, proptest, serde, serde_json};

use std::process::ExitCode;

use self::catalogue::Catalogue;
use self::scenario::Scenario;

/// The whole command line for these scenarios. The exit code is that of the process: `docs/exit-codes.md` has all of them.
///
/// # Panics
///
/// If there are no scenarios, or two have one name.
pub fn main(scenarios: impl IntoIterator<Item = Scenario>) -> ExitCode {
    main_of(&Catalogue::new(scenarios), &[], "unknown")
}

/// Like [`main`], with commands of the program's own, and the commit that it was built of, which its bundles name.
pub fn main_of(scenarios: &Catalogue, extras: &[cli::Extra], commit: &str) -> ExitCode {
    cli::run(scenarios, extras, commit).unwrap_or_else(|error| {
        say::tell(format_args!("error: {error:#}\n"));
        ExitCode::from(2)
    })
}
