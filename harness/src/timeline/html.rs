//! Puts a history into the page: the template with its scripts and its style, and the data packed into it.

use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use reveille_model::history::History;
use reveille_model::jsonl;
use serde::Serialize;

/// The page, with places for what stands in it.
const TEMPLATE: &str = include_str!("page/page.html");

/// Where the title stands, twice, and where the data stands.
const TITLE: &str = "<!--{title}-->";
const DATA: &str = "<!--{data}-->";

macro_rules! files {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("page/", $name)))),*] };
}

/// What stands in the template at `/*{NAME}*/`.
const FILES: &[(&str, &str)] = files![
    "style.css",
    "data.js",
    "words.js",
    "spans.js",
    "lives.js",
    "slot.js",
    "world.js",
    "links.js",
    "model.js",
    "scale.js",
    "lanes.js",
    "search.js",
    "sentences.js",
    "sight.js",
    "brush.js",
    "paint_lanes.js",
    "paint_frame.js",
    "hit.js",
    "app.js",
    "input.js",
    "panel.js",
    "main.js",
];

/// Writes the page: `head`, and each line of the history, are a line of its data, which is base64 of gzip.
pub(super) fn write(
    title: &str,
    head: &impl Serialize,
    history: &History,
    output: &mut dyn Write,
) -> io::Result<()> {
    let page = page(title);
    let (before, after) = page.split_once(DATA).expect("the template has a place for the data");
    output.write_all(before.as_bytes())?;
    let packed = GzEncoder::new(EncoderWriter::new(output, &STANDARD), Compression::best());
    let mut packed = io::BufWriter::with_capacity(1 << 16, packed);
    serde_json::to_writer(&mut packed, head)?;
    packed.write_all(b"\n")?;
    jsonl::write(&history.header, &history.events, &mut packed)?;
    let packed = packed.into_inner().map_err(io::IntoInnerError::into_error)?;
    packed.finish()?.finish()?.write_all(after.as_bytes())
}

/// The page without its data.
fn page(title: &str) -> String {
    let filled = FILES
        .iter()
        .fold(TEMPLATE.to_owned(), |page, (name, text)| page.replacen(&format!("/*{{{name}}}*/"), text, 1));
    filled.replace(TITLE, &title.replace('&', "&amp;").replace('<', "&lt;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_the_template_is_filled_in_its_order() {
        let places: Vec<&str> = TEMPLATE
            .split("/*{")
            .skip(1)
            .map(|rest| rest.split_once("}*/").expect("a place has an end").0)
            .collect();
        let names: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(places, names);
        let page = page("a < b & c");
        assert_eq!(page.matches("a &lt; b &amp; c").count(), 2);
        assert_eq!(page.matches(DATA).count(), 1, "no script names the place of the data");
        assert!(!page.contains("/*{"), "nothing is left open");
    }

    /// It works offline: nothing in it is fetched from anywhere.
    #[test]
    fn the_page_loads_nothing() {
        let page = page("");
        for link in ["src=", "@import", "fetch(", "XMLHttpRequest", "url("] {
            assert!(!page.contains(link), "{link}");
        }
    }
}
