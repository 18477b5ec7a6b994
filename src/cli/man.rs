//! `vrwatch man`: the manual page on stdout, with every command in it.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::CommandFactory as _;
use terminal::manual;

use super::{Cli, CommandError, Done, output};

pub(super) fn run() -> Result<Done, CommandError> {
    let page = page().map_err(|problem| {
        CommandError::Failed(format!("the manual page cannot be made: {problem}"))
    })?;
    output::raw(&page)?;
    Ok(Done::Well)
}

/// The file with every key of the configuration but the sinks', which have samples of their own.
const CONFIGURATION: &str = include_str!("../../config/vrwatch.toml");

/// What is where, unless the configuration says otherwise.
const FILES: [(&str, &str); 7] = [
    ("/etc/vrwatch/vrwatch.toml", "the configuration"),
    ("/etc/monitor.conf", "CloudStack's list of services"),
    (
        "/etc/cloudstack/monitorservice.json",
        "CloudStack's settings; disable_monitoring is honoured",
    ),
    (
        "/var/lib/vrwatch",
        "the journal of alerts, and how far each sink is",
    ),
    (
        "/run/vrwatch/control.sock",
        "where status, hold and release ask the daemon",
    ),
    ("/run/vrwatch/lock", "keeps a second instance out"),
    (
        "/etc/unmonit_psList.txt",
        "the hold-offs of once \\-\\-minimal, in the original's format",
    ),
];

/// What the exit codes mean.
const EXITS: [(u8, &str); 4] = [
    (0, "done"),
    (
        1,
        "a service stays down, nothing is watched, nothing was delivered, or it did not work out",
    ),
    (2, "wrong usage or configuration"),
    (75, "another instance holds the lock"),
];

fn page() -> io::Result<Vec<u8>> {
    manual::page(&Cli::command(), more, &EXITS)
}

/// What there is to say beside the commands.
fn more(page: &mut Vec<u8>) -> io::Result<()> {
    writeln!(page, ".SH CONFIGURATION")?;
    writeln!(page, ".nf\n{}\n.fi", literal(CONFIGURATION))?;
    writeln!(page, ".SH WAYS TO BE TOLD")?;
    for kind in sinks::KINDS {
        writeln!(page, ".SS [sink.NAME.{}]", kind.name)?;
        writeln!(page, "{}", literal(kind.summary))?;
        writeln!(page, ".PP\n.nf\n{}\n.fi", literal(kind.sample))?;
    }
    writeln!(page, ".SH FILES")?;
    for (file, what) in FILES {
        writeln!(page, ".TP\n\\fI{file}\\fR\n{what}")?;
    }
    Ok(())
}

/// Text that roff takes as it stands: no line is a request, and nothing in it an escape.
fn literal(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.trim_end().chars() {
        match letter {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            ascii if ascii.is_ascii() => escaped.push(ascii),
            other => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\[u{:04X}]", u32::from(other));
            }
        }
    }
    let lines = escaped.lines().map(|line| match line.strip_prefix('.') {
        Some(rest) => format!("\\&.{rest}"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_the_manual_and_every_way_to_be_told() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        for line in CONFIGURATION.lines() {
            assert!(page.contains(&literal(line)), "{line}");
        }
        for kind in sinks::KINDS {
            assert!(page.contains(&format!(".SS [sink.NAME.{}]", kind.name)));
            for line in kind.sample.lines() {
                assert!(page.contains(&literal(line)), "{}: {line}", kind.name);
            }
        }
    }

    #[test]
    fn no_text_is_taken_for_a_request_of_roff() {
        assert_eq!(
            literal(".so a\n'b\\c-d…\n"),
            "\\&.so a\n\\(aqb\\ec\\-d\\[u2026]"
        );
    }
}
