//! A visit: one connection, and the calls over it. The visit as a whole has a time limit; every
//! program on the way is told to end by itself should nobody be there any more to end it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::call::{self, Called, End};
use super::config::Ssh;
use super::hop::{self, Hop};
use super::master::{Failure, Master};
use super::options::{self, Pinned};
use super::way::{self, Way};
use super::{complaint, known_hosts, quote};
use crate::routers::shell::{Answer, ReachError, Shell};

/// How much longer than the manager waits a far program may live.
const GRACE: Duration = Duration::from_secs(5);
/// How long the small calls may take that prepare the way through a host.
const PREPARING: Duration = Duration::from_secs(30);
/// The longest command line in bytes. Source: `MAX_ARG_STRLEN` of execve(2) is 128 KiB; the log-in
/// shell's own words need some.
const LONGEST_LINE: usize = 120 << 10;

/// A session with one router.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Ssh>,
    router: String,
    pub(super) master: Master,
    hop: Option<Hop>,
    end: Instant,
}

impl Session {
    pub(super) async fn open(
        settings: Arc<Ssh>,
        name: &str,
        way: &Way,
    ) -> Result<Self, ReachError> {
        let alias = way::alias(name)?;
        let router = name.to_owned();
        let end = Instant::now() + settings.visit_timeout.get();
        let master = connect(&settings, &router, &alias, way).await?;
        let mut session = Self {
            hop: None,
            settings,
            router,
            master,
            end,
        };
        if let Way::Through { address, .. } = way
            && options::ends_on_host(&session.settings, way)
        {
            session.prepare(*address, &alias).await?;
        }
        Ok(session)
    }

    /// Sees to it that the host insists on the router's own key.
    async fn prepare(&mut self, address: std::net::IpAddr, alias: &str) -> Result<(), ReachError> {
        let settings = Arc::clone(&self.settings);
        let mut keys = known_hosts::pinned(&settings.known_hosts.path(), alias)
            .map_err(|error| hop::unusable(&settings, &error))?;
        if keys.is_empty() {
            hop::may_learn(&settings, &self.router)?;
            let scan = self
                .here(&hop::scan(&settings, address), &[], PREPARING)
                .await?;
            keys = hop::learn(&settings, &self.router, alias, &scan)?;
        }
        let lines: String = keys.iter().map(|key| key.line(alias)).collect();
        let hop = Hop::new(&settings, address, alias);
        let there = self
            .here(&words(&["cat", "--", &hop.known]), &[], PREPARING)
            .await?;
        if !there.is_well() || there.output != lines.as_bytes() {
            // Beside and renamed: a visit from another manager may read it at this moment.
            let new = format!("{}.{:016x}", hop.known, fastrand::u64(..));
            let write = words(&["dd", &format!("of={new}"), "status=none"]);
            let written = self.here(&write, lines.as_bytes(), PREPARING).await?;
            let rename = words(&["mv", "-f", "-T", "--", &new, &hop.known]);
            let renamed = self.here(&rename, &[], PREPARING).await?;
            if !written.is_well() || !renamed.is_well() {
                let said = [written.errors, renamed.errors].concat();
                return Err(ReachError::Refused(format!(
                    "{} cannot be written on the host of {}: {}",
                    hop.known,
                    self.router,
                    contract::clean::line(String::from_utf8_lossy(&said).trim())
                )));
            }
        }
        self.hop = Some(hop);
        Ok(())
    }

    /// Runs a program where the connection ends.
    async fn here(
        &mut self,
        words: &[String],
        input: &[u8],
        limit: Duration,
    ) -> Result<Answer, ReachError> {
        let line = lines(words);
        self.call(line, input, limit, GRACE).await
    }

