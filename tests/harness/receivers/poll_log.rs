//! The log that the poll sink writes, as somebody reads it.

use crate::harness::Router;

/// Where it is.
pub(crate) const LOG: &str = "/var/log/poll/routerServiceMonitor.log";

/// CloudStack's log.
pub(crate) struct PollLog<'router> {
    router: &'router Router,
}

impl<'router> PollLog<'router> {
    /// Its folder is there.
    pub(crate) fn of(router: &'router Router) -> Self {
        let log = Self { router };
        log.come_back();
        log
    }

    /// The body of a section for it.
    pub(crate) fn section() -> String {
        format!("log = \"{LOG}\"\ninfo = true\n")
    }

    /// From now on nothing can be written.
    pub(crate) fn go_away(&self) {
        let away = ["mv", "/var/log/poll", "/var/log/poll.away"];
        self.router.run(away).expect_success();
    }

    pub(crate) fn come_back(&self) {
        let back = "cd /var/log && { mv poll.away poll || mkdir poll; } 2>/dev/null";
        self.router.run(["sh", "-c", back]).expect_success();
    }

    /// Its lines, what was rotated away first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = self.router.read(&format!("{LOG}.1")) + &self.router.read(LOG);
        text.lines().map(str::to_owned).collect()
    }

    /// The ids of the events that the lines tell: `… [#17 ID #18 ID]`.
    pub(crate) fn ids(&self) -> Vec<String> {
        let lines = self.lines();
        let told = lines
            .iter()
            .filter_map(|line| line.strip_suffix(']')?.rsplit_once(" [#"));
        told.flat_map(|(_, told)| told.split(' ').skip(1).step_by(2).map(str::to_owned))
            .collect()
    }
}
