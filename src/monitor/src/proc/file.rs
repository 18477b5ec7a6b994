//! Names and reads the files below `/proc/PID` without an allocation.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::ProcError;

/// Opens and reads `/proc/PID/FILE` up to the buffer's size.
pub(super) fn read<'buffer>(
    pid: u32,
    file: &str,
    buffer: &'buffer mut [u8],
) -> Result<&'buffer [u8], ProcError> {
    let path = ProcPath::new(pid, file);
    let file = rustix::fs::open(
        path.as_path(),
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut filled = 0;
    while filled < buffer.len() {
        match rustix::io::read(&file, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(more) => {
                filled += more;
                // All but `cgroup` come in one piece: spare the second call.
                if filled < buffer.len() && buffer[filled - 1] == b'\n' {
                    break;
                }
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(&buffer[..filled])
}

/// `/proc/PID/FILE` without an allocation.
pub(super) struct ProcPath {
    bytes: [u8; 32],
    length: usize,
}

impl ProcPath {
    pub(super) fn new(pid: u32, file: &str) -> Self {
        let mut path = Self {
            bytes: [0; 32],
            length: 0,
        };
        // "/proc/4294967295/cmdline" has 24 bytes: it always fits.
        let _ = write!(path, "/proc/{pid}/{file}");
        path
    }

    pub(super) fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.bytes[..self.length]))
    }
}

impl std::fmt::Write for ProcPath {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes
            .get_mut(self.length..end)
            .ok_or(std::fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
