//! Decides what one section can only mean, or tells why that cannot be known.

use std::collections::{HashMap, HashSet};

use document::shown;
use monitor::config::{Argument, Name, PidFile, ProcessName, default_argument};

use super::{
    Listed, PID_FILE, PROCESS, Reader, SERVICE, SETTLE, Said, Value, base, bears_name, names_borne,
    same,
};

/// Pid files that do not bear the name of their own section's process, but that of another
/// section's. They are probably that section's newer pid file.
#[derive(Default)]
pub(super) struct Strays {
    by_process: HashMap<String, Value>,
    lines: HashSet<u32>,
}

impl Strays {
    pub(super) fn find(all: &[Said<'_>]) -> Self {
        let processes: HashSet<&str> = all
            .iter()
            .filter_map(|said| said.processes.first())
            .map(|process| base(&process.text))
            .collect();
        let mut strays = Self::default();
        for said in all {
            let own = said.processes.first().map(|own| own.text.as_str());
            for pid_file in &said.pid_files {
                if own.is_some_and(|own| bears_name(&pid_file.text, own)) {
                    continue;
                }
                for process in names_borne(&pid_file.text) {
                    if processes.contains(process) {
                        strays.lines.insert(pid_file.line);
                        strays
                            .by_process
                            .insert(process.to_owned(), pid_file.clone());
                    }
                }
            }
        }
        strays
    }
}

/// What the restart command calls the service.
enum Restarted<'a> {
    By(&'a Value),
    /// The section does not say it.
    ByProcessName,
}

impl Reader<'_> {
    /// The one service that the section can only mean, or `None` after telling why not.
    pub(super) fn decide(&mut self, said: &Said<'_>, strays: &Strays) -> Option<Listed> {
        if said.broken {
            return None;
        }
        let line = said.section.line;
        let name = self.sound(said, line, "", Name::try_from(said.section.name.clone()))?;
        let process = said
            .processes
            .first()
            .or_else(|| self.missing(said, PROCESS))?;
        let pid_file = self.choose_pid_file(said, process, strays)?;
        let service = self.choose_service(said, process)?;
        let (process_line, pid_file_line) = (process.line, pid_file.line);
        let process = ProcessName::try_from(process.text.clone());
        let process = self.sound(said, process_line, PROCESS, process)?;
        let pid_file = PidFile::try_from(pid_file.text.clone());
        let pid_file = self.sound(said, pid_file_line, PID_FILE, pid_file)?;
        let argument = if let Restarted::By(service) = service {
            let argument = Argument::try_from(service.text.clone());
            self.sound(said, service.line, SERVICE, argument)?
        } else {
            let argument = self.sound(said, line, SERVICE, default_argument(&process))?;
            let message = format!(
                "[{}] has no {SERVICE}; `{}` is restarted for it",
                name.as_str(),
                argument.as_str()
            );
            self.tell(line, SERVICE, message, &format!("add {SERVICE}=…"));
            argument
        };
        Some(Listed {
            name,
            process,
            pid_file,
            argument,
            line,
        })
    }

