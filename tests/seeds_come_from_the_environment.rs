//! `REVEILLE_SEED` and `REVEILLE_SEEDS` choose the seeds; what they cannot mean is refused with one clear line.

use crate::common::choose;

#[test]
fn seeds_come_from_the_environment() {
    assert_eq!(choose(None, None, 0..3), Ok(0..3));
    assert_eq!(choose(Some("7"), None, 0..3), Ok(7..8));
    assert_eq!(choose(None, Some("10..20"), 0..3), Ok(10..20));
}

#[test]
fn wrong_seeds_are_refused() {
    let wrong = |seed, seeds| choose(seed, seeds, 0..3).expect_err("it means nothing");
    assert_eq!(wrong(Some("seven"), None), r#"REVEILLE_SEED is a number like 7, not "seven""#);
    assert_eq!(wrong(Some("-1"), None), r#"REVEILLE_SEED is a number like 7, not "-1""#);
    let range = r#"REVEILLE_SEEDS is a range like 0..5000 that is not empty, not "5""#;
    assert_eq!(wrong(None, Some("5")), range);
    assert!(wrong(None, Some("5..5")).contains("not empty"));
    assert!(wrong(Some("1"), Some("1..2")).contains("exclude each other"));
}
