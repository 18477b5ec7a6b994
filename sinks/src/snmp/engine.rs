//! Our SNMP engine: its id, and how often it has started. A receiver of v3 traps drops whatever does
//! not fit what it remembers of an engine, without a word, so both are on disk before anything is
//! sent, and the number of starts only rises.
//!
//! - An id that the configuration names stays. When the count is lost, it starts anew from the
//!   clock (seconds since 2020), which is more than any count of starts before.
//! - An id of our making goes with its count: when the file is lost or damaged, a new engine starts,
//!   because the old one with a lower count would not be heard.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};

use super::engine_id::EngineId;
use crate::file::{self, FileError};

/// The first word of the file: what it is, and the version of its layout.
const HEADER: &str = "vrwatch-snmp-engine-1";
/// The most that the file may have; bytes.
const LARGEST: u64 = 4096;
/// The most starts that an engine may have had. Source: RFC 3414 §2.2.2.
const MOST_BOOTS: u32 = i32::MAX.unsigned_abs();
/// 2020-01-01T00:00:00Z, in seconds since the Unix epoch.
const YEAR_2020: u64 = 1_577_836_800;

/// An engine and how often it has started, this time included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Engine {
    pub(super) id: EngineId,
    /// `snmpEngineBoots`, from 1.
    pub(super) boots: u32,
}

/// Why no engine can be started. All of it can heal.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    #[error("cannot read how often our SNMP engine has started: {0}")]
    Read(FileError),
    #[error(
        "cannot keep how often our SNMP engine has started, without which a receiver drops v3 traps: {}: {source}",
        path.display()
    )]
    Write { path: PathBuf, source: io::Error },
    #[error("the system gives no random numbers for an SNMP engine id")]
    Random,
    #[error("the SNMP engine {0} has started too often: give the sink another `engine_id`")]
    WornOut(EngineId),
}

/// Where a sink keeps its engine.
#[derive(Clone, Debug)]
pub(super) struct EngineFile {
    path: PathBuf,
}

impl EngineFile {
    /// The file of the sink of this name; touches nothing.
    pub(super) fn new(folder: &Path, sink: &str) -> Self {
        Self {
            path: folder.join(format!("{sink}.engine")),
        }
    }

    /// What the file says; `None` when there is none or it is damaged.
    pub(super) fn load(&self) -> Result<Option<Engine>, EngineError> {
        let content = match file::read(&self.path, LARGEST) {
            Ok(content) => content,
            Err(FileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error @ FileError::Io { .. }) => return Err(EngineError::Read(error)),
            Err(_) => Vec::new(),
        };
        let engine = parse(&content);
        if engine.is_none() {
            tracing::warn!(path = %self.path.display(), "the file of an SNMP engine is damaged");
        }
        Ok(engine)
    }

    /// Starts the engine once more: what is on disk, or `running` if that has started more often.
    /// Returns only once the new count is on disk.
    pub(super) fn start(
        &self,
        configured: Option<&EngineId>,
        running: Option<&Engine>,
        now: SystemTime,
    ) -> Result<Engine, EngineError> {
        let before = [self.load()?, running.cloned()]
            .into_iter()
            .flatten()
            .filter(|engine| configured.is_none_or(|id| *id == engine.id))
            .max_by_key(|engine| engine.boots);
        let engine = match (before, configured) {
            (Some(Engine { id, boots }), _) if boots < MOST_BOOTS => Engine {
                id,
                boots: boots + 1,
            },
            (Some(_), Some(id)) => return Err(EngineError::WornOut(id.clone())),
            (None, Some(id)) => Engine {
                id: id.clone(),
                boots: seconds_since_2020(now),
            },
            (_, None) => {
                let id = EngineId::random().map_err(|_| EngineError::Random)?;
                tracing::warn!(
                    engine = %id,
                    "a new SNMP engine: receivers of v3 traps that name users by engine must be told of it"
                );
                Engine { id, boots: 1 }
            }
        };
        self.save(&engine).map_err(|source| EngineError::Write {
            path: self.path.clone(),
            source,
        })?;
        Ok(engine)
    }

    /// Puts it on disk, whole or not at all.
    pub(super) fn save(&self, engine: &Engine) -> io::Result<()> {
        file::replace(&self.path, print(engine).as_bytes())
    }
}

fn print(engine: &Engine) -> String {
    let Engine { id, boots } = engine;
    let line = format!("{HEADER} {id} {boots}");
    format!("{line} {}\n", checksum(&line))
}

fn parse(content: &[u8]) -> Option<Engine> {
    let line = std::str::from_utf8(content).ok()?.strip_suffix('\n')?;
    let (said, sum) = line.rsplit_once(' ')?;
    if checksum(said) != sum {
        return None;
    }
    let rest = said.strip_prefix(HEADER)?.strip_prefix(' ')?;
    let (id, boots) = rest.split_once(' ')?;
    let engine = Engine {
        id: EngineId::try_from(id.to_owned()).ok()?,
        boots: boots.parse().ok()?,
    };
    (1..=MOST_BOOTS).contains(&engine.boots).then_some(engine)
}

/// Against damage, not against forgery: whoever can write the file can do worse.
fn checksum(line: &str) -> String {
    use std::fmt::Write as _;
    digest(&SHA256, line.as_bytes()).as_ref()[..8]
        .iter()
        .fold(String::new(), |mut sum, octet| {
            let _ = write!(sum, "{octet:02x}");
            sum
        })
}

fn seconds_since_2020(now: SystemTime) -> u32 {
    let seconds = now
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    u32::try_from(seconds.saturating_sub(YEAR_2020))
        .unwrap_or(MOST_BOOTS)
        .clamp(1, MOST_BOOTS)
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
