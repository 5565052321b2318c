//! The guide, `docs/your-object.md`: what it shows of the file that `reveille new` writes stands in that file, and the tests of
//! that file pass. `.ci/guide` does everything else that it says.

#[expect(unreachable_pub, reason = "in a crate of its own it is reached")]
#[path = "../harness/src/templates/mailer.rs"]
mod mailer;

const GUIDE: &str = include_str!("../docs/your-object.md");
const MAILER: &str = include_str!("../harness/src/templates/mailer.rs");

/// The blocks of this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let begins = format!("```{language}\n");
    let blocks = GUIDE.split(&begins).skip(1);
    blocks.map(|behind| behind.split_once("```").expect("a block has an end").0).collect()
}

#[test]
fn what_the_guide_shows_stands_in_the_file_that_is_written() {
    let shown = blocks("rust");
    assert_eq!(shown.len(), 2);
    for block in shown {
        assert!(MAILER.contains(block), "{block}");
    }
}

#[test]
fn the_mistake_is_one_line_and_its_mending_is_that_line_again() {
    let diffs = blocks("diff");
    let [mistake, mending, ..] = diffs[..] else { panic!("{} changes", diffs.len()) };
    let lines = |of: &'static str, sign| -> Vec<&str> {
        of.lines().skip(2).filter_map(|line| line.strip_prefix(sign)).collect()
    };
    assert_eq!((lines(mistake, '-').len(), lines(mistake, '+').len()), (1, 1));
    assert!(MAILER.contains(lines(mistake, '-')[0]));
    assert_eq!((lines(mistake, '-'), lines(mistake, '+')), (lines(mending, '+'), lines(mending, '-')));
}
