//! A campaign whose process dies says what it was at; one that is asked to end tells what ran until then.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// More seeds than any test waits for.
const LONG: [&str; 6] = ["explore", "batcher", "--seeds", "0..1000000", "--jobs", "2"];

/// A folder for the notes of the processes of one test.
fn folder() -> TempDir {
    tempfile::tempdir().expect("there is room")
}

fn start(folder: &TempDir, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reveille"));
    command.args(arguments).env("TMPDIR", folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary can be started")
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    start(folder, arguments).wait_with_output().expect("it ends")
}

/// What the notes in a folder say, as soon as two threads are at something: the worker's process, and the seeds.
fn when_at_work(folder: &TempDir) -> (String, Vec<String>) {
    let begun = Instant::now();
    loop {
        let text = notes(folder.path());
        let mut lines = text.lines().filter_map(|line| line.trim_matches([' ', '\0']).split_once('\t'));
        if let Some((_, process)) = lines.next() {
            let seeds: Vec<String> = lines.map(|(what, _)| what.to_owned()).collect();
            if seeds.len() == 2 {
                return (process.to_owned(), seeds);
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no run has begun");
        thread::sleep(Duration::from_millis(5));
    }
}

fn notes(folder: &Path) -> String {
    let supervisors = fs::read_dir(folder).expect("it is there").filter_map(Result::ok);
    supervisors.filter_map(|entry| fs::read_to_string(entry.path().join("notes")).ok()).collect()
}

fn send(signal: &str, process: &str) {
    let sent = Command::new("kill").args(["-s", signal, process]).status().expect("every Unix has it");
    assert!(sent.success(), "{signal} to {process}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn is_empty(folder: &TempDir) -> bool {
    fs::read_dir(folder.path()).expect("it is there").next().is_none()
}

/// The seeds that a message names after these words.
fn seeds_after(words: &str, message: &str) -> Vec<u64> {
    let (_, rest) = message.split_once(words).unwrap_or_else(|| panic!("no {words:?} in {message}"));
    let seeds = rest.lines().next().into_iter().flat_map(|line| line.split([',', ';']));
    seeds.map_while(|seed| seed.trim().strip_prefix("batcher seed ")?.parse().ok()).collect()
}

#[test]
fn a_campaign_that_is_killed_names_its_seeds() {
    // What the kernel does when memory runs out, and what a stack overflow ends with.
    for (signal, number) in [("KILL", 9), ("ABRT", 6)] {
        let folder = folder();
        let campaign = start(&folder, &LONG);
        let (worker, _) = when_at_work(&folder);
        send(signal, &worker);
        let output = campaign.wait_with_output().expect("it ends");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        let words = format!("explore died (signal: {number} (SIG{signal})) while it ran: ");
        let seeds = seeds_after(&words, &message);
        assert!((1..=2).contains(&seeds.len()), "{message}");
        for seed in seeds {
            let replay = format!("  replay: cargo run --release -- replay batcher {seed}\n");
            assert!(message.contains(&replay), "{message}");
        }
        assert!(is_empty(&folder), "the notes are gone with their supervisor");
    }
}

#[test]
fn a_campaign_that_is_killed_with_its_supervisor_is_told_by_the_next_one_once() {
    let folder = folder();
    let mut campaign = start(&folder, &LONG);
    let (worker, _) = when_at_work(&folder);
    let meanwhile = run(&folder, &["explore", "batcher", "--seeds", "0..1"]);
    assert!(!text(&meanwhile.stderr).contains("earlier"), "who lives is not told as dead");
    campaign.kill().expect("it runs");
    // The worker has the same output: it ends when both are gone.
    campaign.wait_with_output().expect("it ends");
    let next = run(&folder, &["explore", "batcher", "--seeds", "0..1"]);
    let message = text(&next.stderr);
    let seeds =
        seeds_after(&format!("an earlier explore (process {worker}) was killed while it ran: "), &message);
    assert!(message.contains(&format!("cargo run --release -- replay batcher {}", seeds[0])), "{message}");
    assert_eq!(next.status.code(), Some(0), "{message}");
    assert!(is_empty(&folder));
}

#[test]
fn a_campaign_that_is_asked_to_end_tells_what_ran_until_then() {
    for signal in ["INT", "TERM", "HUP"] {
        let folder = folder();
        let campaign = start(&folder, &LONG);
        when_at_work(&folder);
        send(signal, &campaign.id().to_string());
        let output = campaign.wait_with_output().expect("it ends");
        let told = text(&output.stdout);
        assert!(told.starts_with("stopped early: this is what ran until then"), "{signal}: {told}");
        assert_eq!(output.status.code(), Some(0), "{signal}: what ran was clean");
        assert!(is_empty(&folder));
    }
}
