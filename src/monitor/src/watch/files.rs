//! Tells when any of a few files changes, with the same means that tell of pid files: for the
//! configuration, which takes effect when it is written.

use std::io;
use std::path::PathBuf;

use super::directories::Directories;
use super::poller::Poller;

/// Watches a fixed set of files, whether they exist yet or not.
#[derive(Debug)]
pub struct FileWatch {
    poller: Poller,
    directories: Directories,
}

impl FileWatch {
    /// Watches `files`. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the kernel or the runtime refuses an epoll or inotify instance.
    pub fn new(files: &[PathBuf]) -> io::Result<Self> {
        let poller = Poller::new()?;
        let mut directories = Directories::new()?;
        poller.add_inotify(directories.descriptor())?;
        for file in files {
            // Who changed does not matter here, so all go by one number.
            directories.add(0, file);
        }
        Ok(Self {
            poller,
            directories,
        })
    }

    /// Returns when one of the files may have changed. Cancelling loses nothing.
    ///
    /// Never returns once the kernel refuses to tell.
    pub async fn changed(&mut self) {
        loop {
            if let Err(error) = self.poller.wait().await {
                tracing::warn!(%error, "changed files are not noticed any more");
                return std::future::pending().await;
            }
            let news = self.directories.read();
            if news.everything || !news.touched.is_empty() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_file_that_is_written_aside_and_renamed_into_place_is_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("vrwatch.toml");
        let absent = directory.path().join("later/monitor.conf");
        let mut watch = FileWatch::new(&[file.clone(), absent.clone()]).unwrap();
        std::fs::write(directory.path().join("other"), "x").unwrap();
        let quiet = tokio::time::timeout(Duration::from_millis(100), watch.changed()).await;
        assert!(quiet.is_err(), "another file is none of our business");

        std::fs::write(directory.path().join("new"), "x").unwrap();
        std::fs::rename(directory.path().join("new"), &file).unwrap();
        watch.changed().await;

        std::fs::create_dir(directory.path().join("later")).unwrap();
        watch.changed().await;
        std::fs::write(&absent, "x").unwrap();
        watch.changed().await;
    }
}
