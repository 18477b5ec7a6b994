//! Tells when a pid file changes, by inotify on the directories that hold them: a file that is
//! written aside and renamed into place is another file, but the directory is the same.
//!
//! A directory that is not there is awaited at its nearest ancestor. What inotify cannot see (a
//! link on the way that is pointed elsewhere, a full table of watches) the sweep finds; every
//! directory is re-checked now and then, see [`Directories::check`].

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

use super::Id;

/// The same for every watch: a second call for the same directory replaces the first one's.
/// `MODIFY` is needed because some daemons write their pid file and keep it open.
const WANTED: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// The events after which the watch itself no longer shows the path it was set on.
const UPROOTED: ReadFlags = ReadFlags::IGNORED
    .union(ReadFlags::MOVE_SELF)
    .union(ReadFlags::DELETE_SELF)
    .union(ReadFlags::UNMOUNT);

/// How often a directory is checked for having been replaced unseen.
const CHECK_EVERY: Duration = Duration::from_mins(1);

/// What a batch of inotify events means.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Their pid files may have changed. May name a service more than once.
    pub(super) touched: Vec<Id>,
    /// Events were lost: anything may have changed.
    pub(super) everything: bool,
}

/// A directory with pid files.
#[derive(Debug, Default)]
struct Folder {
    /// Who has a pid file of that name in it.
    names: HashMap<OsString, Vec<Id>>,
    /// The watch, on itself or on an ancestor; `None` when there can be none.
    watch: Option<i32>,
    /// The entry of the watched ancestor that leads here; `None` when it is watched itself.
    awaited: Option<OsString>,
    /// When it was last checked, on the monotonic clock.
    checked: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Directories {
    inotify: OwnedFd,
    folders: BTreeMap<Arc<Path>, Folder>,
    /// Which folders a watch serves: links and bind mounts give several paths the same one.
    served: HashMap<i32, Vec<Arc<Path>>>,
    complained: bool,
}

impl Directories {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            inotify: inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?,
            folders: BTreeMap::new(),
            served: HashMap::new(),
            complained: false,
        })
    }

    pub(super) fn descriptor(&self) -> &OwnedFd {
        &self.inotify
    }

    pub(super) fn add(&mut self, id: Id, pid_file: &Path) {
        let Some((path, name)) = split(pid_file) else {
            return;
        };
        let known = self.folders.contains_key(path);
        let path: Arc<Path> = Arc::from(path);
        let folder = self.folders.entry(Arc::clone(&path)).or_default();
        folder.names.entry(name.to_owned()).or_default().push(id);
        if !known {
            self.settle(&path);
        }
    }

    pub(super) fn remove(&mut self, id: Id, pid_file: &Path) {
        let Some((path, name)) = split(pid_file) else {
            return;
        };
        let Some(folder) = self.folders.get_mut(path) else {
            return;
        };
        if let Some(ids) = folder.names.get_mut(name) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                folder.names.remove(name);
            }
        }
        if folder.names.is_empty() {
            let watch = folder.watch;
            self.folders.remove(path);
            self.release(watch, path);
        }
    }

    /// Makes sure that the directory of `pid_file` is still the one that is watched: it, or one
    /// above it, may have been moved or mounted over. Does nothing if it was checked within the
    /// last minute.
    pub(super) fn check(&mut self, pid_file: &Path, now: Duration) {
        let Some(path) = pid_file.parent() else {
            return;
        };
        let Some((path, folder)) = self
            .folders
            .get_key_value(path)
            .filter(|(_, folder)| {
                let since = folder.checked.map(|checked| now.saturating_sub(checked));
                since.is_none_or(|since| since >= CHECK_EVERY)
            })
            .map(|(path, folder)| (Arc::clone(path), folder.checked))
        else {
            return;
        };
        // It was settled when it was added.
        if folder.is_some() {
            self.settle(&path);
        }
        if let Some(folder) = self.folders.get_mut(&path) {
            folder.checked = Some(now);
        }
    }

    /// Reads one buffer of events. More may be waiting.
    pub(super) fn read(&mut self) -> News {
        let mut news = News::default();
        let mut uprooted = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => {
                    news.everything = true;
                }
                Ok(event) => {
                    let paths = self.served.get(&event.wd()).map_or(&[][..], Vec::as_slice);
                    for path in paths {
                        let Some(folder) = self.folders.get(path) else {
                            continue;
                        };
                        if event.events().intersects(UPROOTED) || folder.is_awaited(&event) {
                            uprooted.push(Arc::clone(path));
                        } else if folder.awaited.is_none() {
                            news.touched.extend(folder.ids_of(event.file_name()));
                        }
                    }
                }
                Err(Errno::INTR) => continue,
                Err(_) => break,
            }
            if reader.is_buffer_empty() {
                break;
            }
        }
        if news.everything {
            uprooted = self.folders.keys().cloned().collect();
        }
        uprooted.sort_unstable();
        uprooted.dedup();
        for path in uprooted {
            // A watch on something that was moved away goes on reporting: it has to be dropped.
            self.unsettle(&path);
            self.settle(&path);
            if let Some(folder) = self.folders.get(&path) {
                news.touched.extend(folder.names.values().flatten());
            }
        }
        news
    }

    /// Watches the folder, or the nearest ancestor that exists.
    fn settle(&mut self, path: &Arc<Path>) {
        let (watch, awaited) = match self.nearest(path) {
            Ok((watch, awaited)) => (Some(watch), awaited),
            Err(error) => {
                self.complain(path, error);
                (None, None)
            }
        };
        let Some(folder) = self.folders.get_mut(path) else {
            return;
        };
        folder.awaited = awaited;
        let old = std::mem::replace(&mut folder.watch, watch);
        if old != watch {
            if let Some(watch) = watch {
                self.served.entry(watch).or_default().push(Arc::clone(path));
            }
            self.release(old, path);
        }
    }

    fn unsettle(&mut self, path: &Arc<Path>) {
        if let Some(folder) = self.folders.get_mut(path) {
            let old = folder.watch.take();
            self.release(old, path);
        }
    }

    fn nearest(&self, path: &Path) -> Result<(i32, Option<OsString>), Errno> {
        // A directory that appears between the failed watch on it and the one on its parent is
        // missed by both; trying again after the latter finds it. What comes and goes faster than
        // that is left to the sweep.
        let mut settled = None;
        for _ in 0..4 {
            let again = self.climb(path)?;
            if settled.as_ref() == Some(&again) {
                break;
            }
            let direct = again.1.is_none();
            settled = Some(again);
            if direct {
                break;
            }
        }
        settled.ok_or(Errno::NOENT)
    }

    fn climb(&self, path: &Path) -> Result<(i32, Option<OsString>), Errno> {
        let mut awaited = None;
        let mut why = Errno::NOENT;
        for ancestor in path.ancestors() {
            match inotify::add_watch(&self.inotify, ancestor, WANTED) {
                Ok(watch) => return Ok((watch, awaited)),
                Err(error @ (Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP)) => {
                    why = error;
                }
                Err(error) => return Err(error),
            }
            awaited = ancestor.file_name().map(OsStr::to_owned);
        }
        Err(why)
    }

    /// The folder no longer uses the watch; the last one to say so ends it.
    fn release(&mut self, watch: Option<i32>, path: &Path) {
        let Some(watch) = watch else { return };
        let Some(paths) = self.served.get_mut(&watch) else {
            return;
        };
        paths.retain(|other| **other != *path);
        if paths.is_empty() {
            self.served.remove(&watch);
            // Fails when the kernel has ended it by itself.
            let _ = inotify::remove_watch(&self.inotify, watch);
        }
    }

    fn complain(&mut self, path: &Path, error: Errno) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(
                directory = %path.display(),
                error = %io::Error::from(error),
                "a directory cannot be watched: changed pid files in it are noticed by sweeps only, a changed configuration after SIGHUP only"
            );
        }
    }
}

