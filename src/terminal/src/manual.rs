//! The manual page of a program, with every command in it.

use std::io::{self, Write as _};

use clap::Command;

/// The page: what clap knows, `more` of the program's own, and what the exit codes mean. A section of
/// its own for each command on one page is what `clap_mangen` does not do.
///
/// # Errors
/// When the page cannot be made.
pub fn page(
    command: &Command,
    more: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    exits: &[(u8, &str)],
) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    writeln!(page, ".SH COMMANDS")?;
    commands(&mut page, command, "")?;
    more(&mut page)?;
    writeln!(page, ".SH EXIT STATUS")?;
    for (code, meaning) in exits {
        writeln!(page, ".TP\n\\fB{code}\\fR\n{meaning}")?;
    }
    Ok(page)
}

/// `before` are the commands that these are part of.
fn commands(page: &mut Vec<u8>, command: &Command, before: &str) -> io::Result<()> {
    let shown = command.get_subcommands().filter(|one| !one.is_hide_set());
    for one in shown.filter(|one| one.get_name() != "help") {
        let name = format!("{before}{}", one.get_name());
        if one.has_subcommands() {
            commands(page, one, &format!("{name} "))?;
            continue;
        }
        let about = one.get_about().map(ToString::to_string);
        writeln!(page, ".SS {name}\n{}", about.unwrap_or_default())?;
        let shown = one.get_arguments().filter(|one| !one.is_hide_set());
        for argument in shown.filter(|one| one.get_id() != "help") {
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

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn commands_within_commands_are_named_whole_and_what_is_hidden_is_not_there() {
        let add = Command::new("add").about("Add one.").arg(
            Arg::new("retire-old")
                .long("retire-old")
                .help("End the older."),
        );
        let program = Command::new("office")
            .subcommand(Command::new("router").subcommand(add))
            .subcommand(Command::new("secret").hide(true));
        let more = |page: &mut Vec<u8>| writeln!(page, ".SH FILES");
        let page = page(&program, more, &[(0, "done"), (2, "wrong usage")]).unwrap();
        let page = String::from_utf8(page).unwrap();
        let told = ".SH COMMANDS\n.SS router add\nAdd one.\n.TP\n\\fB\\-\\-retire\\-old\\fR\n\
            End the older.\n.SH FILES\n.SH EXIT STATUS\n.TP\n\\fB0\\fR\ndone\n.TP\n\\fB2\\fR\n\
            wrong usage\n";
        assert!(page.ends_with(told), "{page}");
    }
}
