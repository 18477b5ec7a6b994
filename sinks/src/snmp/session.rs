//! Speaks with one receiver for the length of a batch. The only place, with `identity` and `wire`,
//! that knows the library: the rest sees a [`Session`] and a [`Trouble`].
//!
//! A session is not kept: receivers move, restart, and change their engine, and a new session finds
//! all of that out for one or two packets.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_snmp::v3::ReportStatus;
use async_snmp::{Client, ClientBuilder, Error, ErrorStatus, Oid, Retry, VarBind};
use async_trait::async_trait;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::config::NotificationKind;
use super::identity::Identity;
use super::notification::{Notification, Value};
use super::wire::Wire;

/// How often an inform is sent at most while its answer is waited for.
const TRIES: u32 = 3;
/// How long after the last trap of a batch word may come that nobody listens.
const REFUSAL: Duration = Duration::from_millis(100);
/// The same from this very machine, whose kernel answers before it is done with sending.
const REFUSAL_HERE: Duration = Duration::from_millis(10);
/// By how much a message is cut when the receiver says no more than that it is too big; bytes.
const CUT: usize = 200;

/// A way to tell one receiver.
#[async_trait]
pub(super) trait Session: Send + Sync {
    /// Tells one notification; an inform returns once it is acknowledged. `uptime` is
    /// `sysUpTime.0`, in hundredths of a second.
    async fn tell(&self, notification: &Notification, uptime: u32) -> Result<(), Trouble>;

    /// Waits for what may still come back after the last one; shorter for a receiver on this
    /// machine that `listened` before.
    async fn finish(&self, listened: bool) -> Result<(), Trouble>;
}

/// What went wrong, before it is put into words.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No answer to the question who the receiver is.
    NotFound,
    /// No answer to an inform.
    Unanswered,
    /// The socket says so.
    Io(io::Error),
    /// The receiver refuses the message.
    Refused(Refusal),
    /// Its answer is an error status, by its name.
    Status(String),
    /// The message is too large by so many bytes.
    TooLarge { excess: usize },
    /// Anything else, in the library's words.
    Other(String),
}

/// What a receiver has against a v3 message. Source: RFC 3414 §5, `usmStats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownUser,
    WrongDigest,
    CannotDecrypt,
    Level,
    TimeWindow,
    UnknownEngine,
}

struct Snmp {
    client: Client<Wire>,
    wire: Wire,
    kind: NotificationKind,
}

/// Opens a session. For v3 informs this asks the receiver for its engine.
pub(super) async fn open(
    address: SocketAddr,
    identity: &Identity,
    kind: NotificationKind,
    timeout: Duration,
) -> Result<Box<dyn Session>, Trouble> {
    let wire = Wire::open(address).await.map_err(Trouble::Io)?;
    let retry = Retry::fixed(TRIES - 1, Duration::ZERO)
        .map_err(|error| Trouble::Other(error.to_string()))?;
    let mut builder = ClientBuilder::new(identity.auth.clone())
        .request_timeout(timeout / TRIES)
        .exchange_timeout(Some(timeout))
        .send_timeout(timeout)
        .retry(retry);
    if let Some(engine) = &identity.engine {
        builder = builder.local_authoritative_engine(engine.clock.clone());
    }
    let client = builder
        .build_with_transport(wire.clone())
        .map_err(|error| trouble(&error))?;
    let asks = kind == NotificationKind::Inform && client.security_level().is_some();
    if asks {
        client
            .rediscover_engine()
            .with_subscriber(NoSubscriber::default())
            .await
            .map_err(|error| match trouble(&error) {
                Trouble::Unanswered => Trouble::NotFound,
                other => other,
            })?;
    }
    Ok(Box::new(Snmp { client, wire, kind }))
}

