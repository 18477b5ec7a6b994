//! A disk that is soon full: a file system in memory of a fixed size, unmounted with the test.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// The disk; it is gone when this is dropped.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// Of so many MiB.
    pub(crate) fn new(size: u32) -> Self {
        let place = tempfile::Builder::new()
            .prefix("vrwatch-disk-")
            .tempdir()
            .unwrap();
        mount(
            &["-t", "tmpfs", "-o", &options(size), "tmpfs"],
            place.path(),
        );
        Self(place)
    }

    /// Makes it larger, or smaller.
    pub(crate) fn resize(&self, size: u32) {
        mount(
            &["-o", &format!("remount,{}", options(size))],
            self.0.path(),
        );
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever has a file open there still keeps it.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.0.path())
            .status();
    }
}

fn options(size: u32) -> String {
    format!("size={size}m,mode=0700")
}

fn mount(arguments: &[&str], place: &Path) {
    let done = Command::new("mount")
        .args(arguments)
        .arg(place)
        .output()
        .expect("`mount` is missing: run tests/all");
    assert!(done.status.success(), "{done:?}");
}
