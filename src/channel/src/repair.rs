//! Makes a damaged journal whole again at opening: cuts a torn end off, and sets broken records
//! aside in `quarantine/`, bounded in number and size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::Recovery;
use crate::record::Payload;
use crate::replay::{Found, Replay};
use crate::scan::{Scanner, Step};
use crate::segment;

/// How many broken places are kept for whoever wants to look into them.
const MAX_QUARANTINED: usize = 64;
/// How much of one broken place is kept, in bytes.
const MAX_QUARANTINED_BYTES: u64 = 64 * 1024;

/// Repairs what `replay` found.
///
/// # Errors
/// When a torn end cannot be cut off. Records that cannot be set aside stay where they are: every
/// reader steps over them.
pub(crate) fn repair(directory: &Path, replay: &mut Replay) -> io::Result<Recovery> {
    let journal = segment::journal_folder(directory);
    let mut report = Recovery {
        lost_events: replay.lost.count,
        ..Recovery::default()
    };
    let count = replay.segments.len();
    for (index, found) in replay.segments.iter_mut().enumerate() {
        let newest = index + 1 == count;
        if found.damaged == 0
            && let (true, Some((offset, length))) = (newest, found.torn)
        {
            let file = OpenOptions::new()
                .write(true)
                .open(found.name.path(&journal))?;
            file.set_len(offset)?;
            file.sync_all()?;
            found.length = offset;
            found.torn = None;
            report.truncated_bytes += length;
            report.words.push(format!(
                "an unfinished record of {length} bytes was cut off the end of the journal"
            ));
        } else if found.damaged > 0 || found.torn.is_some() {
            let records = found.damaged + u64::from(found.torn.is_some());
            report.quarantined += records;
            report.words.push(match set_aside(directory, found) {
                Ok(folder) => format!(
                    "{records} broken record(s) in {} were set aside in {}",
                    found.name.path(&journal).display(),
                    folder.display()
                ),
                Err(error) => format!(
                    "{records} broken record(s) in {} are stepped over; they could not be set aside: {error}",
                    found.name.path(&journal).display()
                ),
            });
        }
    }
    if report.lost_events > 0 {
        report.words.push(format!(
            "{} event(s) numbered {} to {} are lost",
            report.lost_events, replay.lost.first, replay.lost.last
        ));
    }
    Ok(report)
}

/// Copies the broken places into `quarantine/` and puts a segment without them in the old one's
/// place. Whoever reads the old one meanwhile keeps it.
fn set_aside(directory: &Path, found: &mut Found) -> io::Result<PathBuf> {
    let journal = segment::journal_folder(directory);
    let path = found.name.path(&journal);
    let quarantine = directory.join("quarantine");
    segment::make_folder(&quarantine)?;
    let temporary = path.with_extension("tmp");
    remove_if_there(&temporary)?;
    let Some(file) = segment::open(&path)? else {
        return Ok(quarantine);
    };
    let mut whole = segment::create(&temporary)?;
    let mut length = 0;
    let mut scanner = Scanner::new(file);
    loop {
        match scanner.step()? {
            Step::Record {
                offset,
                length: size,
            } => {
                if Payload::parse(scanner.payload(offset, size)?).is_some() {
                    let mut record = vec![0; size];
                    scanner.file().read_exact_at(&mut record, offset)?;
                    whole.write_all(&record)?;
                    length += size as u64;
                } else {
                    keep(&quarantine, found, scanner.file(), offset, size as u64)?;
                }
            }
            Step::Damage { offset, length } => {
                keep(&quarantine, found, scanner.file(), offset, length)?;
            }
            Step::Torn { offset, length } => {
                keep(&quarantine, found, scanner.file(), offset, length)?;
                break;
            }
            Step::End { .. } => break,
        }
    }
    whole.sync_all()?;
    fs::rename(&temporary, &path)?;
    segment::sync_folder(&journal)?;
    found.length = length;
    Ok(quarantine)
}

/// Copies one broken place, unless there are enough already.
fn keep(quarantine: &Path, found: &Found, file: &File, offset: u64, length: u64) -> io::Result<()> {
    if fs::read_dir(quarantine)?.count() >= MAX_QUARANTINED {
        return Ok(());
    }
    let length = length.min(MAX_QUARANTINED_BYTES);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let read = file.read_at(&mut bytes, offset)?;
    bytes.truncate(read);
    let name = format!(
        "{:020}-{}-{offset}.bin",
        found.name.first, found.name.generation
    );
    let path = quarantine.join(name);
    remove_if_there(&path)?;
    segment::create(&path)?.write_all(&bytes)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
