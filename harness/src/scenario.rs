//! A scenario: objects, what is asked of them, what breaks meanwhile, what they promise, and what the harness is expected to
//! find. It is made with [`Scenario::of`]; everything about it that is not said has a default.
//!
//! ```
//! # use std::rc::Rc;
//! # use reveille::prelude::*;
//! # struct Jobs;
//! # impl DurableObject for Jobs {
//! #     const CLASS: &'static str = "Jobs";
//! #     const DECLARES_ALARM: bool = false;
//! #     fn new(_ctx: Ctx) -> Rc<Self> { Rc::new(Self) }
//! #     async fn fetch(self: Rc<Self>, _request: Request) -> Result<Response, Thrown> { Ok(Response::ok("")) }
//! # }
//! let scenario = Scenario::of::<Jobs>("jobs").requests("[a-z]{1,8}", 0..200);
//! assert_eq!(scenario.plan(7), scenario.plan(7));
//! ```

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use proptest::strategy::{BoxedStrategy, Strategy};
use reveille_model::history::History;
use reveille_model::verdict::{Coverage, RuleId};
use reveille_sim::outside::Service;
use reveille_sim::plan::{Limits, Plan};
use reveille_sim::run::{self, Code, Look, Outcome, RunEnd};
use reveille_system::object::api::{DurableObject, RustClass};

use crate::plans::{self, Asked, Failures, Requests, Shape, Story};
use crate::promise::{Judged, Promise, View};

/// A scenario.
#[derive(Clone)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is about, in a sentence; may be empty.
    pub sentence: &'static str,
    /// What the harness is expected to find.
    pub expect: Expect,
    /// The rules of the contract that a campaign of a hundred seeds has to give an occasion to be broken: what is clean without one
    /// was not tested.
    pub gives: &'static [&'static str],
    /// The classes of its objects, and its outside services.
    pub code: Code,
    /// What its plans look like.
    pub shape: Shape,
    /// Whether a campaign tells which calls were made in which context ([`crate::matrix`]).
    pub matrix: bool,
    /// What its reference run has to do at least, if it has one ([`crate::bench`]).
    pub load: Option<Load>,
    /// What its objects promise beside the rules.
    pub promises: Vec<Promise>,
}

/// What a campaign is expected to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Clean,
    /// Broken promises.
    Caught {
        /// Each of these.
        with: &'static [&'static str],
        /// Perhaps these, and no others.
        also: &'static [&'static str],
    },
}

/// What a run does on average at least, so that figures of different days can be compared: a system that drops its work is
/// no faster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests answered.
    pub answered: u64,
    /// Runs of `alarm()` started.
    pub fired: u64,
    /// Faults that had an effect.
    pub effective: u64,
}

/// How a scenario is made.
impl Scenario {
    /// A scenario of this name about objects of class `T`. Until more is said they are asked nothing, anything breaks any number of
    /// times, they promise nothing beside the rules of the contract, and nothing is expected to be found.
    pub fn of<T: DurableObject>(name: &'static str) -> Self {
        Self {
            name,
            sentence: "",
            expect: Expect::Clean,
            gives: &[],
            code: Code::of(|| RustClass::<T>::default().into()),
            shape: Shape {
                scenario: name,
                class: T::CLASS,
                requests: Requests::none(),
                objects_max: 12,
                failures: Failures::Many,
                limits: Limits::OF_THE_CONTRACT,
            },
            matrix: false,
            load: None,
            promises: Vec::new(),
        }
    }

    /// The same scenario by another name and with another sentence: for one that differs in what breaks.
    #[must_use]
    pub fn named(self, name: &'static str, sentence: &'static str) -> Self {
        let shape = Shape { scenario: name, ..self.shape };
        Self { name, sentence, shape, ..self }
    }

    /// What it is about, in a sentence for `list`.
    #[must_use]
    pub fn about(self, sentence: &'static str) -> Self {
        Self { sentence, ..self }
    }

    /// One more class of objects. Requests go to objects of the first one, unless a [`Scenario::story`] draws others.
    #[must_use]
    pub fn class<T: DurableObject>(self) -> Self {
        Self { code: self.code.with_classes(|classes| classes.with(RustClass::<T>::default())), ..self }
    }

    /// An outside service with a behaviour of its own. What is not named here answers 200 to everything.
    #[must_use]
    pub fn service(self, name: &'static str, service: impl Service + Clone + Send + Sync + 'static) -> Self {
        Self { code: self.code.with_services(move |services| services.with(name, service.clone())), ..self }
    }

