//! What has become of the mails of a batch. A batch comes again until all of it is answered, and
//! after a restart of vrwatch it may come once more, with more events in it: what was planned is
//! then carried on with, and what was sent is not sent again.

use std::io;
use std::path::{Path, PathBuf};

use contract::Event;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::plan::{self, End, Mail};
use crate::file;

/// The largest file that is read. A batch has at most a hundred events.
const LARGEST_FILE: u64 = 256 * 1024;

/// The mails that are planned, and the file they are in.
#[derive(Debug, Default)]
pub(super) struct Progress {
    mails: Vec<Mail>,
    /// `None` where nothing is to be kept.
    file: Option<PathBuf>,
    loaded: bool,
    saving: Option<JoinHandle<io::Result<()>>>,
    /// Whether a failure to write was told already.
    told: bool,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    mails: Vec<Mail>,
}

impl Progress {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            ..Self::default()
        }
    }

    /// Plans the mails for what is not planned yet. `allowance`: how many may go out now.
    pub(super) async fn prepare(&mut self, batch: &[Event], allowance: usize) {
        self.load().await;
        let has = |id: &String| batch.iter().any(|event| event.id == *id);
        // Nothing in common: what was planned is answered for, only nobody said so before a restart.
        if !self.mails.iter().any(|mail| mail.events.iter().any(has)) {
            self.mails.clear();
        }
        let mut replanned = false;
        self.mails.retain_mut(|mail| match mail.end {
            None => {
                let whole = mail.events.iter().all(has);
                replanned |= !whole;
                whole
            }
            Some(End::Apart) => {
                mail.events.retain(|id| !has(id));
                !mail.events.is_empty()
            }
            Some(End::Sent | End::Refused(_)) => true,
        });
        let open: Vec<&Event> = batch
            .iter()
            .filter(|event| self.mail_of(&event.id).is_none())
            .collect();
        if open.is_empty() {
            return;
        }
        let planned = self.mails.len();
        // A test is never journalled, and tried by another process than the one that keeps the file.
        let journalled = batch.iter().all(|event| event.seq > 0);
        if journalled && !replanned && self.file.is_some() {
            self.mails.extend(plan::mails(&open, allowance, true));
            if self.save().await {
                return;
            }
            self.mails.truncate(planned);
        }
        self.mails.extend(plan::mails(&open, allowance, false));
    }

    /// The mails of this batch that have not ended.
    pub(super) fn open(&self) -> Vec<Mail> {
        let open = self.mails.iter().filter(|mail| mail.end.is_none());
        open.cloned().collect()
    }

    /// The mail that tells this event.
    pub(super) fn mail_of(&self, id: &str) -> Option<&Mail> {
        self.mails
            .iter()
            .find(|mail| mail.events.iter().any(|event| event == id))
    }

    /// A mail that was open has got further.
    pub(super) fn update(&mut self, mail: Mail) {
        let open = |known: &&mut Mail| known.end.is_none() && known.name == mail.name;
        if let Some(known) = self.mails.iter_mut().find(open) {
            *known = mail;
        }
    }

    /// These events are answered for. The file keeps them, for a restart before the answer counts.
    pub(super) fn forget(&mut self, batch: &[Event]) {
        for mail in &mut self.mails {
            mail.events
                .retain(|id| !batch.iter().any(|event| event.id == *id));
        }
        self.mails.retain(|mail| !mail.events.is_empty());
    }

    /// Reads what an earlier process has planned. Without it, mails may be sent twice.
    async fn load(&mut self) {
        if std::mem::replace(&mut self.loaded, true) {
            return;
        }
        let Some(path) = self.file.clone().filter(|path| path.exists()) else {
            return;
        };
        let shown = path.display().to_string();
        let reading = tokio::task::spawn_blocking(move || {
            let content = file::read(&path, LARGEST_FILE).map_err(io::Error::other)?;
            serde_json::from_slice::<Stored>(&content).map_err(io::Error::other)
        });
        match reading
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
        {
            Ok(stored) => self.mails = stored.mails,
            Err(error) => tracing::warn!(
                file = shown,
                %error,
                "what was sent last cannot be read; mails may come twice"
            ),
        }
    }

    /// Writes it down. `false`: it is not on disk.
    pub(super) async fn save(&mut self) -> bool {
        let Some(path) = self.file.clone() else {
            return false;
        };
        // A save that was given up still runs: never two at once.
        if let Some(saving) = self.saving.as_mut() {
            let _ = saving.await;
            self.saving = None;
        }
        let stored = Stored {
            mails: self.mails.clone(),
        };
        let saving = self
            .saving
            .insert(tokio::task::spawn_blocking(move || write(&path, &stored)));
        let saved = saving.await;
        self.saving = None;
        match saved.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => {
                self.told = false;
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.told, true) {
                    let file = self.file.as_ref().map(|file| file.display().to_string());
                    tracing::warn!(
                        file,
                        %error,
                        "what is sent cannot be written down; after a restart mails may come twice"
                    );
                }
                false
            }
        }
    }
}

fn write(path: &Path, stored: &Stored) -> io::Result<()> {
    file::replace(path, &serde_json::to_vec(stored).map_err(io::Error::other)?)
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
