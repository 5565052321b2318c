//! How far long work is: a bar on a terminal, elsewhere a line now and then.

use std::collections::BTreeSet;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use crate::explore::{Campaign, Ran, Seeds};
use crate::say::tell;
use crate::{lines, shrink};

/// Of a campaign. What is found is told as soon as it is: the first of each scenario and rule.
pub(super) struct Progress {
    bar: ProgressBar,
    done: u64,
    plain: bool,
    told: BTreeSet<(usize, String)>,
}

/// Without a terminal, a line for every so many runs.
const RUNS_A_LINE: u64 = 100;

impl Progress {
    pub(super) fn new(campaign: &Campaign) -> Self {
        let (length, template) = match campaign.seeds {
            Seeds::Range(_) => (campaign.runs(), "{elapsed_precise} {wide_bar} {pos}/{len} runs"),
            Seeds::For(time) => {
                (u64::try_from(time.as_millis()).ok(), "{elapsed_precise} {wide_bar} {msg} runs")
            }
        };
        let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        bar.set_style(ProgressStyle::with_template(template).expect("the template is a literal"));
        Self { bar, done: 0, plain: !std::io::stderr().is_terminal(), told: BTreeSet::new() }
    }

    pub(super) fn ran(&mut self, campaign: &Campaign, ran: &Ran) {
        self.done += 1;
        match campaign.seeds {
            Seeds::Range(_) => self.bar.inc(1),
            Seeds::For(_) => {
                self.bar.set_position(u64::try_from(self.bar.elapsed().as_millis()).unwrap_or(u64::MAX));
                self.bar.set_message(self.done.to_string());
            }
        }
        let name = campaign.scenarios[ran.scenario].name;
        for finding in &ran.findings {
            if self.told.insert((ran.scenario, finding.rule.clone())) {
                let replay = lines::replay_line(&format_args!("{name} {}", ran.seed));
                let line = format!("found: {name} {} broke {}; replay: {replay}\n", ran.seed, finding.rule);
                self.bar.suspend(|| tell(line));
            }
        }
        if self.plain && self.done.is_multiple_of(RUNS_A_LINE) {
            let of = campaign.runs().map_or(String::new(), |runs| format!(" of {runs}"));
            tell(format_args!("{}{of} runs\n", self.done));
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Of a search for a smaller plan.
pub(super) struct Shrinking {
    bar: ProgressBar,
    plain: bool,
}

impl Shrinking {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{elapsed_precise} {spinner} {msg}");
        bar.set_style(style.expect("the template is a literal"));
        Self { bar, plain: !std::io::stderr().is_terminal() }
    }

    pub(super) fn tried(&mut self, progress: &shrink::Progress) {
        let shrink::Progress { runs, pass, size } = progress;
        let text = format!("{runs} plans tried, now: {pass}; the smallest so far: {size}");
        if self.plain && runs.is_multiple_of(RUNS_A_LINE) {
            tell(format_args!("{text}\n"));
        }
        self.bar.set_message(text);
        self.bar.tick();
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
