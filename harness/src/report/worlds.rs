//! What kinds of worlds a campaign has run in, as tables: shapes downwards, scenarios across.

use comfy_table::Table;

use super::table;
use crate::explore::Tally;
use crate::sheet::Sheet;
use crate::worlds::{OCCASIONS, SHAPES, Seen, Worlds};

/// The tables of the scenarios whose worlds were looked at; nothing if that was not asked for.
pub fn worlds(tallies: &[Tally], sheet: Sheet) -> String {
    let all: Vec<(&str, &Worlds)> = tallies
        .iter()
        .filter_map(|tally| tally.worlds.as_ref().map(|worlds| (tally.scenario.name, worlds)))
        .collect();
    if all.is_empty() {
        return String::new();
    }
    format!("\n{}\n\n{}\n", shapes(&all, sheet), occasions(&all, sheet))
}

/// The share of runs whose plans have a shape, and of those the share in which it took effect.
fn shapes(all: &[(&str, &Worlds)], sheet: Sheet) -> Table {
    let mut table = headed("% of seeds that have it: of those, % in which it took effect", all, sheet);
    for (position, shape) in SHAPES.iter().enumerate() {
        let seen = |worlds: &Worlds| {
            let Seen { had, at_a_time, took_effect } = worlds.shapes[position];
            let share = percent(had, worlds.seeds);
            if at_a_time == 0 { share } else { format!("{share}: {}", percent(took_effect, at_a_time)) }
        };
        table.add_row(row(shape.name, all, seen));
    }
    let still = |worlds: &Worlds| percent(worlds.stillness.still_ms, worlds.stillness.all_ms);
    table.add_row(row("time of fault phases, 60 s after the last change, something broken", all, still));
    table
}

/// The share of runs in which rarer rules had occasion to be broken.
fn occasions(all: &[(&str, &Worlds)], sheet: Sheet) -> Table {
    let mut table = headed("% of seeds with an occasion to break", all, sheet);
    for (position, occasion) in OCCASIONS.iter().enumerate() {
        let share = |worlds: &Worlds| percent(worlds.occasions[position], worlds.seeds);
        table.add_row(row(&format!("{}: {}", occasion.rule, occasion.when), all, share));
    }
    table
}

fn headed(what: &str, all: &[(&str, &Worlds)], sheet: Sheet) -> Table {
    let mut header = vec![what];
    header.extend(all.iter().map(|(name, _)| *name));
    table(&header, sheet)
}

fn row(name: &str, all: &[(&str, &Worlds)], field: impl Fn(&Worlds) -> String) -> Vec<String> {
    let fields = all.iter().map(|(_, worlds)| field(worlds));
    std::iter::once(name.to_owned()).chain(fields).collect()
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1}", part as f64 * 100.0 / whole as f64) }
}
