//! The page that shows a history in a browser: one HTML file that works offline and opens on what was broken. A finding is
//! believed when it is seen.
//!
//! ```text
//! a run, or a file ──▶ Shown (head, header, events: all, or a window) ──▶ html ──▶ one file
//! ```
//!
//! What the page carries is said in `docs/timeline.md`; the page itself (`timeline/page/`) knows nothing of Rust, and this module
//! nothing of how an event is drawn.

mod html;
mod window;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;

use anyhow::{Context, ensure};
use reveille_model::Profile;
use reveille_model::history::{Event, Header, History};
use reveille_model::jsonl::{Malformed, Reader};
use reveille_model::verdict::{Verdict, Violation};
use reveille_sim::run::Outcome;
use serde::Serialize;

use self::window::Window;
use crate::check::{self, BUFFER_BYTES};
use crate::finding;
use crate::lines::quoted;
use crate::perfetto;
use crate::picture::{self, Subject};
use crate::signature::Signature;
use crate::story;

/// The version of the form of the data in the page. `timeline/page/data.js` reads this one.
const FORMAT: u32 = 1;

/// So many events are shown at most, and what began before them beside that.
const EVENTS_MAX: usize = 300_000;

/// What of a history is shown, and what is said of it.
#[derive(Debug)]
pub struct Shown {
    head: Head,
    history: History,
}

/// What is said of the history as a whole: the first line of the page's data.
#[derive(Debug, Serialize)]
struct Head {
    format: u32,
    title: String,
    verdict: String,
    findings: Vec<Told>,
    /// The finding that the page opens on, by its position.
    open: usize,
    /// How often each rule was broken beside the findings that are told.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    more: BTreeMap<String, u64>,
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// A finding, with its evidence by position: in the history at first, among the events of the page in the end.
#[derive(Clone, Debug, Serialize)]
struct Told {
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    at_ns: u64,
    sentences: String,
    evidence: Vec<usize>,
}

impl Told {
    fn of(violation: &Violation) -> Self {
        Self {
            rule: violation.rule.to_string(),
            object: violation.object.as_ref().map(ToString::to_string),
            at_ns: violation.at_ns,
            sentences: violation.sentences.clone(),
            evidence: violation.evidence.clone(),
        }
    }
}

impl Shown {
    /// A run that has been made. It opens on what a bundle was kept for, else on the first finding. `command` shows it again.
    ///
    /// # Errors
    ///
    /// If the run told of nothing, as one that was given up does not.
    pub fn of_run(
        title: String,
        command: String,
        kept_for: Option<&Signature>,
        outcome: &Outcome,
    ) -> anyhow::Result<Self> {
        let all = finding::all(outcome);
        let History { header, events } = &outcome.history;
        let last_ns = events.last().with_context(|| format!("{title}: its run tells of no event"))?.at_ns;
        let findings: Vec<Told> = all
            .iter()
            .map(|finding| match finding.violation {
                Some(position) => Told::of(&outcome.verdict.violations[position]),
                None => Told {
                    rule: finding.rule.clone(),
                    object: None,
                    at_ns: finding.at_ns.min(last_ns),
                    sentences: finding.sentences.clone(),
                    evidence: Vec::new(),
                },
            })
            .collect();
        let open = all.iter().position(|finding| kept_for.is_some_and(|kept| finding.signature() == *kept));
        let open = open.unwrap_or(0);
        let evidence = findings.get(open).map_or(&[][..], |told| &told.evidence);
        let window = Window::around(evidence, events.len(), EVENTS_MAX);
        let Ok(shown) = window.of(events.iter().cloned().map(Ok::<_, std::convert::Infallible>));
        let said = Said { title, command, verdict: &outcome.verdict };
        Ok(Self::new(said, header.clone(), findings, open, window, shown))
    }

