//! A plan as a JSON file: what one run is handed on as, from build to build. A file may come from another version of the
//! product or from an editor, so it is read strictly: a field that is not known is an error and never skipped, for a run
//! without it would be another run.

use serde::Deserialize;
use serde_json::error::Category;

use super::{Plan, PlanError, VERSION};

/// The most bytes that are read of a plan's file: 256 MiB.
pub const FILE_BYTES_MAX: usize = 256 << 20;

/// The one field that every version has: it says how the others are meant.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Plan {
    /// Reads a plan and makes sure that it can be run.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: where it stands (line and column, or the path of a field), what stands there, and
    /// what would be right. A plan of a version that this build does not read is refused by its version, whatever else is
    /// in it.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        let versioned: Versioned = parse(text, "has a version, and every field of that version")?;
        if versioned.version != VERSION {
            return Err(another_version(versioned.version));
        }
        let plan: Self = parse(text, "has the fields that `reveille plan` prints")?;
        plan.validate()?;
        Ok(plan)
    }

    /// The plan as it stands in a file, with a line break at its end.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("a plan has no maps with keys that are no texts");
        text.push('\n');
        text
    }
}

fn another_version(version: u32) -> PlanError {
    let right = if version > VERSION {
        format!(
            "this build reads version {VERSION}: a newer one wrote the plan, and a build of that time reads it"
        )
    } else {
        format!("plans begin with version {VERSION}")
    };
    PlanError { place: "version".into(), wrong: version.to_string(), right }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, right: &str) -> Result<T, PlanError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        wrong(&path, &error.into_inner(), right)
    })?;
    json.end().map_err(|error| wrong(".", &error, "is one JSON object and nothing behind it"))?;
    Ok(value)
}

fn wrong(path: &str, error: &serde_json::Error, right: &str) -> PlanError {
    let place = match error.classify() {
        Category::Data if path != "." => path.to_owned(),
        _ => format!("line {}, column {}", error.line(), error.column()),
    };
    PlanError { place, wrong: format!("not right ({error})"), right: format!("a plan {right}") }
}
