//! Which services are watched: the `[[service]]` tables, then CloudStack's list, unless CloudStack
//! has switched monitoring off.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use document::file::{self, ReadError};
use document::{Document, List, Problem};
use monitor::Service;
use monitor::config::{MOST_SERVICES, Monitor, ServiceTable};
use toml::de::DeValue;

use super::load::StandIns;
use super::monitor_conf::{self, Listed};
use super::monitorservice;

/// A service of a `[[service]]` table and the line of the table.
struct Written {
    service: Service,
    same_file_key: PathBuf,
    line: u32,
}

/// What there is to watch.
pub(crate) struct Found {
    pub(crate) services: Vec<Service>,
    /// The names of those in `[[service]]` tables.
    pub(crate) settled: HashSet<String>,
    /// CloudStack's list is there but cannot be read.
    pub(crate) unknown: bool,
    /// CloudStack wants nothing watched.
    pub(crate) switched_off: bool,
}

/// Finds all services. Mistakes in the tables go to `problems`, doubts to `warnings`.
pub(crate) fn find(
    document: &Document<'_>,
    monitor: &Monitor,
    stand_ins: StandIns<'_>,
    problems: &mut List,
    warnings: &mut List,
) -> Found {
    let written = tables(document, monitor, problems);
    let list = stand_ins.services.unwrap_or(monitor.services_file());
    let settled: HashSet<String> = written
        .iter()
        .map(|written| written.service.name.clone())
        .collect();
    let (listed, unknown) = listed(list, &written, &settled, document.file(), warnings);
    let mut services: Vec<Service> = Vec::new();
    let own_files: HashMap<&PathBuf, &str> = written
        .iter()
        .map(|written| (&written.same_file_key, written.service.name.as_str()))
        .collect();
    let mut kept = Vec::new();
    for listed in listed {
        let (name, line) = (listed.name.as_str(), listed.line);
        if let Some(own) = own_files.get(&listed.pid_file.same_file_key()) {
            let message = format!(
                "[{name}] has the pid file of the [[service]] `{own}`, so it is not watched"
            );
            let hint = format!(
                "give both the same name, or remove one ({})",
                document.file().display()
            );
            warnings.push(Problem::at(list, line, message).key("pidfile").hint(hint));
        } else if written.len() + kept.len() == MOST_SERVICES {
            let message = format!("more than {MOST_SERVICES} services; the rest is not watched");
            warnings.push(Problem::at(list, line, message).hint("remove some"));
            break;
        } else {
            kept.push(monitor.listed_service(
                &listed.name,
                &listed.process,
                &listed.pid_file,
                &listed.argument,
            ));
        }
    }
    services.extend(written.into_iter().map(|written| written.service));
    services.extend(kept);
    let own_switch = monitor.monitorservice_file();
    let switch = stand_ins.monitorservice.unwrap_or(own_switch);
    let switched_off = monitorservice::switched_off(switch, warnings);
    if switched_off {
        warnings.push(
            Problem::of_file(
                switch,
                "nothing is watched, because the switch in it says so",
            )
            .key("disable_monitoring")
            .hint("set it to false to watch again"),
        );
        services.clear();
    } else if services.is_empty() && !unknown {
        warnings.push(
            Problem::of_file(document.file(), "there is nothing to watch").hint(format!(
                "name services in {} or in [[service]] tables",
                list.display()
            )),
        );
    }
    Found {
        services,
        settled,
        unknown,
        switched_off,
    }
}

/// Reads the `[[service]]` tables; duplicates are mistakes here, since one hand wrote them all.
fn tables(document: &Document<'_>, monitor: &Monitor, problems: &mut List) -> Vec<Written> {
    let Some(value) = document.get("service") else {
        return Vec::new();
    };
    let span = value.span();
    let DeValue::Array(items) = value.into_inner() else {
        problems.push(document.at(&span, "this must be an array of tables: write [[service]]"));
        return Vec::new();
    };
    if items.len() > MOST_SERVICES {
        problems.push(document.at(&span, format!("more than {MOST_SERVICES} services")));
        return Vec::new();
    }
    let mut written: Vec<Written> = Vec::new();
    let mut names: HashMap<String, u32> = HashMap::new();
    let mut pid_files: HashMap<PathBuf, (String, u32)> = HashMap::new();
    for item in items {
        let line = document.line(item.span().start);
        let Some(table) = document.read::<ServiceTable>(item, problems) else {
            continue;
        };
        let mistake = |message: String, key: &str| {
            Problem::at(document.file(), line, message).key(format!("service.{key}"))
        };
        let name = table.name().as_str().to_owned();
        let same_file_key = table.pid_file().same_file_key();
        if let Some(first) = names.get(&name) {
            let message = format!("`{name}` is the name of the service of line {first} already");
            problems.push(mistake(message, "name").hint("give each service a name of its own"));
            continue;
        }
        if let Some((other, first)) = pid_files.get(&same_file_key) {
            let message = format!("`{name}` has the same pid file as `{other}` of line {first}");
            problems.push(mistake(message, "pidfile").hint("watch it once"));
            continue;
        }
        match monitor.service(table) {
            Err(message) => problems.push(mistake(message, "service")),
            Ok(service) => {
                names.insert(name.clone(), line);
                pid_files.insert(same_file_key.clone(), (name, line));
                written.push(Written {
                    service,
                    same_file_key,
                    line,
                });
            }
        }
    }
    written
}

/// Reads CloudStack's list; also says whether it is there but unreadable.
fn listed(
    list: &Path,
    written: &[Written],
    settled: &HashSet<String>,
    config: &Path,
    warnings: &mut List,
) -> (Vec<Listed>, bool) {
    let contents = match file::read(list) {
        Ok(contents) => contents,
        Err(ReadError::Absent) => return (Vec::new(), false),
        Err(ReadError::Unusable(problem)) => {
            warnings.push(problem.hint("the services it would name are unknown"));
            return (Vec::new(), true);
        }
    };
    if let Some(warning) = contents.warning {
        warnings.push(warning);
    }
    let read = monitor_conf::read(list, &contents.bytes, settled);
    warnings.append(read.problems);
    for (name, line) in read.overridden {
        let own = written
            .iter()
            .find(|written| written.service.name == name)
            .map_or(0, |written| written.line);
        let message = format!(
            "[{name}] is described in {} (line {own}) too, which is what counts",
            config.display()
        );
        warnings.push(Problem::at(list, line, message).hint("remove one of them to be clear"));
    }
    (read.services, false)
}
