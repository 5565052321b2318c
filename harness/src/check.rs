//! `reveille check`: holds a history that lies in a file, of our system or of any other, against the contract. It reads
//! event by event, so a file may be longer than memory.

mod follow;
mod text;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use reveille_model::history::{Header, Phase, What};
use reveille_model::jsonl::{Malformed, Reader};
use reveille_model::verdict::{RuleId, Verdict};
use reveille_model::{Checker, Profile};
use serde::Serialize;

pub(crate) use self::follow::follow;
use crate::annotations::{Annotation, annotate};
use crate::cli::output::Json;
use crate::say::{say, tell};
use crate::sheet::Sheet;
use crate::supervise::INTERRUPTED;

/// How much is read at once.
pub(crate) const BUFFER_BYTES: usize = 1 << 20;

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

/// A history that is being read and judged.
struct Reading<R> {
    reader: Reader<R>,
    checker: Checker,
    events: usize,
    last_ns: u64,
    has_end: bool,
}

impl<R: BufRead> Reading<R> {
    fn new(input: R, profile: Profile) -> Result<Self, Malformed> {
        let reader = Reader::new(input)?;
        let checker = Checker::new(reader.header(), profile);
        Ok(Self { reader, checker, events: 0, last_ns: 0, has_end: false })
    }

    /// Takes the next event; false if there is none.
    fn step(&mut self) -> Result<bool, Malformed> {
        let Some(event) = self.reader.next().transpose()? else { return Ok(false) };
        self.checker.observe(self.events, &event);
        self.events += 1;
        self.last_ns = event.at_ns;
        self.has_end |= matches!(event.what, What::Phase { phase: Phase::End });
        Ok(true)
    }

    fn finish(self) -> Checked {
        let Self { reader, checker, events, last_ns, has_end } = self;
        Checked { header: reader.header().clone(), events, last_ns, has_end, verdict: checker.finish() }
    }
}

/// Reads a history and judges it. `progress` hears now and then how many bytes were read.
///
/// # Errors
///
/// The first thing in it that does not belong in a history.
pub fn check(
    input: impl BufRead,
    profile: Profile,
    mut progress: impl FnMut(u64),
) -> Result<Checked, Malformed> {
    let mut reading = Reading::new(input, profile)?;
    while reading.step()? {
        if reading.events.is_multiple_of(EVENTS_A_STEP) {
            progress(reading.reader.bytes());
        }
    }
    Ok(reading.finish())
}

impl Checked {
    /// Which of these rules were not judged: the history lacks what that takes, or gave no occasion.
    fn not_judged(&self, required: &[RuleId]) -> Vec<RuleId> {
        let is_judged =
            |rule: &RuleId| self.verdict.coverage.get(rule).is_some_and(|coverage| coverage.occasions() > 0);
        required.iter().copied().filter(|rule| !is_judged(rule)).collect()
    }

    /// 1: a promise was broken. 2: nothing was judged, or not what was required.
    fn exit_code(&self, required: &[RuleId]) -> u8 {
        if !self.verdict.is_clean() {
            return 1;
        }
        let is_enough = self.verdict.is_judged() && self.not_judged(required).is_empty();
        if is_enough { 0 } else { 2 }
    }
}

/// What histories are held to.
pub(crate) struct Wanted<'a> {
    /// What of the contract.
    pub(crate) profile: Profile,
    /// Rules that have to be judged.
    pub(crate) required: &'a [RuleId],
}

/// Where a history is read from.
enum Input {
    /// The standard input.
    Standard,
    File(PathBuf),
}

impl Input {
    /// The histories that these words name: of a folder the files in it that end in `.jsonl`, by name.
    fn all(words: &[PathBuf]) -> anyhow::Result<Vec<Self>> {
        let mut all = Vec::new();
        for word in words {
            if word == Path::new("-") {
                all.push(Self::Standard);
            } else if word.is_dir() {
                let within = histories_in(word)?;
                anyhow::ensure!(!within.is_empty(), "{} has no file that ends in .jsonl", word.display());
                all.extend(within.into_iter().map(Self::File));
            } else {
                all.push(Self::File(word.clone()));
            }
        }
        Ok(all)
    }

