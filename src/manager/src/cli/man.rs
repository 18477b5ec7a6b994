//! `vrwatch-manager man`: the manual page on stdout, with every command in it.

use std::io::{self, Write};

use clap::{Command, CommandFactory as _};
use terminal::output;

use super::{Cli, CommandError, Done};

pub(super) fn run() -> Result<Done, CommandError> {
    let mut page = Vec::new();
    render(&mut page).map_err(|problem| {
        CommandError::Failed(format!("the manual page cannot be made: {problem}"))
    })?;
    output::raw(&page)?;
    Ok(Done::Well)
}

fn render(page: &mut Vec<u8>) -> io::Result<()> {
    let command = Cli::command();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    writeln!(page, ".SH COMMANDS")?;
    commands(page, &command, "")?;
    writeln!(page, ".SH EXIT STATUS")?;
    for (code, meaning) in [
        (0, "done"),
        (
            1,
            "it did not work out, or a router does not have what it was sent",
        ),
        (2, "wrong usage or configuration"),
    ] {
        writeln!(page, ".TP\n\\fB{code}\\fR\n{meaning}")?;
    }
    Ok(())
}

fn commands(page: &mut Vec<u8>, command: &Command, before: &str) -> io::Result<()> {
    for one in command
        .get_subcommands()
        .filter(|one| one.get_name() != "help")
    {
        let name = format!("{before}{}", one.get_name());
        if one.has_subcommands() {
            commands(page, one, &format!("{name} "))?;
            continue;
        }
        writeln!(page, ".SS {name}")?;
        let about = one.get_about().map(ToString::to_string);
        writeln!(page, "{}", about.unwrap_or_default())?;
        for argument in one.get_arguments().filter(|it| it.get_id() != "help") {
            let name = argument.get_long().map_or_else(
                || argument.get_id().to_string(),
                |long| format!("\\-\\-{}", long.replace('-', "\\-")),
            );
            let help = argument.get_help().map(ToString::to_string);
            writeln!(page, ".TP\n\\fB{name}\\fR\n{}", help.unwrap_or_default())?;
        }
    }
    Ok(())
}
