//! `vrwatch man`: the manual page on stdout, with every command in it.

use std::fmt::Write as _;
use std::io::Write;

use clap::CommandFactory;

use super::{Cli, CommandError, Done, output};

pub(super) fn run() -> Result<Done, CommandError> {
    let mut page = Vec::new();
    render(&mut page).map_err(|problem| {
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

fn render(page: &mut Vec<u8>) -> std::io::Result<()> {
    let command = Cli::command();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    writeln!(page, ".SH COMMANDS")?;
    for subcommand in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        let about = subcommand.get_about().map(ToString::to_string);
        writeln!(page, ".SS {}", subcommand.get_name())?;
        writeln!(page, "{}", about.unwrap_or_default())?;
        for argument in subcommand
            .get_arguments()
            .filter(|one| one.get_id() != "help" && !one.is_hide_set())
        {
            let name = argument.get_long().map_or_else(
                || argument.get_id().to_string(),
                |long| format!("\\-\\-{long}"),
            );
            writeln!(page, ".TP\n\\fB{name}\\fR")?;
            let help = argument.get_help().map(ToString::to_string);
            writeln!(page, "{}", help.unwrap_or_default())?;
        }
    }
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
    writeln!(page, ".SH EXIT STATUS")?;
    for (code, meaning) in [
        (0, "done"),
        (
            1,
            "a service stays down, nothing is watched, nothing was delivered, or it did not work out",
        ),
        (2, "wrong usage or configuration"),
        (75, "another instance holds the lock"),
    ] {
        writeln!(page, ".TP\n\\fB{code}\\fR\n{meaning}")?;
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
        let mut page = Vec::new();
        render(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
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
