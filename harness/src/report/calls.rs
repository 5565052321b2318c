//! The matrix of calls as a campaign prints it: one table, what was missed below it, and on demand cell by cell.

use std::fmt::Write;

use comfy_table::Table;

use super::table;
use crate::matrix::{Call, Cell, Context, Matrix, Outcome, why_impossible};
use crate::sheet::Sheet;

/// Calls downwards, contexts across; in each field the outcomes side by side.
pub(super) fn matrix(matrix: &Matrix, sheet: Sheet) -> String {
    let key =
        "calls: done/refused/lost, where a transaction has a part done/refused/rolled back/lost; - cannot be";
    let mut text = format!("{}\n{}\n", sheet.paragraph(key), fields(matrix, sheet));
    let missed: Vec<String> = matrix.missed().map(name).collect();
    if !missed.is_empty() {
        let all = format!("not reached: {}", missed.join("; "));
        writeln!(text, "{}", sheet.paragraph(&all)).expect("writing to a string succeeds");
    }
    text
}

fn fields(matrix: &Matrix, sheet: Sheet) -> Table {
    let mut header = vec!["call"];
    header.extend(Context::ALL.iter().map(|context| context.name()));
    let mut table = table(&header, sheet);
    for call in Call::ALL {
        let mut row = vec![call.name().to_owned()];
        row.extend(Context::ALL.iter().map(|context| field(matrix, *call, *context)));
        table.add_row(row);
    }
    table
}

fn field(matrix: &Matrix, call: Call, context: Context) -> String {
    let has_part = call == Call::Transaction || context == Context::Transaction;
    let of = |outcome: &Outcome| {
        let cell = Cell { call, context, outcome: *outcome };
        let count = matrix.count(cell);
        if count == 0 && why_impossible(cell).is_some() { "-".to_owned() } else { short(count) }
    };
    let shown = Outcome::ALL.iter().filter(|outcome| has_part || **outcome != Outcome::RolledBack);
    shown.map(of).collect::<Vec<_>>().join("/")
}

/// At most four characters for anything below a billion.
fn short(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}

fn name(cell: Cell) -> String {
    format!("{} / {} / {}", cell.call.name(), cell.context.name(), cell.outcome.name())
}

/// Every cell with how often it was reached, or why it cannot be.
pub fn cells(matrix: &Matrix) -> String {
    let mut text = String::new();
    for cell in Cell::all() {
        let said = match (matrix.count(cell), why_impossible(cell)) {
            (0, Some(why)) => format!("cannot be: {why}"),
            (0, None) => "NOT REACHED".to_owned(),
            (count, None) => count.to_string(),
            (count, Some(why)) => format!("{count}, yet it was thought that this cannot be: {why}"),
        };
        writeln!(text, "{:<46} {said}", name(cell)).expect("writing to a string succeeds");
    }
    text
}
