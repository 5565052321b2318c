//! The cells of the matrix that cannot be reached, each with the reason.

use super::{Call, Cell, Outcome};

/// Which cells, and why.
type Reason = (fn(Cell) -> bool, &'static str);

const REASONS: &[Reason] = &[
    (
        |cell| {
            cell.outcome == Outcome::Refused
                && matches!(
                    cell.call,
                    Call::Sync
                        | Call::GetAlarm
                        | Call::DeleteAlarm
                        | Call::DeleteAll
                        | Call::DeleteAllButAlarm
                )
        },
        "it takes nothing that could be wrong",
    ),
    (
        |cell| cell.outcome == Outcome::Lost && cell.call == Call::GetAlarm,
        "it changes nothing and has its result at once: the alarm is in memory with its object",
    ),
];

/// Why a cell cannot be reached; none if it can.
pub fn why_impossible(cell: Cell) -> Option<&'static str> {
    REASONS.iter().find(|(is_of, _)| is_of(cell)).map(|(_, why)| *why)
}
