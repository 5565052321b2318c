//! Draws a picture: rows, columns, arrows, the evidence with its numbers, the sentences.

use std::collections::BTreeMap;
use std::fmt::Write;

use reveille_model::history::{Event, History, What};
use textwrap::{Options, WordSplitter};

use super::cast::Cast;
use super::{Message, Subject};
use crate::story;

/// Pixels.
const WIDTH: usize = 980;
const TIME_RIGHT: usize = 84;
const FIRST_COLUMN: usize = 150;
const LAST_COLUMN: usize = 930;
/// Room for the words of a column at its right.
const WORDS: usize = 460;
/// Room for the name of a column.
const NAME: usize = 160;
const HEAD: usize = 92;
const ROW: usize = 30;
const LINE: usize = 19;
/// So wide is a letter of the words at most, in tenths of a pixel.
const LETTER_TENTHS: usize = 72;
const SENTENCE_LETTERS: usize = 128;

/// Light and dark, as whoever looks at it has it.
const STYLE: &str = "\
    text{font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1b1f24}\
    .bg{fill:#fff}.name{font-weight:bold}.faint{fill:#5b6570}.life{stroke:#c9d1d9}\
    .words{paint-order:stroke;stroke:#fff;stroke-width:4px}.proof{fill:#c4210f;font-weight:bold}\
    .arrow{stroke:#2467b5;fill:none;stroke-width:1.5}.answer{stroke-dasharray:5 3}.tip{fill:#2467b5}\
    .run{fill:#b9dcc0}.dot{fill:#5b6570}.seal{fill:#c4210f}.number{fill:#fff;font-weight:bold}\
    .fault{fill:#f4dccb}.title{font:bold 17px system-ui,sans-serif}.rule{fill:#c4210f}\
    .told{font:13.5px system-ui,sans-serif}\
    @media(prefers-color-scheme:dark){text{fill:#e6eaee}.bg{fill:#14181d}.faint{fill:#9aa6b2}.life{stroke:#38424d}\
    .words{stroke:#14181d}.proof{fill:#ff7a66}.arrow{stroke:#69a8f0}.tip{fill:#69a8f0}.run{fill:#25543a}.dot{fill:#9aa6b2}\
    .seal{fill:#ff7a66}.number{fill:#14181d}.fault{fill:#4d3220}.rule{fill:#ff7a66}}";

struct Picture<'a> {
    history: &'a History,
    cast: &'a Cast,
    rows: &'a [usize],
    /// The number of each piece of evidence.
    proof: BTreeMap<usize, usize>,
    columns: Vec<usize>,
    text: String,
}

pub(super) fn svg(
    history: &History,
    subject: &Subject<'_>,
    cast: &Cast,
    rows: &[usize],
    messages: &[Message],
) -> String {
    let names = cast.names(history);
    // Words of the last column stand at its right, if it is no service's.
    let gaps = names.len().saturating_sub(1).max(1);
    let all = LAST_COLUMN - FIRST_COLUMN;
    let room = if cast.ends_with_a_service() { all } else { (all - WORDS).max(gaps * NAME).min(all) };
    let gap = room / gaps;
    let columns = (0..names.len()).map(|column| FIRST_COLUMN + column * gap).collect();
    let proof = subject.evidence.iter().copied().zip(1..).collect();
    let options =
        Options::new(SENTENCE_LETTERS).word_splitter(WordSplitter::NoHyphenation).break_words(false);
    let sentences = textwrap::wrap(subject.sentences, options);
    let bottom = HEAD + rows.len() * ROW;
    let height = bottom + 24 + sentences.len() * LINE;
    let mut picture = Picture { history, cast, rows, proof, columns, text: String::new() };
    picture.put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n<rect class=\"bg\" width=\"{WIDTH}\" height=\"{height}\"/>",
        escaped(&format!("BROKEN: {}. {}", subject.rule, subject.sentences)),
    ));
    let of = subject.object.map_or(String::new(), |object| format!(" by {object}"));
    picture.put(format_args!(
        "<text class=\"title\" x=\"16\" y=\"28\"><tspan class=\"rule\">BROKEN: {}</tspan>{}</text>",
        escaped(subject.rule),
        escaped(&of)
    ));
    picture.heads(&names, bottom);
    picture.runs();
    messages.iter().for_each(|message| picture.arrow(message));
    for row in 0..rows.len() {
        picture.row(row, messages);
    }
    for (line, sentence) in sentences.iter().enumerate() {
        let y = bottom + 24 + line * LINE;
        picture.put(format_args!("<text class=\"told\" x=\"16\" y=\"{y}\">{}</text>", escaped(sentence)));
    }
    picture.text.push_str("</svg>\n");
    picture.text
}

