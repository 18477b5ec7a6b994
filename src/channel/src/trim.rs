//! Keeps the journal within its size: the oldest segments go first, and what a sink had not taken
//! yet is counted, to the event.

use std::fs;
use std::path::PathBuf;

use crate::lost::Lost;
use crate::lost::told;
use crate::record::Payload;
use crate::scan::{Scanner, Step};
use crate::segment;
use crate::shared::Shared;
use crate::state::State;

/// Why events were lost.
pub(crate) const REASON: &str = "the journal reached its size before the sink took them";

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
    /// Whether anything but reports of loss is among it.
    worth_telling: bool,
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
                    worth_telling: false,
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
        shared.tell_refused_up_to(self.last_seq);
        if !self.behind.is_empty() {
            self.count();
        }
        for behind in self.behind.iter().filter(|behind| behind.lost.count > 0) {
            let lost = shared.with_sink(&behind.sink, behind.generation, |sink| {
                sink.dropped += behind.lost.count;
                sink.untold.merge(behind.lost);
                // A loss of reports alone is told with the next other one, or reports would push
                // each other out for ever.
                behind
                    .worth_telling
                    .then(|| std::mem::take(&mut sink.untold))
            });
            let lost = lost.unwrap_or(Some(behind.lost));
            if let Some(lost) = lost {
                shared.publish(told(lost, Some(&behind.sink), REASON.to_owned()));
            }
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
                        for (seq, report) in payload.seqs_and_reports() {
                            if seq > newest && seq <= self.last_seq {
                                newest = seq;
                                for behind in &mut self.behind {
                                    if seq > behind.reach {
                                        behind.lost.add(seq, seq);
                                        behind.worth_telling |= !report;
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