    /// A history in a file, whoever wrote it. It is read twice: once to judge it, so that it may be longer than memory, and once
    /// for what is shown.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not a history: what is wrong, and in which line.
    pub fn of_file(path: &Path, profile: Profile) -> anyhow::Result<Self> {
        let name = path.display();
        let about = path.metadata().with_context(|| format!("{name} cannot be read"))?;
        ensure!(
            about.is_file(),
            "{name} is not a file that stays: it is read twice, to judge it and to show it"
        );
        let open = || -> anyhow::Result<BufReader<File>> {
            let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
            Ok(BufReader::with_capacity(BUFFER_BYTES, file))
        };
        let malformed = |malformed: Malformed| anyhow::anyhow!("{name}: {malformed}");
        let checked = check::check(open()?, profile, |_| {}).map_err(malformed)?;
        let findings: Vec<Told> = checked.verdict.violations.iter().map(Told::of).collect();
        let reader = Reader::new(open()?).map_err(malformed)?;
        let header = reader.header().clone();
        let evidence = findings.first().map_or(&[][..], |told| &told.evidence);
        let window = Window::around(evidence, checked.events, EVENTS_MAX);
        let shown = window.of(reader).map_err(malformed)?;
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let told = Said {
            title: format!("{file} ({})", header.product),
            command: format!("cargo run --release -- check {}", quoted(path)),
            verdict: &checked.verdict,
        };
        Ok(Self::new(told, header, findings, 0, window, shown))
    }

    fn new(
        said: Said<'_>,
        header: Header,
        findings: Vec<Told>,
        open: usize,
        window: Window,
        (positions, events): (Vec<usize>, Vec<Event>),
    ) -> Self {
        let Said { title, command, verdict } = said;
        let mut more: BTreeMap<String, u64> =
            verdict.more.iter().map(|(rule, times)| (rule.to_string(), *times)).collect();
        let verdict = in_a_line(verdict, &findings);
        let mut told = Vec::new();
        let mut opens_on = 0;
        for (position, mut finding) in findings.into_iter().enumerate() {
            let places: Option<Vec<usize>> =
                finding.evidence.iter().map(|index| positions.binary_search(index).ok()).collect();
            if let Some(places) = places {
                if position == open {
                    opens_on = told.len();
                }
                finding.evidence = places;
                told.push(finding);
            } else {
                // What proves it is outside the window.
                *more.entry(finding.rule).or_default() += 1;
            }
        }
        let note = window.note(&positions, &events);
        let head =
            Head { format: FORMAT, title, verdict, findings: told, open: opens_on, more, command, note };
        Self { head, history: History { header, events } }
    }

    /// What it opens on, in a sentence for whoever opens it.
    pub fn opens_on(&self) -> String {
        let Some(finding) = self.head.findings.get(self.head.open) else {
            return format!("{}; it opens on the whole run", self.head.verdict);
        };
        let of = finding.object.as_ref().map_or(String::new(), |object| format!(" by {object}"));
        format!("it opens on {}{of} at {}", finding.rule, story::seconds(finding.at_ns))
    }

    /// Writes the page.
    ///
    /// # Errors
    ///
    /// Those of `output`.
    pub fn write_html(&self, output: &mut dyn Write) -> io::Result<()> {
        html::write(&self.head.title, &self.head, &self.history, output)
    }

    /// The finding that the page opens on, as a picture for a document.
    ///
    /// # Errors
    ///
    /// If nothing was found that events prove: there is nothing to show.
    pub fn svg(&self) -> anyhow::Result<String> {
        let finding = self.head.findings.get(self.head.open).filter(|finding| !finding.evidence.is_empty());
        let finding = finding.with_context(|| {
            format!("{}: a picture is of a finding that events prove, and there is none", self.head.title)
        })?;
        let Told { rule, object, sentences, evidence, .. } = finding;
        Ok(picture::svg(&self.history, &Subject { rule, object: object.as_deref(), sentences, evidence }))
    }

    /// Writes the same as a trace for Perfetto.
    ///
    /// # Errors
    ///
    /// Those of `output`.
    pub fn write_perfetto(&self, output: &mut dyn Write) -> io::Result<()> {
        perfetto::write(&self.history, &self.head.title, output)
    }
}

/// What is said of a history, whatever part of it is shown.
struct Said<'a> {
    title: String,
    command: String,
    verdict: &'a Verdict,
}

/// The verdict in one line.
fn in_a_line(verdict: &Verdict, findings: &[Told]) -> String {
    let mut rules: Vec<&str> = Vec::new();
    for Told { rule, .. } in findings {
        if !rules.contains(&&**rule) {
            rules.push(rule);
        }
    }
    match (rules.is_empty(), verdict.is_judged()) {
        (false, _) => format!("BROKEN: {}", rules.join(", ")),
        (true, true) => "no promise was broken".to_owned(),
        (true, false) => "nothing was judged".to_owned(),
    }
}

#[cfg(test)]
mod tests;
