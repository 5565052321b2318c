use reveille_model::jsonl::Reader;

use super::*;

fn example() -> History {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../model/HISTORY.md"));
    let document = document.expect("the document is there");
    let (_, rest) = document.split_once("```jsonl\n").expect("the document has an example");
    let (lines, _) = rest.split_once("```").expect("the example has an end");
    let reader = Reader::new(lines.as_bytes()).expect("it has a header");
    let header = reader.header().clone();
    History { header, events: reader.map(|event| event.expect("it reads well")).collect() }
}

/// The request of the example and its answer, and the run of the alarm: columns for the client and the object, an arrow each way, the
/// evidence with its numbers, and nothing of what a body says taken for a part of the picture.
#[test]
fn evidence_is_numbered_and_messages_are_arrows() {
    let mut history = example();
    if let What::Call { body, .. } = &mut history.events[0].what {
        *body = "<b> & c".into();
    }
    let position = |is_it: fn(&What) -> bool| history.events.iter().position(|event| is_it(&event.what));
    let evidence = [
        position(|what| matches!(what, What::Call { .. })),
        position(|what| matches!(what, What::Return { .. })),
        position(|what| matches!(what, What::RunStart { .. })),
    ];
    let evidence = evidence.map(|index| index.expect("the example has it"));
    let subject =
        Subject { rule: "F1", object: Some("Keeper/a"), sentences: "It <never> ran.", evidence: &evidence };
    let picture = svg(&history, &subject);
    assert_eq!(picture.matches("class=\"seal\"").count(), 3);
    assert_eq!(picture.matches("class=\"arrow\"").count(), 1, "the request");
    assert_eq!(picture.matches("class=\"arrow answer\"").count(), 1, "its answer");
    assert_eq!(picture.matches("class=\"life\"").count(), 2, "the client and the object");
    assert_eq!(picture.matches("class=\"run\"").count(), 1);
    assert!(picture.contains("&lt;b&gt; &amp; c") && picture.contains("It &lt;never&gt; ran."), "{picture}");
    assert_eq!(picture, svg(&history, &subject), "a picture depends on its history alone");
}
