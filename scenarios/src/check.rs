//! `reveille check`: holds a history that lies in a file, of our system or of any other, against the contract. It reads
//! event by event, so a file may be longer than memory.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use reveille_model::history::{Header, Phase, What};
use reveille_model::jsonl::{Malformed, Reader};
use reveille_model::verdict::{Coverage, RuleId, Verdict, Violation};
use reveille_model::{Checker, Profile, RULES};
use serde::Serialize;

use crate::cli::output::Json;
use crate::cli::say;
use crate::report::indent;
use crate::story;

/// How much is read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// The bar is told so often how far the reader is.
const EVENTS_A_STEP: usize = 1 << 14;

/// What was found in a file.
#[derive(Debug, Serialize)]
pub struct Checked {
    header: Header,
    /// How many events the file has.
    pub events: usize,
    /// True time of the last event.
    last_ns: u64,
    /// Whether the history tells that the run is over.
    has_end: bool,
    /// What the checkers say.
    pub verdict: Verdict,
}

/// Reads a history and judges it. `progress` hears now and then how many bytes were read.
///
/// # Errors
///
/// The first thing in it that is no history.
pub fn check(
    input: impl BufRead,
    profile: Profile,
    mut progress: impl FnMut(u64),
) -> Result<Checked, Malformed> {
    let mut reader = Reader::new(input)?;
    let mut checker = Checker::new(reader.header(), profile);
    let (mut events, mut last_ns, mut has_end) = (0, 0, false);
    while let Some(event) = reader.next().transpose()? {
        checker.observe(events, &event);
        events += 1;
        last_ns = event.at_ns;
        has_end |= matches!(event.what, What::Phase { phase: Phase::End });
        if events % EVENTS_A_STEP == 0 {
            progress(reader.bytes());
        }
    }
    let header = reader.header().clone();
    Ok(Checked { header, events, last_ns, has_end, verdict: checker.finish() })
}

/// The line of the file in which an event stands: the first line is the header.
fn line(index: usize) -> usize {
    index + 2
}

/// The command: checks `path`, or what comes on standard input if it is `-`, and prints what was found.
///
/// # Errors
///
/// If the input cannot be opened, or a file for JSON not written.
pub(crate) fn run(path: &Path, profile: Profile, json: &Json) -> anyhow::Result<ExitCode> {
    json.check()?;
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let bar = if is_stdin {
        bar(None)
    } else {
        let about = path.metadata().with_context(|| format!("{name} cannot be read"))?;
        anyhow::ensure!(!about.is_dir(), "{name} is a folder; what is checked is one history, a file");
        bar(about.is_file().then_some(about.len()))
    };
    stop_when_interrupted(&bar)?;
    let progress = |bytes| bar.set_position(bytes);
    let checked = if is_stdin {
        check(BufReader::with_capacity(BUFFER_BYTES, io::stdin().lock()), profile, progress)
    } else {
        let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
        check(BufReader::with_capacity(BUFFER_BYTES, file), profile, progress)
    };
    bar.finish_and_clear();
    report(&name, &checked, json)
}

/// Tells what was found. On standard output is the verdict or nothing.
fn report(name: &str, checked: &Result<Checked, Malformed>, json: &Json) -> anyhow::Result<ExitCode> {
    match checked {
        _ if json.instead_of_text() => {}
        Ok(checked) => say(text(name, checked))?,
        Err(malformed) => eprintln!("error: {name}: {malformed}"),
    }
    json.write(&match checked {
        Ok(checked) => for_machines(name, checked),
        Err(malformed) => {
            let (column, message) = (malformed.problem.column(), malformed.problem.to_string());
            let malformed =
                serde_json::json!({ "line": malformed.line, "column": column, "message": message });
            serde_json::json!({ "file": name, "malformed": malformed })
        }
    })?;
    Ok(match checked {
        Ok(checked) if checked.verdict.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(_) => ExitCode::from(2),
    })
}

fn text(name: &str, checked: &Checked) -> String {
    let Checked { header, events, last_ns, has_end, verdict } = checked;
    let seed = header.seed.map_or(String::new(), |seed| format!(", seed {seed}"));
    let scenario = if header.scenario.is_empty() { "no name" } else { &header.scenario };
    let mut text = format!(
        "{name}: {events} events in {}, written by {} ({scenario}{seed})\n\n",
        story::seconds(*last_ns),
        header.product,
    );
    for violation in &verdict.violations {
        let Violation { rule, object, at_ns, sentences, evidence } = violation;
        let object = object.as_ref().map_or(String::new(), |object| format!(" by {object}"));
        writeln!(text, "BROKEN: {rule}{object} at {}, {}", story::seconds(*at_ns), lines(evidence))
            .and_then(|()| writeln!(text, "{}\n", indent(sentences)))
            .expect("writing to a string succeeds");
    }
    text.push_str(&summary(verdict));
    text.push_str(&coverage(verdict));
    if !has_end {
        text.push_str(
            "The history does not tell that the run is over (phase `end`): what has to happen at last was not judged.\n",
        );
    }
    text
}

