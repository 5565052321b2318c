//! Requests that ask for less. A body that is JSON is simplified as such, whatever it means: elements and fields are left
//! out, what is nested is lifted out, numbers and texts become small. So the programs of scripted objects lose their steps
//! here, and nothing has to be known about them: a body that means nothing breaks nothing, and is passed over.

use reveille_sim::plan::Plan;
use serde_json::{Map, Value};

use super::search::{Pass, Search};

/// Simplifies the body of each request until nothing simpler breaks.
pub(super) fn simplify(search: &mut Search<'_>) {
    for index in 0..search.best().workload.len() {
        while simplify_one(search, index) {}
    }
}

fn simplify_one(search: &mut Search<'_>, index: usize) -> bool {
    let bodies = simpler_bodies(&search.best().workload[index].body);
    let with = |plan: &Plan, position: usize| {
        let mut plan = plan.clone();
        plan.workload[index].body.clone_from(&bodies[position]);
        Some(plan)
    };
    search.take_first(Pass::Bodies, bodies.len(), with).is_some()
}

fn simpler_bodies(body: &str) -> Vec<String> {
    match serde_json::from_str(body) {
        Ok(value @ (Value::Array(_) | Value::Object(_))) => {
            simpler(&value).iter().map(Value::to_string).collect()
        }
        // A bare number or text means something to its object as a whole.
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// Simpler values, the simplest first; each is smaller than this one.
fn simpler(value: &Value) -> Vec<Value> {
    match value {
        Value::Null | Value::Bool(false) => Vec::new(),
        Value::Bool(true) => vec![Value::Bool(false)],
        Value::Number(number) => number.as_u64().map_or_else(Vec::new, simpler_numbers),
        Value::String(text) if text.chars().count() > 1 => {
            text.chars().take(1).map(|first| Value::String(first.into())).collect()
        }
        Value::String(_) => Vec::new(),
        Value::Array(elements) => simpler_lists(elements),
        Value::Object(fields) => simpler_objects(fields),
    }
}

fn simpler_numbers(number: u64) -> Vec<Value> {
    let rounded = [1_000, 100, 10].map(|round| number / round * round);
    let mut smaller: Vec<u64> =
        [0, 1, number / 2].into_iter().chain(rounded).filter(|n| *n < number).collect();
    smaller.sort_unstable();
    smaller.dedup();
    smaller.into_iter().map(Value::from).collect()
}

fn simpler_lists(elements: &[Value]) -> Vec<Value> {
    let mut lists = Vec::new();
    let mut passage = elements.len();
    while passage > 0 {
        for begin in (0..elements.len()).step_by(passage) {
            let end = (begin + passage).min(elements.len());
            lists.push([&elements[..begin], &elements[end..]].concat());
        }
        passage /= 2;
    }
    for (index, element) in elements.iter().enumerate() {
        let (before, after) = (&elements[..index], &elements[index + 1..]);
        // A step that holds a program: the program in its place.
        if let Some(within) = only_list_of(element) {
            lists.push([before, within, after].concat());
        }
        let others = simpler(element).into_iter().map(|other| [before, &[other], after].concat());
        lists.extend(others);
    }
    lists.into_iter().map(Value::Array).collect()
}

/// The list in an object with one field and nothing else.
fn only_list_of(value: &Value) -> Option<&[Value]> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    Some(fields.values().next()?.as_array()?)
}

fn simpler_objects(fields: &Map<String, Value>) -> Vec<Value> {
    let without = |name: &str| {
        let mut fewer = fields.clone();
        fewer.remove(name);
        fewer
    };
    let with = |name: &str, value: Value| {
        let mut other = fields.clone();
        other.insert(name.to_owned(), value);
        other
    };
    let fewer = fields.keys().map(|name| without(name));
    let other = fields
        .iter()
        .flat_map(|(name, value)| simpler(value).into_iter().map(move |value| with(name, value)));
    fewer.chain(other).map(Value::Object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_go_alone_and_together_and_what_is_nested_is_lifted_out() {
        let bodies = simpler_bodies(r#"{"steps": [1, {"block": [2, 3]}]}"#);
        for simpler in [
            "{}",
            r#"{"steps":[]}"#,
            r#"{"steps":[1]}"#,
            r#"{"steps":[{"block":[2,3]}]}"#,
            r#"{"steps":[1,2,3]}"#,
            r#"{"steps":[1,{"block":[3]}]}"#,
            r#"{"steps":[0,{"block":[2,3]}]}"#,
        ] {
            assert!(bodies.iter().any(|body| body == simpler), "{simpler} of {bodies:?}");
        }
    }

    #[test]
    fn numbers_become_smaller_and_rounder() {
        assert_eq!(simpler_numbers(0), Vec::<Value>::new());
        assert_eq!(simpler_numbers(1), [0]);
        assert_eq!(simpler_numbers(1_234), [0, 1, 617, 1_000, 1_200, 1_230]);
    }

    #[test]
    fn a_body_that_is_no_json_stays_as_it_is() {
        assert_eq!(simpler_bodies("item-16"), Vec::<String>::new());
        assert_eq!(simpler_bodies("7"), Vec::<String>::new());
    }
}
