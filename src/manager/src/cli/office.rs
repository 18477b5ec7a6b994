//! What every command needs: the configuration, the store, a runtime, and a name for the audit
//! trail.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{CommandError, Done};
use crate::config::{self, Config, Loaded};
use crate::owner;
use crate::store::Store;

/// How long threads that are stuck in the system may hold up the end.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(500);

/// The options that every command has.
pub(super) struct Office {
    pub(super) config: Option<PathBuf>,
    /// Whether JSON is printed.
    pub(super) json: bool,
}

/// A command at its work.
pub(super) struct Desk {
    pub(super) config: Config,
    pub(super) store: Store,
    /// Who is said to have changed things.
    pub(super) actor: String,
    pub(super) json: bool,
}

impl Office {
    pub(super) fn load(&self) -> Result<Loaded, CommandError> {
        let loaded = config::load(self.config.as_deref())?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        Ok(loaded)
    }

    /// Does work that needs no store.
    pub(super) fn without_store<T>(
        work: impl Future<Output = Result<T, CommandError>>,
    ) -> Result<T, CommandError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(no_runtime)?;
        let done = runtime.block_on(work);
        runtime.shutdown_timeout(SHUTDOWN_LIMIT);
        done
    }

    /// Opens the store and does the work.
    pub(super) fn work<F>(&self, work: impl FnOnce(Desk) -> F) -> Result<Done, CommandError>
    where
        F: Future<Output = Result<Done, CommandError>>,
    {
        let config = self.load()?.config;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(no_runtime)?;
        let json = self.json;
        let result = runtime.block_on(async {
            if rustix::process::geteuid().is_root() {
                // Else ssh would make it, and keep the server from reading it.
                let known_hosts = Path::new(config.ssh.known_hosts.as_str());
                if let Err(error) = owner::make_private(known_hosts) {
                    tracing::debug!(%error, file = %known_hosts.display(), "cannot be made");
                }
            }
            let url = config.database.url().map_err(CommandError::Usage)?;
            let files = [
                config.database.file(),
                Some(config.secrets.key_file.as_path()),
            ];
            for folder in files.into_iter().flatten().filter_map(Path::parent) {
                make_private(folder)?;
            }
            let store = Store::open(&url, &config.secrets.key_file).await?;
            store.keep_free(config.database.min_free());
            let uid = rustix::process::getuid().as_raw();
            let desk = Desk {
                config,
                store: store.clone(),
                actor: format!("command line, uid {uid}"),
                json,
            };
            let done = work(desk).await;
            store.close().await;
            done
        });
        runtime.shutdown_timeout(SHUTDOWN_LIMIT);
        result
    }
}

/// Makes a folder that only its owner may enter, when it is not there but the one around it is: at
/// the first start without a package or systemd nobody else does.
fn make_private(folder: &Path) -> Result<(), CommandError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists && !folder.is_dir() => {
            Err(CommandError::Failed(format!(
                "the folder {} is not there and cannot be made: {error}",
                folder.display()
            )))
        }
        _ => Ok(()),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn no_runtime(error: std::io::Error) -> CommandError {
    CommandError::Failed(format!("the runtime cannot be started: {error}"))
}
