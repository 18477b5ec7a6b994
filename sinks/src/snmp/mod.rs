//! Tells a network management system over SNMP: v2c or v3, traps or informs, in our own MIB or in
//! `CloudStack`'s. `vrwatch_mib` and `cloudstack_mib` say what, `session` says it; this file joins
//! them.

mod cloudstack_mib;
mod config;
mod engine;
mod engine_id;
mod identity;
mod notification;
mod secret;
mod session;
mod vrwatch_mib;
mod wire;
mod words;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contract::{DeliverError, Event, Sink, human};
use serde::Deserialize;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::clock::LocalTime;
use crate::resolve::Resolver;
use crate::{BuildError, Host, Kind, Section};
use config::{Config, Mib, NotificationKind};
use engine::EngineFile;
use identity::{Identity, IdentityError};
use notification::Notification;
use session::{Session, Trouble};
use words::Words;

pub(crate) const KIND: Kind = Kind {
    name: "snmp",
    summary: "sends an SNMP trap or inform per event, v2c or v3, in our MIB or CloudStack's",
    sample: include_str!("sample.toml"),
    needs_disk: true,
    for_people: false,
    build: |section, host| Ok(Box::new(Snmp::read(section, host)?)),
    #[cfg(test)]
    trial: &trial::TRIAL,
};

/// The most that a batch may take; the worker gives up after a minute.
const LONGEST_BATCH: Duration = Duration::from_secs(50);

/// A network management system.
struct Snmp {
    config: Arc<Config>,
    engine_file: EngineFile,
    resolver: Resolver,
    /// Who we were in the last batch.
    identity: Option<Arc<Identity>>,
    /// Making of an identity, which may outlive the batch that asked for it.
    preparing: Option<JoinHandle<Result<Identity, IdentityError>>>,
    /// Events of an unfinished batch that the receiver has acknowledged: they need not come again.
    acknowledged: HashSet<String>,
    /// Where the last batch of traps went without word that nobody listens.
    listened: Option<SocketAddr>,
    started: Instant,
}

impl Snmp {
    fn read(section: Section<'_>, host: &Host) -> Result<Self, BuildError> {
        let config = Config::deserialize(section)?;
        // Read once what is read for every batch, so that a wrong file is told with its place in the
        // configuration.
        secret::read(&config.security).map_err(BuildError::file)?;
        Ok(Self {
            config: Arc::new(config),
            engine_file: EngineFile::new(&host.directory, &host.sink),
            resolver: Resolver::default(),
            identity: None,
            preparing: None,
            acknowledged: HashSet::new(),
            listened: None,
            started: Instant::now(),
        })
    }

    /// Who we are now: files may have been replaced since the last batch.
    async fn identity(&mut self) -> Result<Arc<Identity>, DeliverError> {
        let preparing = self.preparing.get_or_insert_with(|| {
            let config = Arc::clone(&self.config);
            let file = self.engine_file.clone();
            let known = self.identity.clone();
            tokio::task::spawn_blocking(move || {
                Identity::prepare(&config.security, config.kind, &file, known.as_deref())
            })
        });
        let prepared = preparing.await;
        self.preparing = None;
        let identity = Arc::new(
            prepared
                .map_err(|error| later(&error))?
                .map_err(|error| later(&error))?,
        );
        self.identity = Some(Arc::clone(&identity));
        Ok(identity)
    }

    async fn tell(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        let identity = self.identity().await?;
        let addresses = self.addresses().await?;
        let mut unheard = None;
        for address in addresses {
            match self.tell_at(address, &identity, batch).await {
                // Another of its addresses may be the one that it listens on.
                Err(trouble @ (Trouble::NotFound | Trouble::Unanswered | Trouble::Io(_))) => {
                    unheard = Some(trouble);
                }
                Err(trouble) => return Err(self.explained(&trouble)),
                Ok(()) => {
                    self.acknowledged.clear();
                    return Ok(());
                }
            }
        }
        unheard.map_or(Ok(()), |trouble| Err(self.explained(&trouble)))
    }

    async fn addresses(&mut self) -> Result<Vec<SocketAddr>, DeliverError> {
        let peer = &self.config.target.0;
        let looking = self.resolver.addresses(&peer.host, peer.port);
        match timeout(self.config.timeout, looking).await {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(error)) => Err(later(&format_args!(
                "cannot look up {}: {error}",
                peer.host
            ))),
            Err(_) => Err(later(&format_args!(
                "looking up {} took longer than {}; is the name server reachable?",
                peer.host,
                human::Duration(self.config.timeout)
            ))),
        }
    }

    async fn tell_at(
        &mut self,
        address: SocketAddr,
        identity: &Identity,
        batch: &[Event],
    ) -> Result<(), Trouble> {
        let Config { kind, timeout, .. } = *self.config;
        // Whatever fails from here on, or is given up, takes the trust away.
        let listened = self.listened.take() == Some(address);
        let session = session::open(address, identity, kind, timeout).await?;
        let zone = LocalTime::system();
        for event in batch {
            if self.acknowledged.contains(&event.id) {
                continue;
            }
            let notification = self.notification(event, &zone);
            tell_cut(session.as_ref(), notification, self.uptime()).await?;
            if kind == NotificationKind::Inform {
                self.acknowledged.insert(event.id.clone());
            }
        }
        session.finish(listened).await?;
        self.listened = Some(address);
        Ok(())
    }

    fn notification(&self, event: &Event, zone: &LocalTime) -> Notification {
        match self.config.mib {
            Mib::Vrwatch => vrwatch_mib::notification(event, zone),
            Mib::Cloudstack(place) => cloudstack_mib::notification(event, place, zone),
        }
    }

    /// `sysUpTime`: hundredths of a second since this sink was made, modulo 2³².
    fn uptime(&self) -> u32 {
        let hundredths = self.started.elapsed().as_millis() / 10;
        u32::try_from(hundredths % (1 << 32)).unwrap_or(0)
    }

    fn explained(&self, trouble: &Trouble) -> DeliverError {
        let words = Words {
            config: &self.config,
            trouble,
        };
        match trouble {
            Trouble::TooLarge { .. } => DeliverError::Never {
                cause: words.to_string(),
            },
            _ => later(&words),
        }
    }
}

#[async_trait]
impl Sink for Snmp {
    fn confirms(&self) -> bool {
        self.config.kind == NotificationKind::Inform
    }

    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        self.acknowledged
            .retain(|id| batch.iter().any(|event| event.id == *id));
        let end = Instant::now() + LONGEST_BATCH;
        if let Ok(outcome) = timeout_at(end, self.tell(batch)).await {
            return outcome;
        }
        Err(later(&format_args!(
            "udp:{} acknowledged {} of {} informs within {}; the rest follows",
            self.config.target.0,
            self.acknowledged.len(),
            batch.len(),
            human::Duration(LONGEST_BATCH)
        )))
    }
}

/// Tells it, with its texts cut as far as the receiver makes it necessary.
async fn tell_cut(
    session: &dyn Session,
    mut notification: Notification,
    uptime: u32,
) -> Result<(), Trouble> {
    loop {
        match session.tell(&notification, uptime).await {
            Err(Trouble::TooLarge { excess }) if notification.shorten(excess.max(1)) => {}
            outcome => return outcome,
        }
    }
}

/// Whatever goes wrong on the way can heal: receivers return, files are put right.
fn later(cause: &impl ToString) -> DeliverError {
    DeliverError::Later {
        cause: crate::clean::line(&cause.to_string()),
        wait: None,
    }
}

#[cfg(test)]
mod trial;
