//! Findings as annotations of GitHub Actions: they stand beside the change that a job is about. They go to the standard error, which is
//! read there too, so that what is on the standard output stays as it is.

use std::env;
use std::fmt::Write;

use crate::say::tell;

/// Something wrong, for whoever looks at the job.
pub(crate) struct Annotation<'a> {
    /// What is wrong, in a few words.
    pub(crate) title: String,
    /// What happened, in sentences.
    pub(crate) message: String,
    /// Where it stands, if it stands in a file: its line, from 1.
    pub(crate) place: Option<(&'a str, usize)>,
}

/// Tells them, in a job of GitHub Actions; elsewhere nothing happens.
pub(crate) fn annotate<'a>(all: impl IntoIterator<Item = Annotation<'a>>) {
    if env::var_os("GITHUB_ACTIONS").is_some_and(|set| set == "true") {
        all.into_iter().for_each(|annotation| tell(format_args!("{}\n", line(&annotation))));
    }
}

/// As the workflow command is written.
fn line(Annotation { title, message, place }: &Annotation<'_>) -> String {
    let mut text = String::from("::error ");
    if let Some((file, line)) = place {
        write!(text, "file={},line={line},", property(file)).expect("writing to a string succeeds");
    }
    write!(text, "title={}::{}", property(title), data(message)).expect("writing to a string succeeds");
    text
}

/// What would end a line, or begin an escape.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What would end a property beside that.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_one_line_whatever_it_says() {
        let annotation = Annotation {
            title: "cron broke F1: late, or never".to_owned(),
            message: "100 % of it.\nreplay: reveille replay cron 1".to_owned(),
            place: Some(("a,b.jsonl", 7)),
        };
        assert_eq!(
            line(&annotation),
            "::error file=a%2Cb.jsonl,line=7,title=cron broke F1%3A late%2C or never::100 %25 of it.%0Areplay: reveille replay cron 1"
        );
    }
}
