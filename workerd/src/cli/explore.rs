//! `reveille workerd explore`: lives of a worker, and the story of each thing that one of them broke.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use reveille::lines::quoted;
use reveille::say::{say, tell};
use reveille::signature::Signature;
use reveille::supervise;

use super::{exit_code, story};
use crate::bundle::{self, Run};
use crate::explore::{Broken, Explored, every_point};
use crate::life;
use crate::plan::{Moment, Plan};
use crate::project;
use crate::promise::{self, Asks};
use crate::shrink::{of_kind, shrink, signature};
use crate::worker::Worker;
use crate::workload::{self, Try};

/// The exit code of a command that was interrupted before anything was run.
const INTERRUPTED: u8 = 130;

/// What was found of one kind.
struct Found {
    /// The first life that shows it.
    broken: Broken,
    /// In which lives, how often each.
    lives: BTreeMap<&'static str, usize>,
}

/// The command.
pub(super) fn run(options: &super::Explore) -> anyhow::Result<ExitCode> {
    let worker = project::read(&options.project, options.how.workerd.as_deref())?;
    let stop = supervise::stop_at_interrupt()?;
    let mut campaign = Campaign {
        worker,
        asks: options.how.promise.iter().copied().collect(),
        jobs: options.jobs.map_or_else(cores, usize::from),
        stop: &stop,
        found: BTreeMap::new(),
        hints: 0,
    };
    let names: Vec<&str> = campaign.worker.classes.iter().map(|class| class.name.as_str()).collect();
    say(format_args!("{}: {}\n", options.project.display(), names.join(", ")))?;
    let mut lives = match &options.plan {
        Some(path) => vec![of_file(path)?],
        None => workload::lives(&campaign.worker, options.seed)?,
    };
    let drawn = (0..options.drawn).map(|number| Try {
        name: "drawn",
        sentence: "requests, outages and deaths, drawn from a seed",
        plan: workload::draw(options.seed.wrapping_add(number)),
        at_every_point: false,
    });
    lives.extend(drawn);
    let mut tried = 0;
    for life in &lives {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        campaign.try_life(life)?;
        tried += 1;
    }
    if tried == 0 {
        tell("stopped: nothing was run\n");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    campaign.report(options)
}

/// A plan as a life to be tried.
fn of_file(path: &Path) -> anyhow::Result<Try> {
    let plan = super::replay::plan(path)?;
    let at_every_point = plan.deaths.is_empty();
    Ok(Try { name: "plan", sentence: "the plan", plan, at_every_point })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Lives that are tried one after the other.
struct Campaign<'a> {
    worker: Worker,
    asks: Asks,
    jobs: usize,
    stop: &'a AtomicBool,
    found: BTreeMap<Signature, Found>,
    /// How many items were lost, where nobody asks for them to be kept.
    hints: usize,
}

impl Campaign<'_> {
    fn try_life(&mut self, tried: &Try) -> anyhow::Result<()> {
        let began = Instant::now();
        let broken = if tried.at_every_point {
            let go_on = || !self.stop.load(Ordering::Relaxed);
            let explored = every_point(&self.worker, &tried.plan, &self.asks, self.jobs, &go_on)?;
            let Explored { points, outsides, broken, .. } = explored;
            let (points, states, lost) = (points.len(), outsides.len(), broken.len());
            say(format_args!(
                "  {:<8} {}: {points} points, {states} states; {lost} of {} lives broke something, {:.1} s\n",
                tried.name,
                tried.sentence,
                states + 1,
                began.elapsed().as_secs_f64()
            ))?;
            broken
        } else {
            let life = life::run(&self.worker, &tried.plan)?;
            let violations = promise::broken(&life, &self.asks);
            let said = if violations.is_empty() { "nothing broke" } else { "something broke" };
            let seconds = began.elapsed().as_secs_f64();
            say(format_args!("  {:<8} {}: {said}, {seconds:.1} s\n", tried.name, tried.sentence))?;
            if self.asks.is_empty() {
                self.hints += promise::lost(&life).len();
            }
            vec![Broken { plan: tried.plan.clone(), violations, life }]
        };
        broken.iter().for_each(|broken| self.note(tried.name, broken));
        Ok(())
    }

    /// Puts what a life broke to what is known of its kind.
    fn note(&mut self, life: &'static str, broken: &Broken) {
        let mut kinds: Vec<Signature> = broken.violations.iter().map(signature).collect();
        kinds.sort();
        kinds.dedup();
        for kind in kinds {
            let first = || Found { broken: broken.clone(), lives: BTreeMap::new() };
            *self.found.entry(kind).or_insert_with(first).lives.entry(life).or_default() += 1;
        }
    }

    /// Each finding, made smaller, with its story.
    fn report(self, options: &super::Explore) -> anyhow::Result<ExitCode> {
        let go_on = || !self.stop.load(Ordering::Relaxed);
        if self.hints > 0 {
            say(format_args!(
                "hint: {} requests were answered with success and are neither stored at the end nor did a service accept them; \
                 --promise kept tells each\n",
                self.hints
            ))?;
        }
        let is_broken = !self.found.is_empty();
        for (number, (kind, found)) in (1..).zip(self.found) {
            let Found { broken, lives } = found;
            let least = shrink(&self.worker, broken, &kind, &self.asks, self.jobs, &go_on)?;
            let violation = of_kind(&least, &kind).expect("it breaks what it is smaller of");
            let lives: Vec<String> = lives.iter().map(|(name, times)| format!("{name} {times}")).collect();
            let story = format!(
                "{}\n  it takes: {}\n  found in: {}\n",
                story(&least.life, violation),
                takes(&least.plan),
                lives.join(", ")
            );
            say(format_args!("\n{story}"))?;
            if let Some(out) = &options.out {
                let folder = out.join(format!("{number:02}-{}", violation.rule));
                let run = Run {
                    asks: self.asks.clone(),
                    rule: violation.rule.to_string(),
                    digest: format!("{:016x}", least.life.digest()),
                    worker: self.worker.clone(),
                    plan: least.plan.clone(),
                };
                let again = format!("reveille workerd replay {}", quoted(&folder));
                bundle::write(
                    &folder,
                    &run,
                    &least.life.text,
                    &format!("```\n{story}  again: {again}\n```\n"),
                )?;
                say(format_args!("  again: {again}\n"))?;
            }
        }
        Ok(exit_code(is_broken))
    }
}

/// What is left of a plan, in a sentence.
fn takes(plan: &Plan) -> String {
    let mut parts: Vec<String> =
        plan.requests.iter().map(|ask| format!("{} {} at {} ms", ask.method, ask.path, ask.at_ms)).collect();
    parts.extend(plan.outages.iter().map(|outage| {
        format!("services that say {:?} from {} to {} ms", outage.answer.says, outage.from_ms, outage.to_ms)
    }));
    parts.extend(plan.deaths.iter().map(|death| match death.at {
        Moment::Ms(at_ms) => format!("a death at {at_ms} ms"),
        Moment::Point(point) => format!("a death at point {point}"),
    }));
    parts.join("; ")
}
