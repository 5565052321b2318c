//! What object code tells with `ctx.sometimes`: how often each held, and which never did.

use crate::explore::Tally;
use crate::sheet::Sheet;
use crate::told::Sometimes;

/// A line for each.
pub(super) fn sometimes(tallies: &[Tally], sheet: Sheet) -> String {
    let lines = tallies.iter().flat_map(|tally| {
        let of_tally = move |(name, it): (&String, &Sometimes)| line(tally, name, *it, sheet);
        tally.sometimes.iter().map(of_tally)
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) }
}

fn line(tally: &Tally, name: &str, Sometimes { told, held, seeds }: Sometimes, sheet: Sheet) -> String {
    let scenario = tally.scenario.name;
    sheet.sentences(&if held == 0 {
        format!("{scenario}: {name:?} NEVER held: objects came there {told} times in {} seeds", tally.seeds)
    } else {
        format!("{scenario}: {name:?} held {held} of {told} times, in {seeds} of {} seeds", tally.seeds)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::example::ticker;

    #[test]
    fn what_never_held_is_told_beside_what_did() {
        let scenario = Arc::new(ticker());
        let mut tally = Tally { seeds: 20, ..Tally::new(&scenario) };
        assert_eq!(sometimes(&[tally.clone()], Sheet::PLAIN), "");
        tally.sometimes.insert("busy".to_owned(), Sometimes { told: 40, held: 3, seeds: 2 });
        tally.sometimes.insert("full".to_owned(), Sometimes { told: 40, held: 0, seeds: 0 });
        assert_eq!(
            sometimes(&[tally], Sheet::PLAIN),
            "\n  ticker: \"busy\" held 3 of 40 times, in 2 of 20 seeds\n  \
             ticker: \"full\" NEVER held: objects came there 40 times in 20 seeds\n"
        );
    }
}
