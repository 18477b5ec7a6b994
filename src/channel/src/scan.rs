//! Walks through a segment record by record, and finds its way again after damage: the next magic
//! with a matching checksum. Holds one window of the file, never the file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::frame::{HEADER, Header, MAGIC, MAX_PAYLOAD};

/// How much is read at once.
const WINDOW: usize = 16 * 1024;

/// How many places that look like a record are tried after one damage before the rest of the
/// segment is given up; bounds the time that a hostile file can take.
const MAX_CANDIDATES: u32 = 1024;

/// What lies at a place in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A good record; `length` is that of header and payload.
    Record { offset: u64, length: usize },
    /// Something else, with a good record behind it.
    Damage { offset: u64, length: u64 },
    /// Something else until the end: torn, broken, or being written right now.
    Torn { offset: u64, length: u64 },
    /// The end of the file.
    End { offset: u64 },
}

/// A place in a segment.
#[derive(Debug)]
pub(crate) struct Scanner {
    file: File,
    offset: u64,
    /// Room for the window; only the first `filled` bytes are of the file.
    window: Vec<u8>,
    filled: usize,
    /// Where in the file the window starts.
    base: u64,
}

impl Scanner {
    /// Starts at the beginning of the file.
    pub(crate) const fn new(file: File) -> Self {
        Self {
            file,
            offset: 0,
            window: Vec::new(),
            filled: 0,
            base: 0,
        }
    }

    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// The file, whatever the current place.
    pub(crate) fn into_file(self) -> File {
        self.file
    }

    /// Forgets what was read ahead, and goes to `offset`.
    pub(crate) fn go_to(&mut self, offset: u64) {
        self.offset = offset;
        self.filled = 0;
        self.base = offset;
    }

