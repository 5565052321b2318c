//! What happened in a run, in numbers: how much was simulated, and whether the faults that were injected did anything.

use std::collections::BTreeMap;

/// The numbers of one run, or the sum of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Simulated events.
    pub events: u64,
    /// Virtual time, in nanoseconds.
    pub virtual_ns: u64,
    /// Messages that machines sent to machines.
    pub messages_sent: u64,
    /// Of these, lost: to the network, a cut, or because the receiver was down.
    pub messages_lost: u64,
    /// Requests that clients sent.
    pub requests: u64,
    /// Of these, answered in time.
    pub answered: u64,
    /// Instances made.
    pub instances: u64,
    /// Instances lost with their machine.
    pub instances_lost: u64,
    /// Runs of `alarm()` started.
    pub runs_started: u64,
    /// Of these, with a `retry_count` above zero.
    pub runs_retried: u64,
    /// Runs that returned.
    pub runs_ok: u64,
    /// Runs that failed and were counted (R1).
    pub runs_failed: u64,
    /// Runs that the platform failed (R1).
    pub runs_platform: u64,
    /// Runs cut short by the loss of their machine.
    pub runs_lost: u64,
    /// Turns that became durable.
    pub commits: u64,
    /// Calls to outside services.
    pub outside_calls: u64,
    /// Boots of machines.
    pub boots: u64,
    /// Times that a replica became its group's leader.
    pub elections: u64,
    /// Snapshots that replicas took over from their leaders because they lagged too far behind.
    pub snapshots_installed: u64,
    /// Entries refused because their epoch was stale (O1); each replica counts its own.
    pub stale_epochs: u64,
    /// Completed syncs.
    pub syncs: u64,
    /// Bytes that they made durable.
    pub bytes_synced: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, FaultCount>,
}

/// The faults of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCount {
    /// Begun. What finds its machine down already, or nobody in the role it is aimed at, or waits for a moment that
    /// does not come, is skipped and not counted.
    pub injected: u64,
    /// Of these, with an effect: an instance, a leader or unsynced bytes were lost, a machine of a datacenter went down, an
    /// input had to wait, a message was dropped, slow or carried twice, a sync took longer than any is otherwise, the clock of a running
    /// machine stepped, a call was treated badly.
    pub effective: u64,
}

impl Counts {
    /// Adds another run's numbers.
    pub fn add(&mut self, other: &Counts) {
        // Taken apart, so that a new number cannot be forgotten.
        let Counts {
            events,
            virtual_ns,
            messages_sent,
            messages_lost,
            requests,
            answered,
            instances,
            instances_lost,
            runs_started,
            runs_retried,
            runs_ok,
            runs_failed,
            runs_platform,
            runs_lost,
            commits,
            outside_calls,
            boots,
            elections,
            snapshots_installed,
            stale_epochs,
            syncs,
            bytes_synced,
            faults,
        } = other;
        self.events += events;
        self.virtual_ns += virtual_ns;
        self.messages_sent += messages_sent;
        self.messages_lost += messages_lost;
        self.requests += requests;
        self.answered += answered;
        self.instances += instances;
        self.instances_lost += instances_lost;
        self.runs_started += runs_started;
        self.runs_retried += runs_retried;
        self.runs_ok += runs_ok;
        self.runs_failed += runs_failed;
        self.runs_platform += runs_platform;
        self.runs_lost += runs_lost;
        self.commits += commits;
        self.outside_calls += outside_calls;
        self.boots += boots;
        self.elections += elections;
        self.snapshots_installed += snapshots_installed;
        self.stale_epochs += stale_epochs;
        self.syncs += syncs;
        self.bytes_synced += bytes_synced;
        for (kind, count) in faults {
            let sum = self.faults.entry(kind).or_default();
            sum.injected += count.injected;
            sum.effective += count.effective;
        }
    }
}
