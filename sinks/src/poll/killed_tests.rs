//! kill -9 in the middle of writing: the test starts itself again as the writer, kills that over
//! and over, and looks at the log.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use contract::{Event, Sink};

use super::*;
use crate::examples::{self, event};

const WRITER: &str = "VRWATCH_TEST_WRITER";
const STOPS: &str = "VRWATCH_TEST_WRITER_STOPS_AT_ERROR";
/// How often the writer is killed.
const KILLS: u32 = 60;

/// What the channel's worker does: delivers from the cursor on, and moves the cursor afterwards.
/// Does nothing unless another test has started it for that.
#[tokio::test]
async fn a_writer_for_other_tests() {
    let Ok(folder) = std::env::var(WRITER) else {
        return;
    };
    let folder = Path::new(&folder);
    let cursor = folder.join("cursor");
    let section = format!("log = {:?}\nmax_size = \"256KiB\"", folder.join("log"));
    let section =
        toml::de::ValueDeserializer::parse(&format!("{{ {} }}", section.replace('\n', ", ")))
            .map(|section| Poll::read(section, &Host::new("r-42-VM", folder)));
    let mut sink = section.unwrap().unwrap();
    let mut reached: u64 = fs::read_to_string(&cursor)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    loop {
        let size = scattered(reached) % 7 + 1;
        let batch: Vec<Event> = (reached + 1..=reached + size)
            .map(|seq| event(seq, examples::service_down()))
            .collect();
        match sink.deliver(&batch).await {
            Ok(()) => {}
            Err(error) if std::env::var_os(STOPS).is_some() => {
                let _ = fs::write(folder.join("refused"), error.to_string());
                return;
            }
            Err(error) => panic!("{error}"),
        }
        reached += size;
        // As the channel does it: beside, then renamed. It may lag, as it does there.
        if !scattered(reached + 1).is_multiple_of(3) || std::env::var_os(STOPS).is_some() {
            fs::write(folder.join("cursor.tmp"), reached.to_string()).unwrap();
            fs::rename(folder.join("cursor.tmp"), &cursor).unwrap();
        }
    }
}

/// Scatters numbers; the same every time.
fn scattered(seed: u64) -> u64 {
    seed.wrapping_add(7).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33
}

#[test]
fn killed_at_any_moment_the_log_has_every_event_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = std::collections::BTreeMap::new();
    for round in 0..KILLS {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "poll::killed_tests::a_writer_for_other_tests"])
            .env(WRITER, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Not a wait for anything: it decides where in its work the writer is hit.
        std::thread::sleep(Duration::from_millis(scattered(u64::from(round)) % 40));
        let ended = writer.try_wait().unwrap();
        assert!(ended.is_none(), "the writer ended by itself: {ended:?}");
        writer.kill().unwrap();
        writer.wait().unwrap();
        read(folder.path(), &mut told);
    }
    let last = told.len();
    assert!(last > 0, "the writer never came to write");
    let expected: Vec<u64> = (1..=last as u64).collect();
    assert_eq!(told.into_keys().collect::<Vec<_>>(), expected);
}

/// Notes on which line of the log's history each event was told; a second telling is an error.
fn read(folder: &Path, told: &mut std::collections::BTreeMap<u64, String>) {
    let mut seen = std::collections::BTreeSet::new();
    let mut previous = 0;
    for name in ["log.1", "log"] {
        let Ok(text) = fs::read_to_string(folder.join(name)) else {
            continue;
        };
        // The last line may be torn right now; the next writer puts it right.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            let id = line::ids(line).next().unwrap_or_else(|| panic!("{line}"));
            let seq: u64 = id.strip_prefix("event-").unwrap().parse().unwrap();
            assert!(seen.insert(seq), "{seq} is there twice");
            assert!(seq > previous, "{seq} stands behind {previous}");
            previous = seq;
            told.insert(seq, line.to_owned());
        }
    }
}
