use reveille_model::jsonl::Reader;

use super::*;

/// The events of the example that HISTORY.md tells, with an object that wakes up for its alarm.
fn example() -> Vec<Event> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../model/HISTORY.md");
    let document = std::fs::read_to_string(path).expect("the document is there");
    let (_, rest) = document.split_once("```jsonl\n").expect("the document has an example");
    let (lines, _) = rest.split_once("```").expect("the example has an end");
    Reader::new(lines.as_bytes())
        .expect("it has a header")
        .map(|event| event.expect("it reads well"))
        .collect()
}

fn positions(window: &Window, events: Vec<Event>) -> Vec<usize> {
    let Ok((positions, events)) = window.of(events.into_iter().map(Ok::<_, std::convert::Infallible>));
    assert_eq!(positions.len(), events.len());
    positions
}

#[test]
fn what_has_room_is_shown_as_a_whole_and_without_a_note() {
    let window = Window::around(&[3, 9], 16, 16);
    assert_eq!(positions(&window, example()), (0..16).collect::<Vec<_>>());
    assert_eq!(window.note(&[], &[]), None);
}

#[test]
fn the_evidence_stands_in_the_middle_and_the_window_stays_within_the_history() {
    let within = |evidence: &[usize], count| Window::around(evidence, count, 100).within;
    assert_eq!(within(&[500, 509], 1_000), 455..555);
    assert_eq!(within(&[3, 9], 1_000), 0..100, "at the begin");
    assert_eq!(within(&[990], 1_000), 900..1_000, "at the end");
    assert_eq!(within(&[], 1_000), 0..100, "without evidence");
    assert_eq!(within(&[0, 900], 1_000), 826..926, "evidence that is too far apart: the end of it");
}

#[test]
fn evidence_is_shown_wherever_it_stands() {
    let events = example();
    let count = events.len();
    assert_eq!(Window::around(&[0, count - 1], count, 4).within, count - 4..count);
    let shown = positions(&Window::around(&[1, count - 1], count, 4), events);
    assert!(shown.contains(&1) && shown.contains(&(count - 1)), "{shown:?}");
}

/// Of the example: a window of the last events, when its instance is in memory, its constructor has ended, and its alarm is due.
#[test]
fn what_began_before_the_window_and_still_goes_on_comes_along_and_what_is_over_does_not() {
    let events = example();
    let name = |event: &Event| serde_json::to_value(event).expect("an event is JSON")["event"].clone();
    let run_start = events.iter().position(|event| name(event) == "run_start").expect("it has a run");
    let window =
        Window { within: run_start..run_start + 2, evidence: Vec::new(), count: events.len(), room: 2 };
    let Ok((positions, shown)) = window.of(events.into_iter().map(Ok::<_, std::convert::Infallible>));
    let names: Vec<_> = shown.iter().map(name).collect();
    assert_eq!(names, ["instance_start", "constructor_end", "op", "commit", "run_start", "run_end"]);
    let note = window.note(&positions, &shown).expect("not all is shown");
    assert!(
        note.starts_with("6 of 16 events are shown, from the begin on: all from 3.002 s to 3.002 s"),
        "{note}"
    );
}
