//! What became of each fault and outage of a plan: for whoever asks which of them a finding needs.

/// What became of the faults and outages of a plan, each by its position in the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fates {
    /// Of the faults.
    pub faults: Vec<Fate>,
    /// Of the outages of outside services.
    pub outages: Vec<Fate>,
}

/// What became of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The run ended before its time.
    NotReached,
    /// There was nothing to strike: its machine was down already, nobody had the role that it is aimed at, or the moment
    /// that it waited for did not come.
    Skipped,
    /// It began, and nothing came of it.
    NoEffect,
    /// It had an effect: what counts as one is said at [`crate::counts::FaultCount::effective`].
    Effective,
}

impl Fates {
    /// Those of a plan with so many faults and outages before anything has happened.
    pub fn of_none(faults: usize, outages: usize) -> Self {
        Self { faults: vec![Fate::NotReached; faults], outages: vec![Fate::NotReached; outages] }
    }
}
