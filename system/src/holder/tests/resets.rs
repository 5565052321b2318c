//! An object that is reset has its next instance at once, over what the one before it has on its way.

use super::*;
use crate::observe::{Ended, Seen};

impl Lone {
    /// An object has panicked behind two writes, which are on their way. Gives the proposal.
    fn panicked(&mut self) -> Message {
        self.run();
        self.request_to("foo", "panic");
        let is_commit = |it: &Message| matches!(it, Message::Propose { command: Command::Commit(_), .. });
        let commits: Vec<Message> = self.sent().into_iter().filter(is_commit).collect();
        let [commit] = commits.try_into().expect("one turn is one batch");
        commit
    }

    fn decide(&mut self, commit: Message) {
        let told = self.answer(commit).expect("it is a question");
        self.give(&told);
    }

    /// What was seen since the last time, of instances.
    fn seen(&mut self) -> Vec<Seen> {
        let observed = std::mem::take(&mut self.out.observed).into_iter();
        observed
            .filter_map(|it| if let Observation::Instance { seen, .. } = it { Some(seen) } else { None })
            .collect()
    }
}

/// Responses among messages: their status and what they say.
fn responses(sent: &[Message]) -> Vec<(u16, String)> {
    let response = |it: &Message| match it {
        Message::Response { status, body, .. } => Some((*status, String::from_utf8_lossy(body).into_owned())),
        _ => None,
    };
    sent.iter().filter_map(response).collect()
}

/// L3, R8: neither a request nor an alarm waits until a reset is durable. O5: no message leaves before.
#[test]
fn l3_the_next_instance_lives_before_what_the_last_one_wrote_is_durable() {
    let mut lone = fresh();
    let commit = lone.panicked();
    assert!(
        lone.seen().iter().any(|seen| matches!(seen, Seen::Ended(Ended::Reset(_)))),
        "it is over at once"
    );
    lone.request_to("foo", "get alarm");
    let seen = lone.seen();
    let is_given = |it: &Seen| matches!(it, Seen::DeliveredRequest(_));
    assert!(seen.iter().any(is_given), "the next instance is given its request: {seen:?}");
    assert_eq!(responses(&lone.sent()), [], "o5: neither answer leaves");

    lone.decide(commit);
    let told = responses(&lone.sent());
    // A3, S4: the alarm that was set before the panic is seen.
    assert_eq!(told, [(500, "panicked: it was asked to".into()), (200, format!("Some({FAR_MS})"))]);
}

/// S4, W1: what the next instance reads is what is durable, and nothing that it should have seen is missing.
#[test]
fn s4_the_next_instance_reads_when_what_was_written_before_it_is_there() {
    let mut lone = fresh();
    let commit = lone.panicked();
    lone.request_to("foo", "read key");
    let is_read = |it: &Message| matches!(it, Message::Read { .. });
    assert!(!lone.sent().iter().any(is_read), "it asks nothing yet");
    let index = lone.index + 1;
    lone.decide(commit);
    let asked: Vec<Message> = lone.sent().into_iter().filter(is_read).collect();
    let [Message::Read { at_least, .. }] = asked[..] else { panic!("one read: {asked:?}") };
    assert_eq!(at_least, index, "of a replica that has what was written");
}

/// S3: what two instances write becomes durable in one order, each batch after the one before it.
#[test]
fn s3_what_the_next_instance_writes_is_durable_after_what_the_last_one_wrote() {
    let mut lone = fresh();
    let first = lone.panicked();
    lone.request_to("foo", "write");
    let is_proposal = |it: &Message| matches!(it, Message::Propose { .. });
    assert!(!lone.sent().iter().any(is_proposal), "one batch at a time");
    lone.decide(first);
    let sent = lone.sent();
    assert_eq!(responses(&sent), [(500, "panicked: it was asked to".into())]);
    let second = sent.into_iter().find(is_proposal).expect("a second batch");
    let Message::Propose { command: Command::Commit(commit), .. } = &second else { panic!("{second:?}") };
    assert!(commit.turns[0].turn > 2, "turns are numbered on: {commit:?}");
    lone.decide(second);
    assert_eq!(responses(&lone.sent()), [(200, "done".into())]);
}

/// O1, O5: a refused commit takes the next instance down with it, and nothing of either leaves.
#[test]
fn o5_a_refused_commit_takes_the_next_instance_along() {
    let mut lone = fresh();
    let commit = lone.panicked();
    lone.request_to("foo", "get alarm");
    lone.sent();
    lone.seen();
    let Message::Propose { ask, .. } = commit else { panic!("{commit:?}") };
    let applied = Applied::Stale(Epoch(9));
    lone.give(&Message::Proposed { ask, result: Proposed::Applied { applied, index: lone.index + 1 } });
    assert!(lone.seen().iter().any(|seen| matches!(seen, Seen::Ended(Ended::Moved))));
    assert_eq!(responses(&lone.sent()), []);
    assert!(!lone.holder.slices.contains_key(&SLICE), "the slice is lost");
}

/// Whatever goes on panicking: each instance is over at once, and the answers leave in order once all is durable.
#[test]
fn r8_each_of_many_instances_that_panic_keeps_its_writes() {
    let mut lone = fresh();
    let commit = lone.panicked();
    for _ in 0..5 {
        lone.request_to("foo", "panic");
    }
    let ends = lone.seen().into_iter().filter(|seen| matches!(seen, Seen::Ended(_))).count();
    assert_eq!(ends, 6);
    lone.decide(commit);
    let rest = lone.sent();
    assert_eq!(responses(&rest).len(), 1);
    let batch = rest.into_iter().find(|it| matches!(it, Message::Propose { .. })).expect("a second batch");
    let Message::Propose { command: Command::Commit(commit), .. } = &batch else { panic!("{batch:?}") };
    assert!(commit.turns.iter().all(|turn| turn.keys.len() == 1 && turn.alarm.is_some()), "{commit:?}");
    assert_eq!(commit.turns.len(), 5);
    lone.decide(batch);
    assert_eq!(responses(&lone.sent()).len(), 5);
    lone.step(|holder, cx| holder.tick(cx));
    assert!(lone.holder.slices.values().all(Slice::is_at_rest), "nothing is kept of any of them");
}
