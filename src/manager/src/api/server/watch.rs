//! What a connection is doing and since when, and how long it may: the pure part of the limits.
//! Kept in one atomic word, so that a request costs no lock and sets no timer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has not said a word yet.
    Silent,
    /// TLS is being agreed.
    Handshake,
    /// Between two requests.
    Idle,
    /// The head of a request is coming in.
    Head,
    /// The body of a request is coming in.
    Body,
    /// A request is whole and being answered, and the answer is being taken.
    Answer,
    /// The whole answer is handed over, but not yet on its way. As long as this goes on it counts
    /// to the time of the answer.
    Parting,
}

/// How long each phase may last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For [`Phase::Silent`], [`Phase::Handshake`] and [`Phase::Head`].
    pub(super) head: Duration,
    /// For [`Phase::Idle`].
    pub(super) idle: Duration,
    /// For a whole request, which is then told so.
    pub(super) request: Duration,
}

/// The eye that is kept on one connection.
#[derive(Debug)]
pub(super) struct Watch {
    began: Instant,
    /// The phase in the lowest three bits; above them since when, in milliseconds after `began`.
    state: AtomicU64,
    /// Rung when another connection needs the place.
    pub(super) evicted: Notify,
}

/// For the client to take its answer, or to hear that its request took too long.
const GRACE: Duration = Duration::from_secs(5);

impl Phase {
    const fn number(self) -> u64 {
        match self {
            Self::Silent => 0,
            Self::Handshake => 1,
            Self::Idle => 2,
            Self::Head => 3,
            Self::Body => 4,
            Self::Answer => 5,
            Self::Parting => 6,
        }
    }

    const fn numbered(number: u64) -> Self {
        match number {
            0 => Self::Silent,
            1 => Self::Handshake,
            2 => Self::Idle,
            3 => Self::Head,
            4 => Self::Body,
            5 => Self::Answer,
            _ => Self::Parting,
        }
    }

    /// Whose place is taken first when places are short; `None` for a request that is being
    /// answered, which is never cut.
    pub(super) const fn worth(self) -> Option<u8> {
        match self {
            Self::Silent | Self::Handshake | Self::Idle | Self::Head => Some(0),
            Self::Body => Some(1),
            Self::Answer | Self::Parting => None,
        }
    }
}

impl Patience {
    fn with(self, phase: Phase) -> Duration {
        match phase {
            Phase::Silent | Phase::Handshake | Phase::Head => self.head,
            Phase::Idle => self.idle,
            Phase::Body | Phase::Answer | Phase::Parting => self.request + GRACE,
        }
    }
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            state: AtomicU64::new(Phase::Silent.number()),
            evicted: Notify::new(),
        }
    }

    pub(super) fn set(&self, phase: Phase) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX >> 3);
        self.state
            .store(elapsed << 3 | phase.number(), Ordering::Relaxed);
    }

    /// The phase, and since when.
    pub(super) fn state(&self) -> (Phase, Instant) {
        let state = self.state.load(Ordering::Relaxed);
        (
            Phase::numbered(state & 7),
            self.began + Duration::from_millis(state >> 3),
        )
    }

    /// The whole answer was handed over: its time goes on.
    pub(super) fn parts(&self) {
        let state = self.state.load(Ordering::Relaxed) & !7;
        self.state
            .store(state | Phase::Parting.number(), Ordering::Relaxed);
    }

    /// All that was handed over is on its way: what comes next is another request.
    pub(super) fn sent(&self) {
        if self.state().0 == Phase::Parting {
            self.set(Phase::Idle);
        }
    }

    /// Bytes came in: the head of a request begins, unless one is under way.
    pub(super) fn heard(&self) {
        if matches!(self.state().0, Phase::Silent | Phase::Idle) {
            self.set(Phase::Head);
        }
    }

    /// When the present phase has lasted too long.
    pub(super) fn deadline(&self, patience: Patience) -> Instant {
        let (phase, since) = self.state();
        since + patience.with(phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        request: Duration::from_secs(30),
    };

    #[tokio::test(start_paused = true)]
    async fn the_time_for_a_head_is_not_prolonged_by_its_bytes() {
        let watch = Watch::new(Instant::now());
        tokio::time::advance(Duration::from_secs(1)).await;
        watch.heard();
        let deadline = watch.deadline(PATIENCE);
        assert_eq!(deadline, Instant::now() + PATIENCE.head);
        tokio::time::advance(Duration::from_secs(9)).await;
        watch.heard();
        assert_eq!(deadline, watch.deadline(PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_of_a_body_do_not_make_a_new_head() {
        let watch = Watch::new(Instant::now());
        watch.set(Phase::Body);
        watch.heard();
        assert_eq!(watch.state().0, Phase::Body);
        watch.set(Phase::Idle);
        tokio::time::advance(Duration::from_mins(1)).await;
        watch.heard();
        assert_eq!(watch.state(), (Phase::Head, Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_has_its_time_in_all_however_slowly_it_is_taken() {
        let watch = Watch::new(Instant::now());
        watch.set(Phase::Answer);
        let deadline = watch.deadline(PATIENCE);
        tokio::time::advance(Duration::from_secs(30)).await;
        watch.sent();
        watch.parts();
        assert_eq!(watch.deadline(PATIENCE), deadline);
        watch.heard();
        assert_eq!(watch.state().0, Phase::Parting);
        watch.sent();
        assert_eq!(watch.state(), (Phase::Idle, Instant::now()));
    }

    #[test]
    fn every_phase_is_read_as_it_was_written() {
        for phase in [
            Phase::Silent,
            Phase::Handshake,
            Phase::Idle,
            Phase::Head,
            Phase::Body,
            Phase::Answer,
            Phase::Parting,
        ] {
            assert_eq!(Phase::numbered(phase.number()), phase);
        }
    }
}
