//! Calms what is left: knobs that a plan draws and that most stories do not need. A knob that is still turned when the
//! search ends mattered when it was tried.

use reveille_sim::plan::{Clock, Disk, Limits, Network, Past, Plan, Tuning};

use super::search::{Pass, Search};

/// A knob: what a plan has when it is calm, as a clause, and how it is calmed.
pub(super) struct Knob {
    pub(super) calm: &'static str,
    pub(super) turn: fn(&mut Plan),
}

/// All of them.
pub(super) const ALL: [Knob; 13] = [
    Knob { calm: "no message lost by chance", turn: |plan| plan.network.loss_ppm = 0 },
    Knob { calm: "links that always take equally long", turn: |plan| plan.network.jitter_percent = 0 },
    Knob { calm: "10 ms between all datacenters", turn: even_latencies },
    Knob {
        calm: "disks that always take equally long",
        turn: |plan| plan.disk = Disk { sync_us_min: 500, sync_us_max: 500 },
    },
    Knob { calm: "clocks that are right", turn: |plan| plan.clocks.fill(Clock::default()) },
    Knob {
        calm: "outside services that always take equally long",
        turn: |plan| plan.upstream.answer_ms_min = plan.upstream.answer_ms_max,
    },
    Knob {
        calm: "outside services that answer after 100 ms",
        turn: |plan| (plan.upstream.answer_ms_min, plan.upstream.answer_ms_max) = (100, 100),
    },
    Knob { calm: "logs and snapshots as they are by default", turn: |plan| plan.past = Past::default() },
    Knob { calm: "instances that are evicted after 10 s", turn: |plan| plan.idle_evict_ms = 10_000 },
    Knob {
        calm: "clients and machines that wait for 20 s and 30 s",
        turn: |plan| (plan.request_timeout_ms, plan.outside_timeout_ms) = (20_000, 30_000),
    },
    Knob {
        calm: "ticks, pages, batches and queues as they are by default",
        turn: |plan| plan.tuning = Tuning::default(),
    },
    Knob { calm: "the limits of the contract", turn: |plan| plan.limits = Limits::OF_THE_CONTRACT },
    Knob { calm: "other random streams", turn: |plan| plan.seed = 0 },
];

fn even_latencies(plan: &mut Plan) {
    let Network { within_us, between_us, .. } = &mut plan.network;
    *within_us = 250;
    between_us.iter_mut().for_each(|row| row.fill(10_000));
}

/// Calms every knob at once if that will do, else one after the other.
pub(super) fn calm(search: &mut Search<'_>) {
    let mut all = search.best().clone();
    ALL.iter().for_each(|knob| (knob.turn)(&mut all));
    if search.take(Pass::Knobs, all) {
        return;
    }
    let mut from = 0;
    while let Some(position) = search.take_first(Pass::Knobs, ALL.len() - from, |plan, position| {
        let mut plan = plan.clone();
        (ALL[from + position].turn)(&mut plan);
        Some(plan)
    }) {
        from += position + 1;
    }
}