impl Folder {
    fn is_awaited(&self, event: &inotify::Event<'_>) -> bool {
        let appeared = ReadFlags::CREATE | ReadFlags::MOVED_TO;
        self.awaited.is_some()
            && event.events().intersects(appeared)
            && self.awaited.as_deref() == event.file_name().map(as_os_str)
    }

    fn ids_of(&self, name: Option<&CStr>) -> impl Iterator<Item = &Id> {
        name.and_then(|name| self.names.get(as_os_str(name)))
            .into_iter()
            .flatten()
    }
}

fn as_os_str(name: &CStr) -> &OsStr {
    OsStr::from_bytes(name.to_bytes())
}

/// The directory and the name in it.
fn split(pid_file: &Path) -> Option<(&Path, &OsStr)> {
    Some((pid_file.parent()?, pid_file.file_name()?))
}

/// So that tests can see what is watched.
#[cfg(test)]
impl Directories {
    pub(super) fn watches(&self) -> usize {
        self.served.len()
    }

    pub(super) fn watched(&self, directory: &Path) -> Option<std::path::PathBuf> {
        let folder = self.folders.get(directory)?;
        folder.watch?;
        match &folder.awaited {
            None => Some(directory.to_owned()),
            Some(name) => directory
                .ancestors()
                .find(|path| path.file_name() == Some(name))?
                .parent()
                .map(Path::to_owned),
        }
    }
}
