//! Tables for people, and lines of JSON for scripts.

use comfy_table::{Table, presets};
use serde::Serialize;
use terminal::output::{self, Audience};

use super::CommandError;

/// Prints rows: a table, or with `--json` one line each.
pub(super) fn show<T: Serialize, const COLUMNS: usize>(
    json: bool,
    header: [&str; COLUMNS],
    rows: &[T],
    cells: impl Fn(&T) -> [String; COLUMNS],
) -> Result<(), CommandError> {
    if json {
        for row in rows {
            if output::print_json(row)? == Audience::Left {
                break;
            }
        }
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        // What a router or a file says must not break the table or steer a terminal.
        table.add_row(cells(row).map(|cell| contract::clean::line(&cell)));
    }
    output::print(&format!("{}\n", table.trim_fmt()))?;
    Ok(())
}

/// What is not there.
pub(super) fn or_dash(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

/// A word for yes and none for no.
pub(super) fn if_so(so: bool, word: &str) -> String {
    if so { word.to_owned() } else { "-".to_owned() }
}
