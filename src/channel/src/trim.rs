//! Keeps the journal within its size: the oldest segments go first, and what a sink had not taken
//! yet is counted, to the event.

use std::fs;
use std::path::PathBuf;

use crate::record::Payload;
use crate::replay::Lost;
use crate::scan::{Scanner, Step};
use crate::segment;
use crate::shared::Shared;
use crate::state::{State, told};

/// Segments that are to go, and the sinks that were not through with them.
#[derive(Debug)]
pub(crate) struct Surplus {
    paths: Vec<PathBuf>,
    last_seq: u64,
    behind: Vec<Behind>,
}

#[derive(Debug)]
struct Behind {
    sink: String,
    generation: u64,
    reach: u64,
    lost: Lost,
}

impl Surplus {
    /// Takes the surplus out of the journal; no worker reads it from now on.
    pub(crate) fn take(state: &mut State, max_size: u64) -> Option<Self> {
        let writer = state.writer.as_mut()?;
        let mut paths = Vec::new();
        let mut last_seq = 0;
        while let Some(oldest) = writer.surplus(max_size) {
            paths.push(oldest.name.path(writer.journal()));
            last_seq = oldest.last_seq;
            writer.forget_oldest();
        }
        if paths.is_empty() {
            return None;
        }
        let mut behind = Vec::new();
        for (name, sink) in &mut state.sinks {
            let reach = sink.reach();
            if reach < last_seq {
                behind.push(Behind {
                    sink: name.clone(),
                    generation: sink.generation,
                    reach,
                    lost: Lost::default(),
                });
            }
            sink.position = sink.position.max(last_seq.min(state.last_seq));
        }
        Some(Self {
            paths,
            last_seq,
            behind,
        })
    }

    /// Counts what is lost, tells it, and deletes the segments, in this order: a crash between
    /// tells twice rather than never.
    pub(crate) fn remove(mut self, shared: &Shared) {
        if !self.behind.is_empty() {
            self.count();
        }
        for behind in self.behind.iter().filter(|behind| behind.lost.count > 0) {
            if let Some(sink) = shared.lock().sinks.get_mut(&behind.sink)
                && sink.generation == behind.generation
            {
                sink.dropped += behind.lost.count;
            }
            let reason = "the journal reached its size before the sink took them".to_owned();
            shared.publish(told(behind.lost, Some(&behind.sink), reason));
            tracing::warn!(
                sink = behind.sink,
                count = behind.lost.count,
                "alerts were dropped: the journal reached its size before the sink took them"
            );
        }
        for path in &self.paths {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(%error, path = %path.display(), "an old segment of the journal cannot be deleted");
            }
        }
    }

    fn count(&mut self) {
        let mut newest = 0;
        for path in &self.paths {
            let Ok(Some(file)) = segment::open(path) else {
                continue;
            };
            let mut scanner = Scanner::new(file);
            loop {
                match scanner.step() {
                    Ok(Step::Record { offset, length }) => {
                        let Ok(payload) = scanner.payload(offset, length) else {
                            break;
                        };
                        let Some(payload) = Payload::parse(payload) else {
                            continue;
                        };
                        for seq in payload.seqs() {
                            if seq > newest && seq <= self.last_seq {
                                newest = seq;
                                for behind in &mut self.behind {
                                    if seq > behind.reach {
                                        behind.lost.add(seq, seq);
                                    }
                                }
                            }
                        }
                    }
                    Ok(Step::Damage { .. }) => {}
                    Ok(Step::Torn { .. } | Step::End { .. }) | Err(_) => break,
                }
            }
        }
    }
}