    /// What the objects are asked while things break: so many requests, each with a body that the strategy draws, of any of the
    /// objects and at any time. When all is well again some more are asked.
    #[must_use]
    pub fn requests<S>(self, bodies: S, many: Range<usize>) -> Self
    where
        S: Strategy + Send + Sync + 'static,
        S::Value: Into<String>,
    {
        let body = move |index, dice| plans::drawn(&bodies, index, dice).into();
        self.asks(body, many)
    }

    /// Like [`Scenario::requests`], where the body of the `index`-th request of a plan is a function of a random number.
    #[must_use]
    pub fn asks(
        mut self,
        body: impl Fn(usize, u32) -> String + Send + Sync + 'static,
        many: Range<usize>,
    ) -> Self {
        self.shape.requests = Requests::Spread { body: Arc::new(body), many };
        self
    }

    /// What the objects are asked as one strategy for all of it, with what is to break because of it beside everything else; `max`
    /// occasions at most while things break.
    #[must_use]
    pub fn story(
        mut self,
        story: impl Fn(Asked) -> BoxedStrategy<Story> + Send + Sync + 'static,
        max: usize,
    ) -> Self {
        self.shape.requests = Requests::Own { story: Arc::new(story), max };
        self
    }

    /// At most so many objects; at least one.
    #[must_use]
    pub fn objects(mut self, max: usize) -> Self {
        self.shape.objects_max = max;
        self
    }

    /// How much breaks.
    #[must_use]
    pub fn failures(mut self, failures: Failures) -> Self {
        self.shape.failures = failures;
        self
    }

    /// What the objects' code may use up, if less than the contract gives.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.shape.limits = limits;
        self
    }

    /// What its objects promise beside the rules ([`crate::promise`]). May be called more than once.
    ///
    /// # Panics
    ///
    /// If two promises have one name: [`Promise::named`] gives one of them another.
    #[must_use]
    pub fn promise(mut self, promise: impl Into<Promise>) -> Self {
        let promise = promise.into();
        let is_new = self.promises.iter().all(|before| before.name != promise.name);
        assert!(is_new, "two promises of {} are named {}", self.name, promise.name);
        self.promises.push(promise);
        self
    }

    /// A campaign has to find all of `with` and may find what is in `also`: the scenario is there to be caught.
    #[must_use]
    pub fn is_caught(self, with: &'static [&'static str], also: &'static [&'static str]) -> Self {
        Self { expect: Expect::Caught { with, also }, ..self }
    }

    /// [`Scenario::gives`].
    #[must_use]
    pub fn gives(self, gives: &'static [&'static str]) -> Self {
        Self { gives, ..self }
    }

    /// A campaign tells which calls were made in which context ([`crate::matrix`]).
    #[must_use]
    pub fn with_matrix(self) -> Self {
        Self { matrix: true, ..self }
    }

    /// `bench` can measure it, and its reference run does at least this.
    #[must_use]
    pub fn with_reference_run(self, load: Load) -> Self {
        Self { load: Some(load), ..self }
    }
}

/// How a scenario is run.
impl Scenario {
    /// The plan that a seed stands for.
    pub fn plan(&self, seed: u64) -> Plan {
        plans::draw(&self.shape, seed)
    }

    /// Whether its objects are asked at any time, each request by itself.
    pub(crate) fn is_spread(&self) -> bool {
        matches!(self.shape.requests, Requests::Spread { .. })
    }

    /// Runs a plan and judges it: by the rules of the contract, then by what the scenario's objects promise.
    pub fn run(&self, plan: &Plan) -> Outcome {
        self.run_with(plan, Look::default())
    }

    /// Holds the history of a whole run to what the scenario's objects promise: each promise by name.
    pub fn judge(&self, history: &History) -> Vec<(&'static str, Judged)> {
        if self.promises.is_empty() {
            return Vec::new();
        }
        let view = View::of(history);
        self.promises.iter().map(|promise| (promise.name, promise.judge(&view))).collect()
    }

    /// Like [`Scenario::run`], with a closer look.
    pub fn run_with(&self, plan: &Plan, look: Look) -> Outcome {
        let mut outcome = run::run_with(plan, &self.code, look);
        // Only a whole run can tell: before its end what was promised may still come true.
        if outcome.end == RunEnd::Completed {
            for (name, Judged { occasions, broken }) in self.judge(&outcome.history) {
                outcome.verdict.coverage.insert(RuleId(name), Coverage::Judged { occasions });
                outcome.verdict.add(broken);
            }
        }
        outcome
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario").field("name", &self.name).finish_non_exhaustive()
    }
}
