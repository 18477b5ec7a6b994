//! Reads `vrwatch.toml` and what it refers to. All that is wrong is collected, so that one run of
//! `check-config` shows it all.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use channel::config::Journal;
use document::file::{self, ReadError};
use document::sink::{self, Source, Syslog};
use document::{Document, List, Problem, Problems, shown};
use monitor::Service;
use monitor::config::Monitor;
use serde::Deserialize;
use sinks::Host;

use super::manager::{self, Manager};
use super::{Config, Loaded, services};

/// The top-level tables.
const TABLES: [&str; 7] = [
    "router", "monitor", "manager", "journal", "control", "service", "sink",
];
/// Tables that a later version will know.
const NOT_YET: [&str; 1] = ["metrics"];

/// The longest path of a socket, in bytes. Source: `sun_path` of unix(7), less the final NUL.
const LONGEST_SOCKET_PATH: usize = 107;
/// The longest router name, in bytes. Source: HOSTNAME of RFC 5424 §6.
const LONGEST_ROUTER_NAME: usize = 255;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [router]")]
struct Router {
    name: Option<RouterName>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct RouterName(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "the table [control]")]
struct Control {
    socket: SocketPath,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct SocketPath(PathBuf);

impl Default for Control {
    fn default() -> Self {
        Self {
            socket: SocketPath(PathBuf::from("/run/vrwatch/control.sock")),
        }
    }
}

impl TryFrom<String> for RouterName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = text.chars().all(|letter| letter.is_ascii_graphic());
        if text.is_empty() || text.len() > LONGEST_ROUTER_NAME || !fits {
            return Err(format!(
                "`{}` is no router name: use 1 to {LONGEST_ROUTER_NAME} ASCII letters, digits and signs without spaces",
                shown(&text)
            ));
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for SocketPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let problem = if !text.starts_with('/') || text.ends_with('/') {
            "write the whole path of a file, from /"
        } else if text.chars().any(char::is_control) {
            "it holds control characters"
        } else if text.len() > LONGEST_SOCKET_PATH {
            "the path of a socket must not be longer than 107 bytes"
        } else {
            return Ok(Self(PathBuf::from(text)));
        };
        Err(format!("`{}` cannot be used: {problem}", shown(&text)))
    }
}

/// Reads the configuration in this file, and CloudStack's files that it refers to.
///
/// # Errors
/// All that makes it unusable.
pub(crate) fn load(path: &Path) -> Result<Loaded, Problems> {
    load_with(path, StandIns::default())
}

/// Files that are looked at instead of those that the configuration names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StandIns<'a> {
    /// Instead of CloudStack's list of services.
    pub(crate) services: Option<&'a Path>,
    /// Instead of CloudStack's switch for all monitoring.
    pub(crate) monitorservice: Option<&'a Path>,
}

/// The same with files that are not in their places yet.
///
/// # Errors
/// All that makes it unusable.
pub(crate) fn load_with(path: &Path, stand_ins: StandIns<'_>) -> Result<Loaded, Problems> {
    let contents = file::read(path).map_err(|error| {
        Problems(vec![match error {
            ReadError::Absent => Problem::of_file(path, "there is no such file")
                .hint("copy the sample vrwatch.toml there, or name another file with --config"),
            ReadError::Unusable(problem) => problem,
        }])
    })?;
    let mut warnings = List::default();
    if let Some(warning) = contents.warning {
        warnings.push(warning);
    }
    compose(path, &contents.bytes, stand_ins, warnings)
}

/// Where a daemon with this configuration is asked, and where its alerts lie.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// What this router is called.
    pub(crate) router: String,
    /// Where `vrwatch status` and its like ask.
    pub(crate) control_socket: PathBuf,
    /// Where alerts are kept.
    pub(crate) journal: PathBuf,
    /// What is wrong with the rest of it.
    pub(crate) mistakes: Option<Problems>,
}

/// Finds the daemon even while its file has mistakes in it: it goes on with the old configuration,
/// and is to be asked what it thinks of the new one. What cannot be read has its default.
///
/// # Errors
/// When there is no such file: then another one was meant.
pub(crate) fn places(path: &Path) -> Result<Places, Problems> {
    let mistakes = match load(path) {
        Ok(Loaded { config, .. }) => {
            return Ok(Places {
                router: config.router,
                control_socket: config.control_socket,
                journal: config.journal.directory,
                mistakes: None,
            });
        }
        Err(mistakes) => mistakes,
    };
    let bytes = match file::read(path) {
        Ok(contents) => contents.bytes,
        Err(ReadError::Absent) => return Err(mistakes),
        Err(ReadError::Unusable(_)) => Vec::new(),
    };
    let mut told_already = List::default();
    let (router, control, journal): (Option<Router>, Option<Control>, Option<Journal>) =
        document::text(path, &bytes)
            .and_then(|text| Document::parse(path, text))
            .map(|document| {
                (
                    document.table("router", &mut told_already),
                    document.table("control", &mut told_already),
                    document.table("journal", &mut told_already),
                )
            })
            .unwrap_or_default();
    let journal: channel::Settings = journal.unwrap_or_default().into();
    Ok(Places {
        router: name_of(router),
        control_socket: control.unwrap_or_default().socket.0,
        journal: journal.directory,
        mistakes: Some(mistakes),
    })
}

