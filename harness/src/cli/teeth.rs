//! `teeth`: which calls of a scenario's object nothing misses.

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use super::{Teeth, cores};
use crate::catalogue::Catalogue;
use crate::say::{say, tell};
use crate::supervise::INTERRUPTED;
use crate::teeth;

impl Teeth {
    pub(super) fn run(self, all: &Catalogue, stop: &AtomicBool) -> anyhow::Result<ExitCode> {
        let Self { scenario, seeds, jobs, json } = self;
        let scenario = all.of_name(&scenario)?;
        json.check()?;
        let tried = teeth::Teeth::of(scenario, seeds, jobs.unwrap_or_else(cores), stop)?;
        if tried.trials.is_empty() {
            tell("nothing was tried\n");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        json.write(&tried)?;
        if !json.instead_of_text() {
            say(&tried)?;
        }
        Ok(ExitCode::from(u8::from(tried.unnoticed().next().is_some())))
    }
}