    fn name(&self) -> String {
        match self {
            Self::Standard => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// How long it is, if it is a file that stays.
    fn bytes(&self) -> anyhow::Result<Option<u64>> {
        let Self::File(path) = self else { return Ok(None) };
        let about = path.metadata().with_context(|| format!("{} cannot be read", self.name()))?;
        Ok(about.is_file().then_some(about.len()))
    }

    fn check(
        &self,
        profile: Profile,
        progress: impl FnMut(u64),
    ) -> anyhow::Result<Result<Checked, Malformed>> {
        Ok(match self {
            Self::Standard => check(io::stdin().lock(), profile, progress),
            Self::File(path) => {
                let file = File::open(path).with_context(|| format!("{} cannot be read", self.name()))?;
                check(BufReader::with_capacity(BUFFER_BYTES, file), profile, progress)
            }
        })
    }
}

fn histories_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot = || format!("{} cannot be read", folder.display());
    let entries = fs::read_dir(folder).with_context(cannot)?;
    let paths =
        entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>().with_context(cannot)?;
    let is_history = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "jsonl");
    let mut histories: Vec<PathBuf> = paths.into_iter().filter(is_history).collect();
    histories.sort();
    Ok(histories)
}

/// The command: checks what these words name, one after the other, and prints what was found. It fails if one of the required
/// rules was not judged.
///
/// # Errors
///
/// If an input cannot be opened, or a file for JSON not written.
pub(crate) fn run(
    words: &[PathBuf],
    wanted: &Wanted<'_>,
    json: &Json,
    sheet: Sheet,
) -> anyhow::Result<ExitCode> {
    json.check()?;
    let inputs = Input::all(words)?;
    let lengths = inputs.iter().map(Input::bytes).collect::<anyhow::Result<Vec<_>>>()?;
    let bar = bar(lengths.iter().copied().sum::<Option<u64>>());
    stop_when_interrupted(&bar)?;
    let (mut told, mut codes, mut before) = (Vec::new(), Vec::new(), 0);
    for (input, length) in inputs.iter().zip(lengths) {
        let checked = input.check(wanted.profile, |bytes| bar.set_position(before + bytes))?;
        before += length.unwrap_or(0);
        codes.push(bar.suspend(|| report(&input.name(), &checked, wanted, json, sheet))?);
        told.push(for_machines(&input.name(), &checked, wanted));
    }
    bar.finish_and_clear();
    match &told[..] {
        [one] => json.write(one)?,
        all => json.write(&serde_json::json!({ "histories": all }))?,
    }
    // That something is broken says more than that something could not be judged.
    let code = if codes.contains(&1) { 1 } else { codes.into_iter().max().unwrap_or(2) };
    Ok(ExitCode::from(code))
}

/// Tells what was found, and gives the exit code. On standard output is the verdict or nothing.
fn report(
    name: &str,
    checked: &Result<Checked, Malformed>,
    wanted: &Wanted<'_>,
    json: &Json,
    sheet: Sheet,
) -> anyhow::Result<u8> {
    match checked {
        _ if json.instead_of_text() => {}
        Ok(checked) => say(text::text(name, checked, wanted.required, sheet))?,
        Err(malformed) => tell(format_args!("error: {name}: {malformed}\n")),
    }
    let Ok(checked) = checked else { return Ok(2) };
    annotate(checked.verdict.violations.iter().map(|violation| Annotation {
        title: format!("{name} breaks {}", violation.rule),
        message: violation.sentences.clone(),
        place: violation.evidence.last().map(|index| (name, text::line(*index))),
    }));
    Ok(checked.exit_code(wanted.required))
}

fn for_machines(name: &str, checked: &Result<Checked, Malformed>, wanted: &Wanted<'_>) -> serde_json::Value {
    match checked {
        Ok(checked) => text::for_machines(name, checked, wanted.required),
        Err(malformed) => {
            let (column, message) = (malformed.problem.column(), malformed.problem.to_string());
            let malformed =
                serde_json::json!({ "line": malformed.line, "column": column, "message": message });
            serde_json::json!({ "file": name, "malformed": malformed })
        }
    }
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
        tell("stopped: there is no verdict\n");
        std::process::exit(i32::from(INTERRUPTED));
    };
    ctrlc::set_handler(stop).context("the handler for interrupts could not be set")
}