/// The configuration of minimal mode, which has no file: CloudStack's list of services, and one
/// syslog.
///
/// # Errors
/// All that makes it unusable, above all a wrong syslog target.
pub(crate) fn minimal(services: &Path, syslog: &str) -> Result<Loaded, Problems> {
    let place = Path::new("(command line)");
    let absolute = std::path::absolute(services).unwrap_or_else(|_| services.to_owned());
    let Some(services) = absolute.to_str() else {
        let message = format!("the path {} is no UTF-8", services.display());
        return Err(Problems(vec![Problem::of_file(place, message)]));
    };
    let text = format!(
        "monitor.services = {}\nsink.minimal.syslog.target = {}\n",
        toml::Value::from(services),
        toml::Value::from(syslog)
    );
    let mut loaded = compose(place, text.as_bytes(), StandIns::default(), List::default())
        .map_err(|Problems(mut problems)| {
            // The lines are those of a text that nobody has seen.
            for problem in &mut problems {
                problem.line = None;
            }
            Problems(problems)
        })?;
    // Nor can anything be doubtful about it: the list is all there is to the configuration.
    for warning in &mut loaded.warnings {
        if warning.file == place {
            *warning = Problem::of_file(&absolute, warning.message.clone())
                .hint("it names no service, or is not there; name the right one with --services");
        }
    }
    Ok(loaded)
}

fn compose(
    path: &Path,
    bytes: &[u8],
    stand_ins: StandIns<'_>,
    mut warnings: List,
) -> Result<Loaded, Problems> {
    let parsed = document::text(path, bytes)
        .and_then(|text| Ok((text, Document::parse(path, text)?)))
        .map_err(|problem| Problems(vec![problem]));
    let (text, document) = parsed?;
    let mut problems = List::default();
    document.check_tables(&TABLES, &NOT_YET, &mut problems);
    let router: Option<Router> = document.table("router", &mut problems);
    let router = name_of(router);
    let journal: Option<Journal> = document.table("journal", &mut problems);
    let control: Option<Control> = document.table("control", &mut problems);
    let monitor: Option<Monitor> = document.table("monitor", &mut problems);
    // With a broken [monitor] the services are looked at with the defaults: to find what is wrong
    // with them, not to watch them.
    let monitor = monitor.unwrap_or_default();
    let manager: Option<Manager> = document.table("manager", &mut problems);
    if manager.as_ref().and_then(Manager::own_file) == Some(path) {
        let message = "this very file would be written over; name one for the list alone";
        problems.push(Problem::of_file(path, message).key("manager.into"));
    }
    let places = StandIns {
        services: Some(
            stand_ins
                .services
                .unwrap_or(manager::list(manager.as_ref(), &monitor)),
        ),
        ..stand_ins
    };
    let found = services::find(&document, &monitor, places, &mut problems, &mut warnings);
    let source = Source {
        file: path.into(),
        text: text.into(),
    };
    let journal: channel::Settings = journal.unwrap_or_default().into();
    let host = Host::new(router.clone(), journal.directory.join("sinks"));
    let sinks = sink::read(&document, &source, &host, Syslog::Required, &mut problems);
    if !problems.is_empty() {
        return Err(Problems(problems.into_vec()));
    }
    for sink in &sinks {
        for name in sink.filter().services() {
            if let Some(hint) = unknown(name, &found.services) {
                let message = format!("no service is called `{}`", shown(name));
                warnings.push(sink.at(&document, "services", message).hint(hint));
            }
        }
    }
    let mut files = vec![
        path.to_owned(),
        monitor.services_file().to_owned(),
        monitor.monitorservice_file().to_owned(),
    ];
    files.extend(manager.as_ref().and_then(Manager::own_file).map(Into::into));
    Ok(Loaded {
        config: Config {
            router,
            services: found.services,
            sweep_every: monitor.sweep_every(),
            means: monitor.means(),
            journal,
            control_socket: control.unwrap_or_default().socket.0,
            sinks,
            fetch: manager.map(|manager| manager.fetch(&monitor, found.settled)),
            files,
        },
        warnings: warnings.into_vec(),
        services_unknown: found.unknown,
        switched_off: found.switched_off,
    })
}

/// What to write instead of a name that is no service's.
fn unknown(name: &str, services: &[Service]) -> Option<String> {
    if services.iter().any(|service| service.name == name) {
        return None;
    }
    let of_process = |service: &&Service| service.target.process == name;
    if let Some(service) = services.iter().find(of_process) {
        return Some(format!("that is the process of `{}`", service.name));
    }
    let names = services.iter().map(|service| service.name.as_str());
    Some(document::meant(name, &names.collect::<Vec<_>>()))
}

fn name_of(router: Option<Router>) -> String {
    router
        .and_then(|router| router.name)
        .map_or_else(host_name, |RouterName(name)| name)
}

/// What the machine calls itself, in what a router name may hold.
fn host_name() -> String {
    let uname = rustix::system::uname();
    let name = OsStr::from_bytes(uname.nodename().to_bytes())
        .to_string_lossy()
        .chars()
        .filter(char::is_ascii_graphic)
        .collect::<String>();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}
