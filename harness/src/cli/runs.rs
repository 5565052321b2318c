//! The commands about one run: `plan`, `replay`, `shrink`, `keep`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail, ensure};
use reveille_sim::run::{Look, Outcome, RunEnd};
use serde::Serialize;

use super::output::Json;
use super::progress::Shrinking;
use super::{Keep, Replay, Run, Shrink, cores};
use crate::bundle::{self, Build, Smaller, Standing, Verdict};
use crate::catalogue::Catalogue;
use crate::files::replace;
use crate::finding;
use crate::log::{self, Filter};
use crate::replay::{Again, Became, compare};
use crate::report;
use crate::say::say;
use crate::sheet::Sheet;
use crate::signature::Signature;
use crate::source::{From, Source};
use crate::{lines, regression, shrink, supervise};

/// `plan`: prints a plan, or writes it to a file.
pub(super) fn plan(scenarios: &Catalogue, run: &Run, out: Option<&Path>) -> anyhow::Result<ExitCode> {
    let json = Source::of_words(scenarios, &run.run)?.plan.to_json();
    match out {
        Some(path) => replace(path, |file| file.write_all(json.as_bytes()))?,
        None => say(json)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What `replay` found, for machines.
#[derive(Serialize)]
struct Replayed<'a> {
    run: String,
    digest: String,
    /// Whether the run was stopped before its end, so that what only a whole run can show was not judged.
    stopped: bool,
    /// Whether anything was judged.
    judged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<&'a Again>,
    verdict: &'a Verdict,
}

/// `replay`: runs a plan again and tells its story.
pub(super) fn replay(
    scenarios: &Catalogue,
    command: &Replay,
    build: &Build,
    sheet: Sheet,
) -> anyhow::Result<ExitCode> {
    let source = Source::of_words(scenarios, &command.run.run)?;
    check_places(&source, command.out.as_deref(), &command.json)?;
    ensure!(
        !(command.json.instead_of_text() && (command.trace || command.log.is_some())),
        "--json prints JSON instead of text, and --trace and --log print text; --json=FILE goes beside them"
    );
    let object = command.object.as_deref().map(|name| log::object_of(&source.plan, name)).transpose()?;
    let until_ms = command.until.map(|until| u64::try_from(until.as_millis()).unwrap_or(u64::MAX));
    let wants_trace =
        command.trace || command.out.is_some() || command.log.as_ref().is_some_and(Filter::wants_trace);
    let outcome = run_looking(&source, Look { trace: wants_trace, until_ms });
    let again = source.bundle().filter(|_| until_ms.is_none()).map(|it| compare(it, &source.plan, &outcome));
    let kept_for = source.bundle().and_then(|it| it.verdict.kept_for.as_ref());
    let kept_for = kept_for.filter(|signature| finding::with(&outcome, signature).is_some());
    let verdict = Verdict::of(&outcome, &source.plan, kept_for, build);
    let written = command
        .out
        .as_deref()
        .map_or(Ok(()), |folder| bundle::write(folder, &source.plan, None, &verdict, &outcome));
    let (run, digest) = (source.to_string(), outcome.digest.to_string());
    let (stopped, judged) = (outcome.end == RunEnd::Stopped, outcome.verdict.is_judged());
    let written = written.and(command.json.write(&Replayed {
        run,
        digest,
        stopped,
        judged,
        again: again.as_ref(),
        verdict: &verdict,
    }));
    if !command.json.instead_of_text() {
        if command.trace {
            outcome.trace.iter().try_for_each(|entry| say(format_args!("{entry}\n")))?;
        }
        if let Some(filter) = &command.log {
            log::print(&outcome, filter, object.as_ref());
        }
        say(report::replay(&source, &outcome, again.as_ref(), sheet))?;
        if let (Some(folder), Ok(())) = (&command.out, &written) {
            say(format_args!("The bundle is in {}.\n", folder.display()))?;
        }
    }
    written?;
    let is_reached = !again.is_some_and(|again| matches!(again.became, Became::NotReached { .. }));
    Ok(match (verdict.findings.is_empty() && is_reached, outcome.verdict.is_judged()) {
        (false, _) => ExitCode::from(1),
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(2),
    })
}

fn run_looking(source: &Source, look: Look) -> Outcome {
    source.scenario.run_with(&source.plan, look)
}

/// Makes sure that what is found can be written, before it is looked for.
fn check_places(source: &Source, out: Option<&Path>, json: &Json) -> anyhow::Result<()> {
    json.check()?;
    let Some(folder) = out else { return Ok(()) };
    let is_itself = matches!(&source.from, From::Bundle(of, _) if same_place(of, folder));
    ensure!(!is_itself, "{} is what is run: name another folder for what comes of it", folder.display());
    bundle::check_place(folder)
}

/// `shrink`: makes a plan as small as it can be.
pub(super) fn shrink(
    scenarios: &Catalogue,
    command: &Shrink,
    stop: &AtomicBool,
    build: &Build,
    sheet: Sheet,
) -> anyhow::Result<ExitCode> {
    let Shrink { run, how, stats, out, json } = command;
    let out = out.as_deref();
    let source = Source::of_words(scenarios, &run.run)?;
    check_places(&source, out, json)?;
    let _at = at(&source);
    let signature = signature(&source, how.rule.as_deref())?;
    let smaller = smaller(&source, &signature, how.jobs.unwrap_or_else(cores), stop, build);
    let written = out.map_or(Ok(()), |folder| smaller.write(&source.plan, folder)).and(json.write(&smaller));
    if !json.instead_of_text() {
        say(report::shrunk(&source, &smaller, out.filter(|_| written.is_ok()), *stats, sheet))?;
    }
    written?;
    Ok(ExitCode::SUCCESS)
}

/// Notes what the process is at: a run, and whatever smaller plans come of it.
pub(super) fn at(source: &Source) -> supervise::At {
    supervise::at(0, &format!("{source}, or a smaller plan of it"), &lines::replay_line(source))
}

/// Makes the plan of a source as small as it can be, explains what is left, and shows how far it is.
pub(super) fn smaller(
    source: &Source,
    signature: &Signature,
    jobs: usize,
    stop: &AtomicBool,
    build: &Build,
) -> Smaller {
    let shrink = shrink::Shrink { scenario: &source.scenario, signature, jobs, stop };
    let mut progress = Shrinking::new();
    let smaller = Smaller::of(&shrink, &source.plan, build, &mut |tried| progress.tried(tried));
    progress.end();
    smaller
}

/// What a run breaks that it is to be shrunk for.
fn signature(source: &Source, rule: Option<&str>) -> anyhow::Result<Signature> {
    let outcome = source.scenario.run(&source.plan);
    let findings = finding::of(&outcome);
    let broken = || findings.iter().map(|finding| &*finding.rule).collect::<Vec<_>>().join(", ");
    if findings.is_empty() {
        bail!("{source} breaks no promise: there is nothing to shrink");
    }
    if findings.iter().any(|finding| finding.rule == finding::STUCK) {
        bail!(
            "{source} is stuck: each smaller plan that is stuck too would be waited for as long, and leave a thread that \
             runs for ever; look at what its object code does without an await"
        );
    }
    if let Some(rule) = rule {
        let of_rule = findings.iter().find(|finding| finding.rule == rule);
        return match of_rule {
            Some(finding) => Ok(finding.signature()),
            None => bail!("{source} does not break {rule:?}; it breaks {}", broken()),
        };
    }
    let kept_for = source.bundle().and_then(|bundle| bundle.verdict.kept_for.clone());
    let kept_for = kept_for.filter(|signature| finding::with(&outcome, signature).is_some());
    Ok(kept_for.unwrap_or_else(|| findings[0].signature()))
}

/// `keep`: keeps a plan as a regression.
pub(super) fn keep(
    scenarios: &Catalogue,
    command: Keep,
    stop: &AtomicBool,
    build: &Build,
    sheet: Sheet,
) -> anyhow::Result<ExitCode> {
    let Keep { run_and_name, how, once_broke, about } = command;
    let once_broke = once_broke.as_deref();
    let (name, run) = run_and_name.split_last().context("a run and a name are needed")?;
    let source = Source::of_words(scenarios, run)?;
    let folder = regression::folder(source.scenario.name, name)?;
    let is_itself = matches!(&source.from, From::Bundle(of, _) if same_place(of, &folder));
    ensure!(
        is_itself || !folder.exists(),
        "{} is there already: choose another name, or keep that one again by its own folder",
        folder.display()
    );
    let _at = at(&source);
    let outcome = source.scenario.run(&source.plan);
    let mut told = String::new();
    let (plan, mut verdict) = if finding::of(&outcome).is_empty() {
        (source.plan.clone(), mended(&source, &outcome, once_broke, build)?)
    } else {
        if let Some(rule) = once_broke {
            bail!(
                "{source} still breaks a promise: it cannot be kept as mended; leave --once-broke {rule} out"
            );
        }
        let signature = signature(&source, how.rule.as_deref())?;
        let was = source.bundle().and_then(|bundle| bundle.verdict.kept_for.as_ref());
        if let Some(was) = was.filter(|was| how.rule.is_none() && was.rule != signature.rule) {
            bail!(
                "{source} was kept for {}, which it breaks no longer, and breaks {} now; keep that under another name, \
                 with --rule {}",
                was.rule,
                signature.rule,
                signature.rule
            );
        }
        let smaller = smaller(&source, &signature, how.jobs.unwrap_or_else(cores), stop, build);
        told = report::shrunk(&source, &smaller, Some(&folder), false, sheet);
        (smaller.shrunk.plan, smaller.verdict)
    };
    let kept_about = source.bundle().and_then(|bundle| bundle.verdict.about.clone());
    verdict.about = about.or(kept_about);
    bundle::write_regression(&folder, &plan, &verdict)?;
    let once = verdict.kept_for.as_ref().map_or("", |signature| &*signature.rule);
    let standing = match verdict.standing {
        Standing::Broken => "as broken: the test of regressions says when it is no longer",
        Standing::Mended => "as mended: the test of regressions says when it comes back",
    };
    say(format_args!("{told}{} is kept for {once}, {standing}.\n", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn same_place(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The verdict about a run that is clean now. The story of what it once was is that of its bundle, if it is from one.
fn mended(
    source: &Source,
    outcome: &Outcome,
    once_broke: Option<&str>,
    build: &Build,
) -> anyhow::Result<Verdict> {
    let now = Verdict::of(outcome, &source.plan, None, build);
    if let Some(bundle) = source.bundle()
        && bundle.verdict.kept_for.is_some()
        && once_broke.is_none()
    {
        let again = compare(bundle, &source.plan, outcome);
        if let Became::NotReached { .. } = again.became {
            bail!("{source}: {again}; a plan that reaches it has to take its place");
        }
        return Ok(Verdict { standing: Standing::Mended, findings: Vec::new(), ..bundle.verdict.clone() });
    }
    let Some(rule) = once_broke else {
        bail!("{source} breaks no promise; say with --once-broke RULE which it once broke");
    };
    let is_right = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '(' | ')' | '-');
    ensure!(
        !rule.is_empty() && rule.chars().all(is_right),
        "{rule:?} is not a rule; a rule is written as a finding names it, like F1, X1(b) or panic"
    );
    let signature = Signature { rule: rule.to_owned(), cause: String::new() };
    Ok(Verdict { kept_for: Some(signature), standing: Standing::Mended, ..now })
}