#[async_trait]
impl Session for Snmp {
    async fn tell(&self, notification: &Notification, uptime: u32) -> Result<(), Trouble> {
        let name = Oid::from_slice(&notification.name);
        let values = notification
            .values
            .iter()
            .map(|(name, value)| VarBind::new(Oid::from_slice(name), library_value(value)))
            .collect();
        // The library logs every failure as an error of its own; ours says more.
        let outcome = match self.kind {
            NotificationKind::Inform => {
                self.client
                    .send_inform(&name, uptime, values)
                    .with_subscriber(NoSubscriber::default())
                    .await
            }
            NotificationKind::Trap => {
                self.client
                    .send_trap(&name, uptime, values)
                    .with_subscriber(NoSubscriber::default())
                    .await
            }
        };
        outcome.map_err(|error| match trouble(&error) {
            Trouble::Unanswered => self
                .wire
                .overheard()
                .and_then(|report| refusal(&report))
                .map_or(Trouble::Unanswered, Trouble::Refused),
            other => other,
        })
    }

    async fn finish(&self, listened: bool) -> Result<(), Trouble> {
        match self.kind {
            NotificationKind::Inform => Ok(()),
            NotificationKind::Trap => self
                .wire
                .listen_for_refusal(patience(self.wire.stays_here(), listened))
                .await
                .map_err(Trouble::Io),
        }
    }
}

/// How long to wait for a refusal. Who has not listened yet, or not the last time, gets all of the
/// time: a kernel under load may be late to answer itself.
const fn patience(here: bool, listened: bool) -> Duration {
    if here && listened {
        REFUSAL_HERE
    } else {
        REFUSAL
    }
}

fn library_value(value: &Value) -> async_snmp::Value {
    match value {
        Value::Integer(number) => async_snmp::Value::Integer(*number),
        Value::Unsigned(number) => async_snmp::Value::Gauge32(*number),
        Value::Counter(number) => async_snmp::Value::Counter64(*number),
        Value::Text(text) => async_snmp::Value::OctetString(text.clone().into_bytes().into()),
        Value::Octets(octets) => async_snmp::Value::OctetString(octets.clone().into()),
    }
}

fn trouble(error: &Error) -> Trouble {
    let error = error.exchange_source();
    match error {
        Error::SharedOperation { source } => trouble(source),
        Error::Timeout { .. } => Trouble::Unanswered,
        Error::Network { source, .. } => Trouble::Io(same(source)),
        Error::OutboundMessageTooLarge { size, limit } => Trouble::TooLarge {
            excess: size.saturating_sub(*limit),
        },
        Error::Snmp {
            status: ErrorStatus::TooBig,
            ..
        } => Trouble::TooLarge { excess: CUT },
        Error::Snmp { status, .. } => Trouble::Status(status.to_string()),
        Error::Report { status, .. } => refusal(status).map_or_else(
            || Trouble::Other(format!("the receiver reports {status}")),
            Trouble::Refused,
        ),
        Error::MalformedResponse { .. } => {
            Trouble::Other("the receiver's answer is no acknowledgement".into())
        }
        other => Trouble::Other(with_sources(other)),
    }
}

fn refusal(status: &ReportStatus) -> Option<Refusal> {
    Some(match status {
        ReportStatus::UnknownUserName { .. } => Refusal::UnknownUser,
        ReportStatus::WrongDigest { .. } => Refusal::WrongDigest,
        ReportStatus::DecryptionError { .. } => Refusal::CannotDecrypt,
        ReportStatus::UnsupportedSecurityLevel { .. } => Refusal::Level,
        ReportStatus::NotInTimeWindow { .. } => Refusal::TimeWindow,
        ReportStatus::UnknownEngineId { .. } => Refusal::UnknownEngine,
        _ => return None,
    })
}

/// The same error once more, because the library lends only its own.
fn same(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(
        || io::Error::new(error.kind(), error.to_string()),
        io::Error::from_raw_os_error,
    )
}

fn with_sources(error: &Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            let _ = write!(words, ": {cause_words}");
        }
        source = cause.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_here_and_has_listened_is_trusted_after_a_short_silence() {
        assert_eq!(patience(true, true), REFUSAL_HERE);
        for (here, listened) in [(true, false), (false, true), (false, false)] {
            assert_eq!(patience(here, listened), REFUSAL);
        }
    }
}
