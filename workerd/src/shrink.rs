//! A plan made smaller, as long as it breaks the same rule for the same reason.

use reveille::signature::Signature;
use reveille_model::verdict::Violation;

use crate::explore::{self, Broken, GoOn};
use crate::life::{self, Failed};
use crate::plan::{Moment, Plan};
use crate::promise::{self, Asks};
use crate::worker::Worker;

/// The rule and the kind of cause of a violation.
pub fn signature(violation: &Violation) -> Signature {
    Signature::new(violation.rule.0, &violation.sentences)
}

/// The first violation of this kind.
pub fn of_kind<'a>(broken: &'a Broken, kind: &Signature) -> Option<&'a Violation> {
    broken.violations.iter().find(|violation| signature(violation) == *kind)
}

/// A smaller plan that breaks the same, with its life; the same one if there is none. A death at a point, the numbers of which
/// change with everything else, is looked for again at every point.
///
/// # Errors
///
/// If the runtime cannot be run.
pub fn shrink(
    worker: &Worker,
    broken: Broken,
    kind: &Signature,
    asks: &Asks,
    jobs: usize,
    go_on: GoOn<'_>,
) -> Result<Broken, Failed> {
    let mut least = broken;
    let mut search = Search { worker, kind, asks, jobs, go_on };
    loop {
        let mut is_smaller = false;
        let mut index = 0;
        while go_on() {
            let Some(candidate) = candidates(&least.plan).nth(index) else { break };
            match search.breaks(&candidate)? {
                Some(broken) => (least, is_smaller) = (broken, true),
                None => index += 1,
            }
        }
        if !is_smaller || !go_on() {
            return Ok(least);
        }
    }
}

/// Plans that are smaller by one thing: the deaths first, since whatever breaks without one is the plainer finding.
fn candidates(plan: &Plan) -> impl Iterator<Item = Plan> + '_ {
    let without_death = (0..plan.deaths.len()).map(|index| {
        let mut plan = plan.clone();
        plan.deaths.remove(index);
        plan
    });
    let without_outage = (0..plan.outages.len()).map(|index| {
        let mut plan = plan.clone();
        plan.outages.remove(index);
        plan
    });
    let without_request = (0..plan.requests.len()).rev().map(|index| {
        let mut plan = plan.clone();
        plan.requests.remove(index);
        plan
    });
    let last_ms = plan.requests.last().map_or(0, |ask| ask.at_ms);
    let shorter = [last_ms + 1_000, last_ms + 30_000, plan.end_ms / 2].into_iter();
    let shorter = shorter.filter(move |end_ms| *end_ms < plan.end_ms && *end_ms >= last_ms);
    let shorter = shorter.map(|end_ms| Plan { end_ms, ..plan.clone() });
    without_death.chain(without_outage).chain(without_request).chain(shorter)
}

struct Search<'a> {
    worker: &'a Worker,
    kind: &'a Signature,
    asks: &'a Asks,
    jobs: usize,
    go_on: GoOn<'a>,
}

impl Search<'_> {
    /// The life of this plan, if it breaks the same; of one whose first process dies at a point, that at any point.
    fn breaks(&mut self, plan: &Plan) -> Result<Option<Broken>, Failed> {
        let life = life::run(self.worker, plan)?;
        let violations = promise::broken(&life, self.asks);
        let broken = Broken { plan: plan.clone(), violations, life };
        if of_kind(&broken, self.kind).is_some() {
            return Ok(Some(broken));
        }
        if !matches!(plan.deaths.first().map(|death| death.at), Some(Moment::Point(_))) {
            return Ok(None);
        }
        let mut alive = plan.clone();
        alive.deaths.remove(0);
        let explored = explore::every_point(self.worker, &alive, self.asks, self.jobs, self.go_on)?;
        Ok(explored.broken.into_iter().find(|broken| of_kind(broken, self.kind).is_some()))
    }
}