fn summary(verdict: &Verdict) -> String {
    let mut text = String::new();
    let broken: BTreeSet<RuleId> = verdict.violations.iter().map(|violation| violation.rule).collect();
    match verdict.violations.len() {
        0 => text.push_str(
            "No rule of the contract was broken. What a scenario promises beside it is not judged here.\n",
        ),
        1 => writeln!(text, "1 violation, of {}.", names(&broken)).expect("writing to a string succeeds"),
        many => writeln!(text, "{many} violations, of {}.", names(&broken)).expect("as above"),
    }
    for (relaxation, times) in &verdict.relaxed {
        writeln!(text, "Let pass by the profile {}, {times} times: {relaxation}.", verdict.profile)
            .expect("as above");
    }
    text
}

/// What was judged and what was not: no violation of a rule that was not checked says nothing about it.
fn coverage(verdict: &Verdict) -> String {
    let mut judged = 0;
    let mut untried = Vec::new();
    let (mut in_part, mut not_checked) = (Reasons::default(), Reasons::default());
    for rule in &RULES {
        let Some(coverage) = verdict.coverage.get(&rule.id) else { continue };
        match coverage {
            Coverage::Judged { occasions: 0 } => untried.push(rule.id),
            Coverage::Judged { .. } => judged += 1,
            Coverage::InPart { except, .. } => {
                judged += 1;
                in_part.add(except, rule.id);
            }
            Coverage::NotChecked { why } => not_checked.add(why, rule.id),
        }
    }
    let mut text = format!(
        "Profile {}: {judged} of {} rules had an occasion to be broken.\n",
        verdict.profile,
        RULES.len()
    );
    if !untried.is_empty() {
        writeln!(text, "No occasion: {}.", names(&untried)).expect("writing to a string succeeds");
    }
    for (head, Reasons(reasons)) in [("Checked in part", in_part), ("Not checked", not_checked)] {
        for (why, rules) in reasons {
            writeln!(text, "{head}: {}: {why}.", names(&rules)).expect("as above");
        }
    }
    text
}

/// Why rules were not judged, in the order of the first rule of each reason.
#[derive(Debug, Default)]
struct Reasons(Vec<(&'static str, Vec<RuleId>)>);

impl Reasons {
    fn add(&mut self, why: &'static str, rule: RuleId) {
        match self.0.iter_mut().find(|(other, _)| *other == why) {
            Some((_, rules)) => rules.push(rule),
            None => self.0.push((why, vec![rule])),
        }
    }
}

fn names<'a>(rules: impl IntoIterator<Item = &'a RuleId>) -> String {
    rules.into_iter().map(|rule| rule.0).collect::<Vec<_>>().join(", ")
}

fn lines(evidence: &[usize]) -> String {
    let lines: Vec<String> = evidence.iter().map(|index| line(*index).to_string()).collect();
    format!("line{} {}", if lines.len() == 1 { "" } else { "s" }, lines.join(", "))
}

fn for_machines(name: &str, checked: &Checked) -> serde_json::Value {
    let Checked { header, events, last_ns, has_end, verdict } = checked;
    let violations = verdict.violations.iter().map(|violation| {
        let Violation { rule, object, at_ns, sentences, evidence } = violation;
        let lines: Vec<usize> = evidence.iter().map(|index| line(*index)).collect();
        serde_json::json!({
            "rule": rule, "object": object, "at_ns": at_ns, "sentences": sentences, "lines": lines,
        })
    });
    let lateness = &verdict.lateness;
    serde_json::json!({
        "file": name,
        "product": header.product,
        "scenario": header.scenario,
        "seed": header.seed,
        "events": events,
        "last_ns": last_ns,
        "has_end": has_end,
        "clean": verdict.is_clean(),
        "violations": violations.collect::<Vec<_>>(),
        "profile": verdict.profile,
        "relaxed": verdict.relaxed,
        "coverage": verdict.coverage,
        "lateness": {
            "runs": lateness.samples(),
            "p50_ns": lateness.quantile(0.5),
            "p99_ns": lateness.quantile(0.99),
            "worst_ns": lateness.worst(),
        },
    })
}

/// How far the reader is, on a terminal; nothing elsewhere.
fn bar(bytes: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = match bytes {
        Some(_) => "{elapsed_precise} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}",
        None => "{elapsed_precise} {bytes}, {bytes_per_sec}",
    };
    bar.set_style(ProgressStyle::with_template(template).expect("the template is a literal"));
    bar
}

/// A file is only read, and nothing is printed before the verdict: there is nothing to undo, but the bar goes.
fn stop_when_interrupted(bar: &ProgressBar) -> anyhow::Result<()> {
    let bar = bar.clone();
    let stop = move || {
        bar.finish_and_clear();
        eprintln!("stopped: there is no verdict");
        std::process::exit(130);
    };
    ctrlc::set_handler(stop).context("the handler for interrupts could not be set")
}
