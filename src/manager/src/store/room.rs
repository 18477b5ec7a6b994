//! How much room is left on the disk where `SQLite` keeps its file. Alerts are refused before the
//! disk is full: who sends them keeps them, and the operator can still log in and mend it.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use contract::human;
use sqlx::sqlite::SqliteConnectOptions;

use super::error::{Result, StoreError};

/// The room, and how much of it is kept free.
#[derive(Debug)]
pub(super) struct Room {
    /// Where the file is; `None` for a database that is elsewhere.
    folder: Option<PathBuf>,
    /// Bytes.
    floor: AtomicU64,
    /// Whether it was too little at the last look, so that a change is said once.
    short: AtomicBool,
}

impl Room {
    pub(super) fn of(url: &str) -> Self {
        let folder = url
            .starts_with("sqlite:")
            .then(|| SqliteConnectOptions::from_str(url).ok())
            .flatten()
            .and_then(|options| options.get_filename().parent().map(Path::to_owned))
            .map(|folder| {
                if folder.as_os_str().is_empty() {
                    PathBuf::from(".")
                } else {
                    folder
                }
            });
        Self {
            folder,
            floor: AtomicU64::new(0),
            short: AtomicBool::new(false),
        }
    }

    pub(super) fn keep_free(&self, bytes: u64) {
        self.floor.store(bytes, Ordering::Relaxed);
    }

    /// # Errors
    /// [`StoreError::Unavailable`] while less is free than is to be kept free.
    pub(super) fn check(&self) -> Result<()> {
        let floor = self.floor.load(Ordering::Relaxed);
        let Some(folder) = self.folder.as_deref().filter(|_| floor > 0) else {
            return Ok(());
        };
        // A disk that does not say is found out by writing.
        let Ok(disk) = rustix::fs::statvfs(folder) else {
            return Ok(());
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let short = free < floor;
        let was_short = self.short.swap(short, Ordering::Relaxed);
        let (folder, floor) = (folder.display(), human::Size(floor));
        if short {
            let words =
                format!("less than {floor} is free on the disk of {folder}: it takes no alerts");
            if !was_short {
                tracing::error!("{words}; routers keep theirs, and send them again");
            }
            return Err(StoreError::Unavailable(words));
        }
        if was_short {
            tracing::info!("the disk of {folder} has room again: alerts are taken");
        }
        Ok(())
    }
}
