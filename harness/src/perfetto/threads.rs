//! Slices, and the threads that they stand on. On a thread each two slices are apart, or one lies within the other: a viewer shows
//! nothing sensible otherwise, and some refuse the trace. Whatever a history tells, slices that would overlap are dealt out to as many
//! threads of one name as that takes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Process;
use super::flows::Flow;

/// What a thread of the trace is for. Their order is that in which a viewer shows them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Thread {
    pub(super) process: Process,
    pub(super) order: u8,
    pub(super) name: String,
}

/// Something that lasts.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub(super) thread: Thread,
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) from_ns: u64,
    /// Not before `from_ns`.
    pub(super) to_ns: u64,
    pub(super) args: Map<String, Value>,
    pub(super) flow: Option<Flow>,
}

impl Slice {
    pub(super) fn new(thread: Thread, kind: &'static str, name: String, from_ns: u64, to_ns: u64) -> Self {
        Self { thread, kind, name, from_ns, to_ns: to_ns.max(from_ns), args: Map::new(), flow: None }
    }
}

/// The threads of a trace, with their numbers in their process.
#[derive(Debug, Default)]
pub(super) struct Threads {
    tracks: BTreeMap<Thread, Vec<Track>>,
}

/// One thread of a name: the ends of the slices that are open where it is at, the innermost last.
#[derive(Debug, Default)]
struct Track {
    open: Vec<u64>,
}

impl Track {
    /// Whether a slice can follow here; if so it stands here from now on.
    fn takes(&mut self, slice: &Slice) -> bool {
        while self.open.last().is_some_and(|end| *end <= slice.from_ns) {
            self.open.pop();
        }
        let fits = self.open.last().is_none_or(|end| slice.to_ns <= *end);
        if fits {
            self.open.push(slice.to_ns);
        }
        fits
    }
}

impl Threads {
    /// Deals the slices out. Gives each with the number of its thread, those that begin first before the others, and of those that
    /// begin at once what lasts longer.
    pub(super) fn of(mut slices: Vec<Slice>) -> (Self, Vec<(Slice, u32)>) {
        slices.sort_by(|one, other| {
            (&one.thread, one.from_ns, std::cmp::Reverse(one.to_ns)).cmp(&(
                &other.thread,
                other.from_ns,
                std::cmp::Reverse(other.to_ns),
            ))
        });
        let mut threads = Self::default();
        let places: Vec<usize> = slices.iter().map(|slice| threads.place(slice)).collect();
        let numbers = threads.numbers();
        let number = |slice: &Slice, track: usize| numbers[&slice.thread] + track as u32;
        let placed = slices.into_iter().zip(places).map(|(slice, track)| (number(&slice, track), slice));
        let mut placed: Vec<(Slice, u32)> = placed.map(|(tid, slice)| (slice, tid)).collect();
        placed.sort_by_key(|(slice, _)| (slice.from_ns, std::cmp::Reverse(slice.to_ns)));
        (threads, placed)
    }

    /// The track among those of its name that takes it.
    fn place(&mut self, slice: &Slice) -> usize {
        let tracks = self.tracks.entry(slice.thread.clone()).or_default();
        match tracks.iter_mut().position(|track| track.takes(slice)) {
            Some(track) => track,
            None => {
                tracks.push(Track { open: vec![slice.to_ns] });
                tracks.len() - 1
            }
        }
    }

    /// The number of the first thread of each name, counted in each process from 1.
    fn numbers(&self) -> BTreeMap<Thread, u32> {
        let mut next: BTreeMap<Process, u32> = BTreeMap::new();
        let mut numbers = BTreeMap::new();
        for (thread, tracks) in &self.tracks {
            let next = next.entry(thread.process).or_insert(1);
            numbers.insert(thread.clone(), *next);
            *next += tracks.len() as u32;
        }
        numbers
    }

    /// The processes that have a thread.
    pub(super) fn processes(&self) -> Vec<Process> {
        let mut all: Vec<Process> = self.tracks.keys().map(|thread| thread.process).collect();
        all.dedup();
        all
    }

    /// Every thread by process and number, with its name.
    pub(super) fn names(&self) -> Vec<(Process, u32, String)> {
        let numbers = self.numbers();
        let each = self.tracks.iter().flat_map(|(thread, tracks)| {
            let first = numbers[thread];
            (0..tracks.len() as u32).map(move |track| (thread.process, first + track, thread.name.clone()))
        });
        each.collect()
    }
}
