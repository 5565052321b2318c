//! The cells of the matrix that cannot be reached, each with the reason.

use super::{Call, Cell, Context, Outcome};

/// Which cells, and why.
type Reason = (fn(Cell) -> bool, &'static str);

const REASONS: &[Reason] = &[
    (
        |cell| in_transaction(cell) && deletes_all(cell) && cell.outcome != Outcome::Refused,
        "delete_all is refused in a transaction (S8)",
    ),
    (
        |cell| in_transaction(cell) && cell.call == Call::Transaction && cell.outcome != Outcome::Refused,
        "a nested transaction is refused (S5)",
    ),
    (
        |cell| cell.call == Call::Transaction && !in_transaction(cell) && cell.outcome == Outcome::Refused,
        "a transaction is refused in another one alone (S5)",
    ),
    (
        |cell| {
            let takes_nothing = matches!(cell.call, Call::Sync | Call::GetAlarm | Call::DeleteAlarm);
            cell.outcome == Outcome::Refused && (takes_nothing || deletes_all(cell) && !in_transaction(cell))
        },
        "it takes nothing that could be wrong",
    ),
    (
        |cell| cell.outcome == Outcome::Lost && cell.call == Call::GetAlarm,
        "it changes nothing and has its result at once: the alarm is in memory with its object",
    ),
    (
        |cell| cell.outcome == Outcome::RolledBack && !in_transaction(cell) && cell.call != Call::Transaction,
        "what no transaction has done no transaction takes back",
    ),
    (
        |cell| cell.outcome == Outcome::RolledBack && !cell.call.writes(),
        "a read leaves nothing that could be taken back",
    ),
];

fn in_transaction(cell: Cell) -> bool {
    cell.context == Context::Transaction
}

fn deletes_all(cell: Cell) -> bool {
    matches!(cell.call, Call::DeleteAll | Call::DeleteAllButAlarm)
}

/// Why a cell cannot be reached; none if it can.
pub fn why_impossible(cell: Cell) -> Option<&'static str> {
    REASONS.iter().find(|(is_of, _)| is_of(cell)).map(|(_, why)| *why)
}