    async fn call(
        &mut self,
        words: Vec<Vec<u8>>,
        input: &[u8],
        limit: Duration,
        grace: Duration,
    ) -> Result<Answer, ReachError> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ReachError::TimedOut(self.settings.visit_timeout.get()));
        }
        let limit = limit.min(left);
        let command = quote::argument(&ends_by_itself(words, limit + grace));
        if command.len() > LONGEST_LINE {
            return Err(ReachError::Refused(format!(
                "the command line for {} is too long: {} bytes",
                self.router,
                command.len()
            )));
        }
        let called = call::call(self.master.folder(), &command, input, limit).await?;
        let Called {
            end,
            output,
            errors,
        } = called;
        let exit = match end {
            End::Exited(code) => Some(code),
            End::NoCode if !self.master.has_ended().await => None,
            End::NoCode => return Err(self.lost("")),
            End::NoConnection(said) => return Err(self.lost(&said)),
        };
        Ok(Answer {
            exit,
            output,
            errors,
        })
    }

    fn lost(&self, said: &str) -> ReachError {
        let said = format!("{}\n{said}", self.master.complaints());
        let said = said.trim();
        let said = if said.is_empty() { "it ended" } else { said };
        ReachError::Away(format!(
            "the connection to {} was lost: {}",
            self.router,
            contract::clean::line(said)
        ))
    }
}

async fn connect(
    settings: &Ssh,
    router: &str,
    alias: &str,
    way: &Way,
) -> Result<Master, ReachError> {
    let file = settings.known_hosts.path();
    let unusable = |error: std::io::Error| hop::unusable(settings, &error);
    known_hosts::ensure(&file).map_err(unusable)?;
    let is_pinned = |name: &str| {
        Ok(!known_hosts::pinned(&file, name)
            .map_err(unusable)?
            .is_empty())
    };
    let pinned = Pinned {
        router: is_pinned(alias)?,
        host: match way {
            Way::Direct { .. } => true,
            Way::Through { host, .. } => is_pinned(host)?,
        },
    };
    let far = match way {
        Way::Through { host, .. } if options::ends_on_host(settings, way) => host,
        _ => router,
    };
    let configuration = options::configuration(settings, way, alias, pinned);
    let connect = settings.connect_timeout.get();
    // Connecting, then keys and log-in: and with a jump all of it twice.
    let limit = (connect * 3).min(settings.visit_timeout.get());
    let master = Master::connect(&configuration, limit)
        .await
        .map_err(|failure| match failure {
            Failure::Said(said) => {
                complaint::meaning(&said, far, settings.known_hosts.as_str(), connect)
            }
            Failure::TimedOut => ReachError::TimedOut(limit),
            Failure::Here(error) => Failure::here(&error),
        })?;
    // ssh goes on when it cannot keep a key; the next time anybody could be there.
    if !is_pinned(far)? {
        return Err(ReachError::Refused(format!(
            "the host key of {far} was not kept in {}",
            settings.known_hosts.as_str()
        )));
    }
    Ok(master)
}

/// A command that its own machine ends at its time, whatever became of who asked for it: a program
/// that hangs must not pile up on a router, visit by visit.
fn ends_by_itself(command: Vec<Vec<u8>>, after: Duration) -> Vec<Vec<u8>> {
    let seconds = after.as_secs().saturating_add(1).to_string();
    let mut words = lines(&words(&["timeout", "-k", "5", &seconds]));
    words.extend(command);
    words
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn lines(words: &[String]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[async_trait::async_trait]
impl Shell for Session {
    async fn run(
        &mut self,
        program: &str,
        arguments: &[&str],
        input: &[u8],
        limit: Duration,
    ) -> Result<Answer, ReachError> {
        let mut command = vec![program.as_bytes().to_vec()];
        command.extend(
            arguments
                .iter()
                .map(|argument| argument.as_bytes().to_vec()),
        );
        if command.iter().any(|word| word.contains(&0)) {
            return Err(ReachError::Refused(
                "an argument holds a NUL byte, which no program can be given".to_owned(),
            ));
        }
        let Some(hop) = self.hop.clone() else {
            return self.call(command, input, limit, GRACE).await;
        };
        // Quoted for the router's shell, then once more, as one word, for the host's.
        let inner = ends_by_itself(command, limit + GRACE);
        let mut outer = lines(&hop.words);
        outer.push(quote::line(inner.iter().map(Vec::as_slice)));
        let answer = self.call(outer, input, limit, GRACE * 2).await?;
        let said = String::from_utf8_lossy(&answer.errors);
        if answer.exit == Some(255) && complaint::is_of_ssh(&said) {
            let known = self.settings.known_hosts.as_str();
            let limit = self.settings.connect_timeout.get();
            return Err(complaint::meaning(&said, &self.router, known, limit));
        }
        Ok(answer)
    }

    async fn close(self: Box<Self>) {
        self.master.close().await;
    }
}