    fn choose_pid_file<'s>(
        &mut self,
        said: &'s Said<'_>,
        process: &Value,
        strays: &Strays,
    ) -> Option<&'s Value> {
        let first = said
            .pid_files
            .first()
            .or_else(|| self.missing(said, PID_FILE))?;
        // CloudStack writes the process first; one below the pid file came later, for whomever.
        let doubtful = said.pid_files.len() > 1
            || said.processes.len() > 1
            || process.line > first.line
            || strays.lines.contains(&first.line);
        let mut fitting = said
            .pid_files
            .iter()
            .filter(|pid_file| bears_name(&pid_file.text, &process.text));
        let others_claim = |pid_file: &Value| {
            let mut others = said.processes.iter().skip(1);
            others.any(|other| bears_name(&pid_file.text, &other.text))
        };
        let chosen = match (doubtful, fitting.next(), fitting.next()) {
            (false, ..) => first,
            (true, Some(only), None) if !others_claim(only) => only,
            _ => {
                self.refuse_ambiguous(said);
                return None;
            }
        };
        if let Some(stray) = strays.by_process.get(base(&process.text))
            && !same(PID_FILE, &stray.text, &chosen.text)
        {
            let message = format!(
                "`{}` stands under another section, but seems to be the newer pid file of [{}] (line {}), which is not watched",
                shown(&stray.text),
                shown(&said.section.name),
                said.section.line
            );
            self.tell(stray.line, PID_FILE, message, SETTLE);
            return None;
        }
        for other in &said.pid_files {
            if other.line != chosen.line {
                self.passed_over(said, PID_FILE, other, chosen);
            }
        }
        for other in said.processes.iter().skip(1) {
            self.passed_over(said, PROCESS, other, process);
        }
        Some(chosen)
    }

    fn choose_service<'s>(&mut self, said: &'s Said<'_>, process: &Value) -> Option<Restarted<'s>> {
        let process = base(&process.text);
        let below = |service: &Value| {
            let pid_file = said.pid_files.first();
            pid_file.is_some_and(|pid_file| service.line > pid_file.line)
        };
        match said.services.as_slice() {
            [] => return Some(Restarted::ByProcessName),
            [only] if !below(only) => return Some(Restarted::By(only)),
            _ => {}
        }
        let mut fitting = said.services.iter().filter(|service| {
            process.starts_with(&service.text) || service.text.starts_with(process)
        });
        let (Some(chosen), None) = (fitting.next(), fitting.next()) else {
            self.refuse_ambiguous(said);
            return None;
        };
        for other in &said.services {
            if other.line != chosen.line {
                self.passed_over(said, SERVICE, other, chosen);
            }
        }
        Some(Restarted::By(chosen))
    }

    fn refuse_ambiguous(&mut self, said: &Said<'_>) {
        let name = shown(&said.section.name);
        let mut told = false;
        for (key, values) in [
            (PROCESS, &said.processes),
            (SERVICE, &said.services),
            (PID_FILE, &said.pid_files),
        ] {
            if let [first, .., last] = values.as_slice() {
                let message = format!(
                    "[{name}] has more than one {key} (`{}` on line {}, `{}` on line {}), so it is not watched",
                    shown(&first.text),
                    first.line,
                    shown(&last.text),
                    last.line
                );
                self.tell(last.line, key, message, SETTLE);
                told = true;
            }
        }
        if !told {
            let message = format!(
                "[{name}] may have lines that belong to another section, so it is not watched"
            );
            self.tell(said.section.line, "", message, SETTLE);
        }
    }

    fn passed_over(&mut self, said: &Said<'_>, key: &str, value: &Value, chosen: &Value) {
        let message = format!(
            "`{}` does not belong under [{}], which has `{}` (line {}); passed over",
            shown(&value.text),
            shown(&said.section.name),
            shown(&chosen.text),
            chosen.line
        );
        let hint = "CloudStack adds changed lines at the end of the file: move it to its section";
        self.tell(value.line, key, message, hint);
    }

    fn missing<T>(&mut self, said: &Said<'_>, key: &str) -> Option<T> {
        let message = format!(
            "[{}] has no {key}, so it is not watched",
            shown(&said.section.name)
        );
        let hint = "CloudStack leaves a line out that stands elsewhere in the file already: add it";
        self.tell(said.section.line, key, message, hint);
        None
    }

    fn sound<T>(
        &mut self,
        said: &Said<'_>,
        line: u32,
        key: &str,
        checked: Result<T, String>,
    ) -> Option<T> {
        match checked {
            Ok(sound) => Some(sound),
            Err(problem) => {
                let message = format!("{problem}; [{}] is not watched", shown(&said.section.name));
                self.tell(line, key, message, "repair the line");
                None
            }
        }
    }
}