    /// What lies at the current place. Goes behind a record or damage; stays before a torn end,
    /// which may be whole the next time.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        let offset = self.offset;
        if let Some(length) = self.record_at(offset)? {
            self.offset = offset + length as u64;
            return Ok(Step::Record { offset, length });
        }
        if self.view(offset, 1)?.is_empty() {
            self.go_to(offset);
            return Ok(Step::End { offset });
        }
        if let Some(good) = self.find_record(offset + 1)? {
            // What was half written at the first look is whole once something follows it.
            self.go_to(offset);
            if let Some(length) = self.record_at(offset)? {
                self.offset = offset + length as u64;
                return Ok(Step::Record { offset, length });
            }
            self.offset = good;
            return Ok(Step::Damage {
                offset,
                length: good - offset,
            });
        }
        let length = self.file.metadata()?.len().saturating_sub(offset);
        self.go_to(offset);
        Ok(Step::Torn { offset, length })
    }

    /// The payload of the record that the last step found.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn payload(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let view = self.view(offset, length)?;
        Ok(view.get(HEADER..).unwrap_or_default())
    }

    /// The length of the good record at `offset`, if there is one.
    fn record_at(&mut self, offset: u64) -> io::Result<Option<usize>> {
        let Some(header) = Header::read(self.view(offset, HEADER)?) else {
            return Ok(None);
        };
        let length = HEADER + header.length;
        let record = self.view(offset, length)?;
        let good = record
            .get(HEADER..length)
            .is_some_and(|payload| header.fits(payload));
        Ok(good.then_some(length))
    }

    /// The first good record at or behind `offset`.
    fn find_record(&mut self, mut offset: u64) -> io::Result<Option<u64>> {
        let mut candidates = 0;
        loop {
            let view = self.view(offset, WINDOW)?;
            if view.len() < HEADER {
                return Ok(None);
            }
            let Some(place) = view.windows(MAGIC.len()).position(|bytes| bytes == MAGIC) else {
                offset += (view.len() - (MAGIC.len() - 1)) as u64;
                continue;
            };
            let candidate = offset + place as u64;
            if self.record_at(candidate)?.is_some() {
                return Ok(Some(candidate));
            }
            candidates += 1;
            if candidates >= MAX_CANDIDATES {
                return Ok(None);
            }
            offset = candidate + 1;
        }
    }

    /// `length` bytes from `offset`; fewer at the end of the file.
    fn view(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        debug_assert!(length <= HEADER + MAX_PAYLOAD);
        let held = offset
            .checked_sub(self.base)
            .and_then(|skip| usize::try_from(skip).ok())
            .filter(|skip| *skip <= self.filled);
        match held {
            Some(skip) if self.filled - skip >= length => {}
            Some(skip) => {
                self.window.copy_within(skip..self.filled, 0);
                self.filled -= skip;
                self.base = offset;
                self.fill(length)?;
            }
            None => {
                self.filled = 0;
                self.base = offset;
                self.fill(length)?;
            }
        }
        let skip = usize::try_from(offset - self.base).unwrap_or(usize::MAX);
        let end = skip.saturating_add(length).min(self.filled);
        Ok(self.window.get(skip..end).unwrap_or_default())
    }

    /// Reads on until the window holds `length` bytes, or the file ends.
    fn fill(&mut self, length: usize) -> io::Result<()> {
        let wanted = length.max(WINDOW).max(self.filled);
        if self.window.len() < wanted {
            self.window.resize(wanted, 0);
        } else if self.window.len() > 4 * WINDOW && wanted <= WINDOW {
            self.window.truncate(WINDOW);
            self.window.shrink_to_fit();
        }
        while self.filled < wanted {
            let place = self.base.saturating_add(self.filled as u64);
            match self
                .file
                .read_at(&mut self.window[self.filled..wanted], place)
            {
                Ok(0) => break,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::frame::seal;

    fn scanner(bytes: &[u8]) -> Scanner {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Scanner::new(file)
    }

    fn record(text: &str) -> Vec<u8> {
        let mut sealed = Vec::new();
        assert!(seal(text.as_bytes(), &mut sealed));
        sealed
    }

    fn texts(bytes: &[u8]) -> (Vec<String>, Step) {
        let mut scanner = scanner(bytes);
        let mut found = Vec::new();
        loop {
            match scanner.step().unwrap() {
                Step::Record { offset, length } => found.push(
                    String::from_utf8(scanner.payload(offset, length).unwrap().to_vec()).unwrap(),
                ),
                Step::Damage { .. } => {}
                end => return (found, end),
            }
        }
    }

    #[test]
    fn records_longer_than_the_window_are_read_whole() {
        let long = "x".repeat(3 * WINDOW);
        let bytes = [record("a"), record(&long), record("b")].concat();
        assert_eq!(texts(&bytes).0, ["a".to_owned(), long, "b".to_owned()]);
    }

    #[test]
    fn damage_in_the_middle_hides_nothing_but_itself() {
        let bytes = [
            record("a"),
            vec![0; 5000],
            MAGIC.to_vec(),
            vec![0xFF; 40_000],
            record("b"),
        ]
        .concat();
        let (found, end) = texts(&bytes);
        assert_eq!(found, ["a", "b"]);
        assert_eq!(
            end,
            Step::End {
                offset: bytes.len() as u64
            }
        );
    }

    #[test]
    fn a_record_torn_at_any_byte_is_a_torn_end_and_whole_once_the_rest_arrives() {
        let first = record("first");
        let second = record("second");
        for cut in 1..second.len() {
            let mut scanner = scanner(&[first.as_slice(), &second[..cut]].concat());
            scanner.step().unwrap();
            assert_eq!(
                scanner.step().unwrap(),
                Step::Torn {
                    offset: first.len() as u64,
                    length: cut as u64
                }
            );
            scanner.file.write_all(&second[cut..]).unwrap();
            assert!(matches!(scanner.step().unwrap(), Step::Record { .. }));
        }
    }

    #[test]
    fn a_file_full_of_false_starts_is_given_up_in_bounded_time() {
        let mut bytes = Vec::new();
        while bytes.len() < 1 << 20 {
            bytes.extend_from_slice(&MAGIC);
            bytes.extend_from_slice(&1000_u32.to_le_bytes());
        }
        assert!(matches!(
            scanner(&bytes).step().unwrap(),
            Step::Torn { offset: 0, .. }
        ));
    }
}
