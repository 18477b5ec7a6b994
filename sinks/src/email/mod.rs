//! The email sink: tells people. One mail an outage while these are few, one for everything when
//! they are many; every mail about an outage in the thread of the one that opened it.

mod address;
mod config;
mod connect;
mod content;
mod errors;
mod headline;
mod layout;
mod login;
mod message;
mod plan;
mod progress;
mod rate;
mod recipients;
mod server;
mod session;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use contract::{DeliverError, Event, Fact, Sink};
use serde::Deserialize;
use tokio::time::Instant;

use crate::clock::LocalTime;
use crate::resolve::Resolver;
use crate::{BuildError, Host, Kind, Section};

use config::Config;
use errors::Why;
use message::Letterhead;
use plan::End;
use progress::Progress;
use rate::Allowance;
use recipients::Recipients;
use session::Session;

pub(crate) const KIND: Kind = Kind {
    name: "email",
    summary: "writes mails over SMTP: a thread per outage, a digest when there are many",
    sample: include_str!("sample.toml"),
    needs_disk: true,
    for_people: true,
    build: |section, host| Ok(Box::new(Email::read(section, host)?)),
    #[cfg(test)]
    trial: &trial::TRIAL,
};

/// A mail server, and the people behind it.
struct Email {
    config: Config,
    router: String,
    resolver: Resolver,
    allowance: Allowance,
    progress: Progress,
    recipients: Recipients,
    /// To how many a mail goes in one conversation: fewer where a server takes its time with each.
    at_once: usize,
}

impl Email {
    fn read(section: Section<'_>, host: &Host) -> Result<Self, BuildError> {
        let config = Config::deserialize(section)?;
        config.check_files()?;
        // A sink without a name has no place of its own.
        let file =
            (!host.sink.is_empty()).then(|| host.directory.join(&host.sink).join("mails.json"));
        Ok(Self {
            router: host.router.clone(),
            resolver: Resolver::default(),
            allowance: Allowance::new(config.rate),
            progress: Progress::new(file),
            recipients: Recipients::default(),
            at_once: usize::MAX,
            config,
        })
    }

    /// Sends what has not ended; gives why some of it must come again.
    async fn send_open(&mut self, batch: &[Event]) -> Option<String> {
        let open = self.progress.open();
        if open.is_empty() {
            return None;
        }
        let zone = LocalTime::system();
        let config = self.config.clone();
        let letterhead = Letterhead {
            from: &config.from,
            to: &config.to,
        };
        let opened = Session::open(&config, &mut self.resolver, &self.router).await;
        let mut session = match opened {
            Ok(session) => session,
            Err(error) => return Some(error.to_string()),
        };
        let mut again = None;
        for mut mail in open {
            let events: Vec<&Event> = batch
                .iter()
                .filter(|event| mail.events.contains(&event.id))
                .collect();
            let message = match letterhead.message(&mail, &events, &zone) {
                Ok(message) => message,
                Err(error) => {
                    mail.end = Some(End::Refused(format!("the mail cannot be written: {error}")));
                    self.progress.update(mail);
                    continue;
                }
            };
            let mut to: Vec<_> = config
                .to
                .iter()
                .map(address::Recipient::address)
                .filter(|address| !mail.settled.contains(&address.to_string()))
                .collect();
            let rest = to.len().saturating_sub(self.at_once);
            to.truncate(self.at_once);
            let outcome = match session.send(&to, &message).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    if matches!(error.why, Why::TimedOut { .. }) {
                        self.at_once = (to.len() / 2).max(1);
                    }
                    return Some(error.to_string());
                }
            };
            if !outcome.taken.is_empty() {
                self.allowance.used(Instant::now());
            }
            if let Some(words) = self.recipients.settle(&mut mail, &outcome, rest) {
                again.get_or_insert(format!("{}: {words}", config.server));
            }
            if mail.end.is_some() {
                self.at_once = self.at_once.saturating_mul(2);
            }
            self.progress.update(mail);
            self.progress.save().await;
        }
        session.close().await;
        again
    }

    /// What became of a batch of which nothing is open any more.
    fn answer(&self, batch: &[Event]) -> Result<(), DeliverError> {
        let mails = batch
            .iter()
            .filter_map(|event| self.progress.mail_of(&event.id));
        let refused = mails.filter_map(|mail| match &mail.end {
            Some(End::Refused(words)) => Some(words.clone()),
            Some(End::Apart) => Some("the server does not want what the mail says".into()),
            Some(End::Sent) | None => None,
        });
        // Whoever tries the sink out wants to know of every recipient.
        let a_test = batch
            .iter()
            .all(|event| matches!(event.fact, Fact::Test { .. }));
        let partly = || self.recipients.refused().filter(|_| a_test);
        match refused.into_iter().next().or_else(partly) {
            Some(words) => Err(DeliverError::Never {
                cause: format!("{}: {words}", self.config.server),
            }),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Sink for Email {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        let allowance = self.allowance.left(Instant::now());
        self.progress.prepare(batch, allowance).await;
        if let Some(cause) = self.send_open(batch).await {
            return Err(DeliverError::Later { cause, wait: None });
        }
        self.recipients.done_waiting();
        let answer = self.answer(batch);
        // A refused batch comes again event by event; then each is answered for by what became of it.
        if answer.is_ok() || batch.len() == 1 {
            self.progress.forget(batch);
        }
        answer
    }

    /// The digest window; longer while no mail may go out.
    fn gathers_for(&self) -> Duration {
        let full = self.allowance.gathers_for(Instant::now());
        self.config.digest.max(full)
    }
}

#[cfg(test)]
mod trial;
