//! `reveille workerd replay`: a plan or a bundle once more.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use reveille::say::say;

use super::{exit_code, story};
use crate::bundle;
use crate::life;
use crate::plan::Plan;
use crate::project;
use crate::promise::{self, Asks};

/// Reads a plan's file.
pub(super) fn plan(path: &Path) -> anyhow::Result<Plan> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let plan: Plan = serde_json::from_str(&text).with_context(|| format!("{} is no plan", path.display()))?;
    plan.validate()?;
    Ok(plan)
}

/// The command.
pub(super) fn run(options: &super::Replay) -> anyhow::Result<ExitCode> {
    let runtime = options.how.workerd.as_deref();
    let mut asks: Asks = options.how.promise.iter().copied().collect();
    let mut kept_as = None;
    let (worker, plan) = if options.run.is_dir() {
        let run = bundle::read(&options.run)?;
        asks.extend(run.asks);
        kept_as = Some((run.rule, run.digest));
        let mut worker = run.worker;
        worker.binary = project::runtime(&options.project, runtime)?;
        (worker, run.plan)
    } else {
        (project::read(&options.project, runtime)?, plan(&options.run)?)
    };
    let life = life::run(&worker, &plan)?;
    let broken = promise::broken(&life, &asks);
    for violation in &broken {
        say(format_args!("{}\n", story(&life, violation)))?;
    }
    let digest = format!("{:016x}", life.digest());
    let told = match kept_as {
        Some((_, kept)) if kept == digest => ": the same run".to_owned(),
        Some((rule, _)) if broken.iter().any(|it| it.rule.0 == rule) => {
            format!(": another run, {rule} is still broken")
        }
        Some((rule, _)) => format!(": another run, {rule} is no longer broken"),
        None => String::new(),
    };
    for why in &life.blind {
        say(format_args!("not told from there on: {why}\n"))?;
    }
    let events = life.history.events.len();
    let nothing = if broken.is_empty() { "nothing is broken; " } else { "" };
    say(format_args!("{nothing}{events} events, digest {digest}{told}\n"))?;
    if let Some(path) = &options.history {
        fs::write(path, &life.text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(exit_code(!broken.is_empty()))
}
