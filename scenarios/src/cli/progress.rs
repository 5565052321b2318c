//! How far long work is: a bar on a terminal, elsewhere a line now and then.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::tell;
use crate::explore::{Campaign, Ran};
use crate::shrink;

/// Of a campaign.
pub(super) struct Progress {
    bar: ProgressBar,
    done: u64,
    plain: bool,
}

/// Without a terminal, a line for every so many runs.
const RUNS_A_LINE: u64 = 100;

impl Progress {
    pub(super) fn new(campaign: &Campaign) -> Self {
        let bar = campaign.runs().map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let style = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} runs {msg}");
        bar.set_style(style.expect("the template is a literal"));
        Self { bar, done: 0, plain: !std::io::stderr().is_terminal() }
    }

    pub(super) fn ran(&mut self, campaign: &Campaign, ran: &Ran) {
        self.done += 1;
        self.bar.inc(1);
        if !ran.findings.is_empty() {
            let name = campaign.scenarios[ran.scenario].name;
            self.bar.set_message(format!("last finding: {name} {} {}", ran.seed, ran.findings[0].rule));
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
