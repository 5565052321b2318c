//! What makes two findings one: the rule, and the kind of cause. A shrunk plan has to break what it broke before for the
//! reason for which it broke it before; whose object it was, which request and when do not matter.
//!
//! The kind of cause is the sentences of the finding without all that is particular to one run. So every promise has
//! kinds of causes, a stranger's too, without naming them: where two causes are told in other words they are two.

use serde::{Deserialize, Serialize};

/// A rule and the kind of cause for which it was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The rule, or `panic`, `livelock` and the like.
    pub rule: String,
    /// Its sentences, with `#` for each number, quoted text and name of an object; what repeats stands once.
    pub cause: String,
}

impl Signature {
    /// The signature of what these sentences tell about a rule.
    pub fn new(rule: &str, sentences: &str) -> Self {
        Self { rule: rule.to_owned(), cause: cause(sentences) }
    }
}

/// Stands for whatever is particular.
const ANY: char = '#';

fn cause(sentences: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in without_quotes(sentences).split_whitespace() {
        let general = general(word);
        match words.last_mut() {
            // A list of keys, of machines: how many there are is particular too.
            Some(last) if last.starts_with(ANY) && general.starts_with(ANY) => *last = general,
            _ => words.push(general),
        }
    }
    words.join(" ")
}

/// The sentences with each quoted text replaced; a quote within it is escaped.
fn without_quotes(sentences: &str) -> String {
    let mut text = String::with_capacity(sentences.len());
    let mut letters = sentences.chars();
    while let Some(letter) = letters.next() {
        if letter != '"' {
            text.push(letter);
            continue;
        }
        text.push(ANY);
        while let Some(quoted) = letters.next().filter(|quoted| *quoted != '"') {
            if quoted == '\\' {
                letters.next();
            }
        }
    }
    text
}

/// A word as it stands in every run. Numbers, times, quoted texts and names of objects (`Class/name`) are particular.
fn general(word: &str) -> String {
    // A place in the source: which file it is matters, and not where in it.
    if let Some((file, _)) = word.split_once(".rs:") {
        return format!("{file}.rs");
    }
    let is_particular = |letter: char| letter.is_ascii_digit() || letter == ANY || letter == '/';
    if !word.contains(is_particular) {
        return word.to_owned();
    }
    let stop = word.chars().last().filter(|last| matches!(last, ',' | '.' | ';' | ':'));
    std::iter::once(ANY).chain(stop).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sentences: &str) -> String {
        Signature::new("F1", sentences).cause
    }

    #[test]
    fn what_is_particular_to_a_run_is_no_part_of_a_cause() {
        let one = r#"The client that sent "item-\"1\"" to Batcher/foo (request 16) was told at 1.290 s: keys "1", "2" and 3."#;
        let other =
            r#"The client that sent "x" to Batcher/bar-9 (request 7) was told at 31.2 s: keys "9" and 3."#;
        assert_eq!(of(one), "The client that sent # to # (request # was told at # s: keys # and #.");
        assert_eq!(of(one).replace("#, ", ""), of(other));
    }

    #[test]
    fn the_file_in_which_a_machine_panics_is_part_of_the_cause() {
        let one = of("Machine 2 panicked at 3.000 s: no row (system/src/store.rs:7:9).");
        assert_eq!(one, of("Machine 4 panicked at 9.100 s: no row (system/src/store.rs:70:1)."));
        assert_ne!(one, of("Machine 2 panicked at 3.000 s: no row (system/src/leader.rs:7:9)."));
    }

    #[test]
    fn how_long_a_list_is_does_not_matter_and_what_is_said_does() {
        assert_eq!(of("It lost 1, 2, 3, 4."), of("It lost 77."));
        assert_ne!(of("alarm() started early at 3 s."), of("alarm() started late at 3 s."));
    }
}
