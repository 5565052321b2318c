//! What a run depends on beside the worker: plain data, versioned, kept as JSON. What a process does is a function of it.

use serde::{Deserialize, Serialize};

/// The version of the format of plans.
pub const VERSION: u32 = 1;

/// The longest body of a request, in bytes: it is sent while the process stands still, and has to fit into the connection.
pub const BODY_BYTES_MAX: usize = 65_536;

/// What the wall clock shows at the begin of a run, in milliseconds since the UNIX epoch: 2027-01-15, as no host's clock does today.
pub const WALL_ZERO_MS: i64 = 1_800_000_000_000;

/// One life: what a worker is asked, how services answer, when its process dies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// The seed of the processes' entropy.
    pub seed: u64,
    /// What clients ask, in the order of time; of one instant each is asked when the process is idle after the one before.
    pub requests: Vec<Ask>,
    /// How outside services answer if no outage says otherwise.
    pub services: Answer,
    /// When outside services answer otherwise; of several that hold the first counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outages: Vec<Outage>,
    /// When processes die, one entry a process, in order; the next process is started after each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deaths: Vec<Death>,
    /// When the run ends, in virtual milliseconds since its begin.
    pub end_ms: u64,
}

/// A request of a client, on a connection of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// When, in virtual milliseconds since the begin. While no process is up it waits for the next one.
    pub at_ms: u64,
    /// Its method.
    pub method: String,
    /// Its path, with its query.
    pub path: String,
    /// Its body, of at most [`BODY_BYTES_MAX`] bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}

/// How a service answers a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// So many virtual milliseconds after the call has arrived.
    pub after_ms: u64,
    /// What it says.
    pub says: Says,
}

/// What a service says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Says {
    /// A response with this status and a short body.
    Status(u16),
    /// Nothing: it closes the connection.
    Broken,
    /// Nothing, ever.
    Never,
}

/// A time in which services answer otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// Calls that arrive from here on, in virtual milliseconds,
    pub from_ms: u64,
    /// and before this,
    pub to_ms: u64,
    /// are answered so.
    pub answer: Answer,
}

/// The end of a process, which is that of a `kill -9`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Death {
    /// When.
    pub at: Moment,
    /// How long no process is up after it, in virtual milliseconds.
    pub down_ms: u64,
}

/// A moment in the life of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Moment {
    /// Virtual milliseconds since the begin of the run, when all is done that is due then.
    Ms(u64),
    /// The point of this number in this process, from 1: before that write, sync or send takes effect.
    Point(u64),
}

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Another format.
    #[error("the plan has version {0}, and this program reads version {VERSION}")]
    Version(u32),
    /// Requests that are not in the order of time.
    #[error("request {0} of the plan is asked before the one in front of it")]
    Order(usize),
    /// A request behind the end.
    #[error("request {0} of the plan is asked after its end, {1} ms")]
    BehindEnd(usize, u64),
    /// What cannot stand in the first line of a request.
    #[error(
        "request {0} of the plan has a method or a path with a space or a line break in it, or a path without a slash before it"
    )]
    Line(usize),
    /// A body that does not fit into a connection.
    #[error("request {0} of the plan has a body of {1} bytes, and the most is {BODY_BYTES_MAX}")]
    Body(usize, usize),
}

impl Plan {
    /// Whether it can be run.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.version != VERSION {
            return Err(Invalid::Version(self.version));
        }
        let mut before_ms = 0;
        for (index, ask) in self.requests.iter().enumerate() {
            if ask.at_ms < before_ms {
                return Err(Invalid::Order(index));
            }
            if ask.at_ms > self.end_ms {
                return Err(Invalid::BehindEnd(index, self.end_ms));
            }
            let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            if !is_word(&ask.method) || !is_word(&ask.path) || !ask.path.starts_with('/') {
                return Err(Invalid::Line(index));
            }
            if ask.body.len() > BODY_BYTES_MAX {
                return Err(Invalid::Body(index, ask.body.len()));
            }
            before_ms = ask.at_ms;
        }
        Ok(())
    }

    /// How a call is answered that arrives then.
    pub fn answer(&self, at_ns: u64) -> &Answer {
        let at_ms = at_ns / 1_000_000;
        let holds = |outage: &&Outage| (outage.from_ms..outage.to_ms).contains(&at_ms);
        self.outages.iter().find(holds).map_or(&self.services, |outage| &outage.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::draw;

    #[test]
    fn a_plan_is_data_and_what_cannot_be_run_is_refused() {
        let plan = draw(3);
        let json = serde_json::to_string(&plan).expect("a plan is JSON");
        assert_eq!(serde_json::from_str::<Plan>(&json).expect("and is read again"), plan);
        assert_eq!(plan.validate(), Ok(()));
        let refused = |edit: fn(&mut Plan)| {
            let mut plan = plan.clone();
            edit(&mut plan);
            plan.validate().expect_err("it cannot be run")
        };
        assert_eq!(refused(|plan| plan.version = 2), Invalid::Version(2));
        assert_eq!(refused(|plan| plan.requests[0].at_ms = u64::MAX), Invalid::BehindEnd(0, plan.end_ms));
        assert_eq!(refused(|plan| plan.requests[1].at_ms = 0), Invalid::Order(1));
        assert_eq!(refused(|plan| plan.requests[0].path = "/a b".to_owned()), Invalid::Line(0));
        let long = BODY_BYTES_MAX + 1;
        assert_eq!(
            refused(|plan| plan.requests[0].body = "x".repeat(BODY_BYTES_MAX + 1)),
            Invalid::Body(0, long)
        );
    }
}