impl Picture<'_> {
    fn put(&mut self, element: impl std::fmt::Display) {
        writeln!(self.text, "{element}").expect("writing to a string succeeds");
    }

    fn event(&self, row: usize) -> &Event {
        &self.history.events[self.rows[row]]
    }

    fn y(row: usize) -> usize {
        HEAD + row * ROW + ROW / 2
    }

    fn x(&self, row: usize) -> Option<usize> {
        self.cast.column(self.event(row)).map(|column| self.columns[column])
    }

    /// The row of an event, by its position in the history.
    fn row_of(&self, index: usize) -> usize {
        self.rows.partition_point(|row| *row < index)
    }

    /// Names over the columns, and a line below each.
    fn heads(&mut self, names: &[(String, String)], bottom: usize) {
        let last = names.len() - 1;
        for (column, (name, sub)) in names.iter().enumerate() {
            let x = self.columns[column];
            let anchor = if column == last && self.cast.ends_with_a_service() { "end" } else { "middle" };
            let at = if anchor == "end" { WIDTH - 16 } else { x };
            self.put(format_args!(
                "<text class=\"name\" x=\"{at}\" y=\"58\" text-anchor=\"{anchor}\">{}</text>\n\
                 <text class=\"faint\" x=\"{at}\" y=\"75\" text-anchor=\"{anchor}\">{}</text>\n\
                 <line class=\"life\" x1=\"{x}\" y1=\"84\" x2=\"{x}\" y2=\"{bottom}\"/>",
                escaped(name),
                escaped(sub)
            ));
        }
    }

    /// A bar while `alarm()` runs, as far as it is in the picture.
    fn runs(&mut self) {
        for row in 0..self.rows.len() {
            let (begin, Some(x)) = (self.rows[row], self.x(row)) else { continue };
            let What::RunStart { run, .. } = &self.event(row).what else { continue };
            let object = self.event(row).by.as_ref().map(|by| by.object.clone());
            let ends = |event: &Event| {
                matches!(&event.what, What::RunEnd { run: ended, .. } if ended == run)
                    && event.by.as_ref().map(|by| &by.object) == object.as_ref()
            };
            let end =
                self.history.events[begin..].iter().position(ends).map_or(usize::MAX, |after| begin + after);
            let last = self.rows.partition_point(|row| *row <= end) - 1;
            let (y, height) = (Self::y(row), Self::y(last) - Self::y(row) + 8);
            self.put(format_args!(
                "<rect class=\"run\" x=\"{}\" y=\"{y}\" width=\"12\" height=\"{height}\" rx=\"3\"/>",
                x - 6
            ));
        }
    }

    fn arrow(&mut self, message: &Message) {
        let (from, to) = (self.row_of(message.from), self.row_of(message.to));
        let (Some(x1), Some(x2)) = (self.x(from), self.x(to)) else { return };
        if x1 == x2 {
            return;
        }
        let (y1, y2) = (Self::y(from), Self::y(to));
        let class = if message.is_answer { "arrow answer" } else { "arrow" };
        // The tip lies along the line: the picture is wider than high, so that this is nearly level.
        let (dx, dy) = (x2 as f64 - x1 as f64, y2 as f64 - y1 as f64);
        let length = dx.hypot(dy);
        let (ux, uy) = (dx / length, dy / length);
        let (x2f, y2f) = (x2 as f64 - ux * 9.0, y2 as f64 - uy * 9.0);
        let (bx, by) = (x2f - ux * 9.0, y2f - uy * 9.0);
        self.put(format_args!(
            "<path class=\"{class}\" d=\"M{x1} {y1}L{bx:.0} {by:.0}\"/>\n\
             <path class=\"tip\" d=\"M{x2f:.0} {y2f:.0}L{:.0} {:.0}L{:.0} {:.0}Z\"/>",
            bx - uy * 4.5,
            by + ux * 4.5,
            bx + uy * 4.5,
            by - ux * 4.5,
        ));
    }

    /// Time, mark and words of a row.
    fn row(&mut self, row: usize, messages: &[Message]) {
        let index = self.rows[row];
        let y = Self::y(row);
        let at = story::seconds(self.event(row).at_ns);
        if row == 0 || story::seconds(self.event(row - 1).at_ns) != at {
            let y = y + 4;
            self.put(format_args!(
                "<text class=\"faint\" x=\"{TIME_RIGHT}\" y=\"{y}\" text-anchor=\"end\">{at}</text>"
            ));
        }
        let what = escaped(&self.words(row));
        let Some(x) = self.x(row) else {
            let (x, top, y) = (TIME_RIGHT + 16, y - 11, y + 4);
            let width = WIDTH - x - 16;
            self.put(format_args!(
                "<rect class=\"fault\" x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"22\" rx=\"3\"/>\n\
                 <text x=\"{}\" y=\"{y}\">{what}</text>",
                x + 8
            ));
            return;
        };
        let number = self.proof.get(&index).copied();
        // What only ends an arrow has no words of its own.
        let ends_arrow = messages.iter().any(|message| message.to == index) && number.is_none();
        if ends_arrow {
            return;
        }
        match number {
            Some(number) => self.put(format_args!(
                "<circle class=\"seal\" cx=\"{x}\" cy=\"{y}\" r=\"9\"/>\n\
                 <text class=\"number\" x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{number}</text>",
                y + 4
            )),
            None => self.put(format_args!("<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"3.5\"/>")),
        }
        let is_last = self.cast.ends_with_a_service() && self.columns.last() == Some(&x);
        let (at, anchor) = if is_last { (x - 15, "end") } else { (x + 15, "start") };
        let class = if number.is_some() { "words proof" } else { "words" };
        let y = y + self.below(row, messages, anchor == "start");
        self.put(format_args!(
            "<text class=\"{class}\" x=\"{at}\" y=\"{y}\" text-anchor=\"{anchor}\">{what}</text>"
        ));
    }

    /// How far below the middle of its row the words' line is: over an arrow that begins there and goes their way, below one that
    /// comes from there.
    fn below(&self, row: usize, messages: &[Message], to_the_right: bool) -> usize {
        let passes =
            |from: usize, to: usize| self.x(from).zip(self.x(to)).filter(|(one, other)| one != other);
        let is_way = |(own, other): (usize, usize)| (other > own) == to_the_right;
        let rows = |message: &Message| (self.row_of(message.from), self.row_of(message.to));
        let begins =
            messages.iter().map(rows).any(|(from, to)| from == row && passes(from, to).is_some_and(is_way));
        let ends =
            messages.iter().map(rows).any(|(from, to)| to == row && passes(to, from).is_some_and(is_way));
        match (begins, ends) {
            (true, _) => 0,
            (false, true) => 15,
            (false, false) => 4,
        }
    }

    /// What happened, as long as there is room for it.
    fn words(&self, row: usize) -> String {
        let event = self.event(row);
        let told = story::sentence(self.history, event);
        let told =
            event.by.as_ref().map_or_else(|| told.clone(), |by| story::of_it(told.clone(), &by.object.0));
        let told = told.split("  [operation").next().unwrap_or_default().to_owned();
        let room = match self.cast.column(event) {
            None => WIDTH - TIME_RIGHT - 48,
            Some(_) if self.columns.len() < 2 => WIDTH - FIRST_COLUMN - 32,
            Some(0) => self.columns[1] - self.columns[0] - 32,
            Some(column) => {
                (WIDTH - self.columns[column]).max(self.columns[column] - self.columns[column - 1]) - 32
            }
        };
        let letters = room * 10 / LETTER_TENTHS;
        if told.chars().count() <= letters {
            return told;
        }
        let begin: String = told.chars().take(letters.saturating_sub(1)).collect();
        format!("{}…", begin.trim_end())
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
