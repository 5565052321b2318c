//! How values are written on the command line. Each error says what is wrong and what would be right.

use std::ops::Range;
use std::time::Duration;

use reveille_model::RULES;
use reveille_model::verdict::RuleId;

pub(super) fn rule(id: &str) -> Result<RuleId, String> {
    let all = || RULES.iter().map(|rule| rule.id.0).collect::<Vec<_>>().join(", ");
    let known = RULES.iter().map(|rule| rule.id).find(|known| known.0 == id);
    known.ok_or_else(|| format!("there is no rule {id:?}; there are: {}", all()))
}

pub(super) fn seeds(text: &str) -> Result<Range<u64>, String> {
    let right = "seeds are a range like 0..100: from the first up to, not including, the second";
    let (from, to) = text.split_once("..").ok_or(right)?;
    let parse = |number: &str| number.parse::<u64>().map_err(|error| format!("{number:?}: {error}; {right}"));
    let range = parse(from)?..parse(to)?;
    if range.is_empty() { Err(format!("the range is empty; {right}")) } else { Ok(range) }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; a duration is written like 30s or 1m 30s"))
}

pub(super) fn jobs(text: &str) -> Result<usize, String> {
    let right = "jobs are a number from 1 to 256";
    let jobs = text.parse().map_err(|error| format!("{error}; {right}"))?;
    if (1..=256).contains(&jobs) { Ok(jobs) } else { Err(right.to_owned()) }
}
