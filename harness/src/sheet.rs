//! What text is set on: so wide a sheet, with colours or without. A terminal says how wide it is; a pipe, a file and a test have a hundred
//! columns and no colour, so that what is kept does not depend on where it was made.

use std::fmt::Display;
use std::io;

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use terminal_size::{Width, terminal_size_of};
use textwrap::{Options, WordSeparator, WordSplitter};

/// A sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sheet {
    width: usize,
    is_coloured: bool,
}

/// How wide a sheet is where nothing says it, in columns.
const WIDTH: usize = 100;
/// Narrower than this nothing can be read, and longer lines than that nobody reads.
const WIDTH_MIN: usize = 40;
const SENTENCE_MAX: usize = 120;

/// What a piece of text is, for whoever sees colours. Nothing is told by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Something is broken, or not as expected.
    Broken,
    /// It is as it should be.
    Fine,
    /// What matters among what stands around it.
    Strong,
    /// What stands around it.
    Faint,
    /// What can be copied into a shell.
    Command,
}

impl Ink {
    fn style(self) -> Style {
        let of = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Broken => of(AnsiColor::Red).bold(),
            Self::Fine => of(AnsiColor::Green),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Command => of(AnsiColor::Cyan),
        }
    }
}

impl Sheet {
    /// That of what is kept.
    pub const PLAIN: Self = Self { width: WIDTH, is_coloured: false };

    /// A sheet of so many columns, at least forty, without colour.
    pub fn of_width(width: usize) -> Self {
        Self { width: width.max(WIDTH_MIN), is_coloured: false }
    }

    /// That of the standard output: as wide as its terminal. It has colours if that is asked for, or left to the terminal and to
    /// NO_COLOR, CLICOLOR and TERM.
    pub(crate) fn of_stdout(colour: ColorChoice) -> Self {
        let width = terminal_size_of(io::stdout()).map_or(WIDTH, |(Width(width), _)| usize::from(width));
        let is_coloured = match colour {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
        };
        Self { is_coloured, ..Self::of_width(width) }
    }

    /// How wide it is, in columns.
    pub(crate) fn width(self) -> usize {
        self.width
    }

    /// Whether it takes colours.
    pub(crate) fn is_coloured(self) -> bool {
        self.is_coloured
    }

    /// Text in this ink.
    pub(crate) fn ink(self, ink: Ink, text: impl Display) -> String {
        if !self.is_coloured {
            return text.to_string();
        }
        let style = ink.style();
        format!("{style}{text}{style:#}")
    }

    /// Sentences, wrapped and indented by two.
    pub fn sentences(self, text: &str) -> String {
        self.wrapped(text, "  ", "  ")
    }

    /// A paragraph, wrapped; its lines after the first are indented by two.
    pub(crate) fn paragraph(self, text: &str) -> String {
        self.wrapped(text, "", "  ")
    }

    fn wrapped(self, text: &str, first: &str, further: &str) -> String {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let options = options(self.width.min(SENTENCE_MAX)).initial_indent(first).subsequent_indent(further);
        textwrap::fill(&text, options)
    }

    /// Text in the last column of several, which begins at `column`: its lines. What is longer than a line, as the body of a request, is
    /// broken where the line ends.
    pub(crate) fn column(self, text: &str, column: usize) -> Vec<String> {
        const COLUMN_MIN: usize = 20;
        let width = self.width.saturating_sub(column).max(COLUMN_MIN);
        textwrap::wrap(text, options(width).break_words(true))
            .into_iter()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }
}

/// Lines of sentences are broken between words alone: what is longer than a line, as a URL, can be copied.
fn options(width: usize) -> Options<'static> {
    Options::new(width)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_a_long_word_stays_whole() {
        let narrow = Sheet::of_width(40);
        assert_eq!(
            narrow.sentences(
                "It never reached\n  http://example.com/some-upstream-service, and nobody was told."
            ),
            "  It never reached\n  http://example.com/some-upstream-service,\n  and nobody was told."
        );
        assert_eq!(narrow.paragraph("a b"), "a b");
        assert_eq!(narrow.column("one two three four five six", 22), ["one two three four", "five six"]);
        let body = r#"["item-0","item-17","item-20"]"#;
        let broken = narrow.column(body, 16);
        assert!(broken.iter().all(|line| line.len() <= 24) && broken.concat() == body, "{broken:?}");
        assert_eq!(Sheet::of_width(3).width(), 40);
    }

    #[test]
    fn colours_are_there_where_they_are_asked_for_and_take_no_room() {
        assert_eq!(Sheet::PLAIN.ink(Ink::Broken, "F1"), "F1");
        let coloured = Sheet { is_coloured: true, width: 40 };
        let text = coloured.ink(Ink::Broken, "F1");
        assert!(text.starts_with('\u{1b}') && text.contains("F1") && text.ends_with("\u{1b}[0m"), "{text:?}");
        let words = vec![coloured.ink(Ink::Strong, "word"); 8].join(" ");
        assert_eq!(coloured.sentences(&words).lines().count(), 2, "escapes have no width");
    }
}
