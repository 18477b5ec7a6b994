//! `vrwatch man`: the manual page on stdout, with every command in it.

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
            .filter(|one| one.get_id() != "help")
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
