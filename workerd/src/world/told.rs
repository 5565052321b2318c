//! What is known of a run: what was seen from outside the process, the witness, and what its wrapper told, the account.

use reveille_model::history::Blob;
use serde::Serialize;

/// Something that was seen from outside the process, or that its wrapper has told, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Virtual time since the begin of the run.
    pub at_ns: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What was seen or told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "told")]
pub enum What {
    /// A process is up: it takes requests.
    Up,
    /// The process is gone; at a point, if it was killed there.
    Down {
        /// The number of the point.
        point: Option<u64>,
    },
    /// A client has sent this request of the plan, counted from 1.
    Asked {
        /// The request.
        request: u64,
    },
    /// A client has an answer.
    Answered {
        /// The request.
        request: u64,
        /// HTTP status.
        status: u16,
        /// What it says.
        body: Blob,
    },
    /// A client's connection was closed without an answer.
    Unanswered {
        /// The request.
        request: u64,
    },
    /// A call has reached an outside service.
    Called {
        /// The call, counted from 1.
        call: u64,
        /// What the wrapper calls it, if an instance made it.
        known_as: Option<String>,
        /// The service: its URL, without a query.
        service: String,
        /// Its method.
        method: String,
        /// Its path, with its query.
        path: String,
        /// What it says.
        body: Blob,
    },
    /// A service has answered a call; without a status it has closed the connection.
    Returned {
        /// The call.
        call: u64,
        /// HTTP status.
        status: Option<u16>,
    },
    /// The wrapper has told this: a line of the account.
    Account {
        /// The line, a JSON object.
        line: String,
    },
    /// The worker has written this to its console.
    Said {
        /// The line.
        line: String,
    },
    /// The process does something again and again for ever, and time stands still.
    Storm,
}

impl What {
    /// Whether it was seen from outside: not told by the process of itself.
    pub fn is_outside(&self) -> bool {
        !matches!(self, What::Account { .. } | What::Said { .. })
    }
}

/// The requests that were asked and have no answer.
pub(super) fn open_requests(told: &[Told]) -> Vec<u64> {
    let mut open = Vec::new();
    for told in told {
        match told.what {
            What::Asked { request } => open.push(request),
            What::Answered { request, .. } | What::Unanswered { request } => {
                open.retain(|it| *it != request);
            }
            _ => {}
        }
    }
    open
}
