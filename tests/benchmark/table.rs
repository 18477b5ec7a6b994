//! The one table that is printed.

use std::fmt;
use std::time::Duration;

use comfy_table::{CellAlignment, presets};

use crate::samples::Samples;

/// Figures of all parts of a run. Those of one kind stand together, whenever they were added.
pub(crate) struct Table(Vec<[String; 7]>);

/// What a figure should reach, and whether it does.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    words: String,
    met: bool,
}

impl Mark {
    /// Reached by a value not above `most`.
    pub(crate) fn at_most(value: u64, most: u64, words: String) -> Self {
        Self {
            words,
            met: value <= most,
        }
    }

    /// Reached by a value below `limit`.
    pub(crate) fn below(value: u64, limit: u64, words: String) -> Self {
        Self {
            words,
            met: value < limit,
        }
    }
}

impl Table {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    /// Times in nanoseconds.
    pub(crate) fn add_times(
        &mut self,
        figure: &str,
        of: &str,
        samples: &Samples,
        mark: Option<Mark>,
    ) {
        let numbers = [time(samples.median()), time(samples.p99())];
        self.add(figure, of, numbers, samples.count(), mark);
    }

    /// Whole numbers of which more is better; their bad end is what 99 of 100 exceed.
    pub(crate) fn add_rates(
        &mut self,
        figure: &str,
        of: &str,
        samples: &Samples,
        mark: Option<Mark>,
    ) {
        let numbers = [samples.median().to_string(), samples.p1().to_string()];
        self.add(figure, of, numbers, samples.count(), mark);
    }

    /// One size in bytes.
    pub(crate) fn add_size(&mut self, figure: &str, of: &str, bytes: u64, mark: Option<Mark>) {
        self.add(figure, of, [size(bytes), "–".to_owned()], 1, mark);
    }

    /// One figure in words.
    pub(crate) fn add_words(&mut self, figure: &str, of: &str, words: String, mark: Option<Mark>) {
        self.add(figure, of, [words, "–".to_owned()], 1, mark);
    }

    fn add(
        &mut self,
        figure: &str,
        of: &str,
        [median, p99]: [String; 2],
        count: usize,
        mark: Option<Mark>,
    ) {
        let (words, verdict) = mark.map_or((String::new(), ""), |mark| {
            (mark.words, if mark.met { "met" } else { "missed" })
        });
        eprintln!("    {figure}, {of}: {median} ({p99}) {verdict}");
        let row = [
            figure,
            of,
            &median,
            &p99,
            &count.to_string(),
            &words,
            verdict,
        ];
        let behind = self.0.iter().rposition(|other| other[0] == figure);
        let place = behind.map_or(self.0.len(), |last| last + 1);
        self.0.insert(place, row.map(str::to_owned));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_header(["figure", "of", "median", "p99", "n", "mark", ""]);
        for column in 2..5 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut above = "";
        for row in &self.0 {
            let [figure, rest @ ..] = row;
            let shown = if figure == above { "" } else { figure };
            table.add_row(std::iter::once(shown).chain(rest.iter().map(String::as_str)));
            above = figure;
        }
        table.fmt(formatter)
    }
}

/// Nanoseconds for people.
pub(crate) fn time(nanoseconds: u64) -> String {
    let duration = Duration::from_nanos(nanoseconds);
    match nanoseconds {
        0 => "0".to_owned(),
        1..1_000_000 => format!("{} µs", duration.as_micros()),
        1_000_000..1_000_000_000 => format!("{:.2} ms", duration.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", duration.as_secs_f64()),
    }
}

/// Bytes for people, in the units that the marks are given in: a MB is a million bytes.
pub(crate) fn size(bytes: u64) -> String {
    let kilobytes = bytes.div_ceil(10_000);
    format!("{}.{:02} MB", kilobytes / 100, kilobytes % 100)
}
