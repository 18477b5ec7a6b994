//! The way to a mail server: its addresses, the connection, and TLS over it, all within one time
//! limit.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::config::{Config, Tls};
use super::errors::{Step, Why, shown};
use super::login::Secrets;
use super::server::Scheme;
use super::wire::{self, StartTlsError, Wire};
use crate::peer::is_host_name;
use crate::resolve::Resolver;
use crate::tls;

/// One time limit for all of a conversation.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) whole: Duration,
    pub(super) end: Instant,
}

impl Limit {
    fn passed(self, step: Step) -> Why {
        Why::TimedOut {
            step,
            limit: self.whole,
        }
    }

    pub(super) async fn io<T>(
        self,
        step: Step,
        work: impl Future<Output = io::Result<T>>,
    ) -> Result<T, Why> {
        match timeout_at(self.end, work).await {
            Ok(done) => done.map_err(|source| Why::Io { step, source }),
            Err(_) => Err(self.passed(step)),
        }
    }

    /// A step of SMTP: in time, whatever the answer.
    pub(super) async fn smtp<T>(
        self,
        step: Step,
        work: impl Future<Output = Result<T, SmtpError>>,
    ) -> Result<Result<T, SmtpError>, Why> {
        timeout_at(self.end, work)
            .await
            .map_err(|_| self.passed(step))
    }
}

/// Tries the server's addresses in turn; each gets its share of the time that is left.
pub(super) async fn connect(
    config: &Config,
    resolver: &mut Resolver,
    limit: Limit,
) -> Result<TcpStream, Why> {
    let peer = &config.server.peer;
    let resolving = resolver.addresses(&peer.host, peer.port);
    let addresses = limit.io(Step::Resolve, resolving).await?;
    let mut why = limit.passed(Step::Connect);
    for (index, address) in addresses.iter().enumerate() {
        let left = limit.end.saturating_duration_since(Instant::now());
        let shares = u32::try_from(addresses.len() - index).unwrap_or(1);
        let share = Limit {
            end: Instant::now() + left / shares,
            ..limit
        };
        match share.io(Step::Connect, TcpStream::connect(address)).await {
            Ok(stream) => {
                // A mail and the dot that ends it are two writes: without this the dot waits
                // until the server acknowledges the mail, which it puts off for 40 ms. Where the
                // kernel will not have it, it is only slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// How we introduce ourselves. Servers that check it want a name with a domain, or the address
/// that we come from (RFC 5321 §4.1.4).
pub(super) fn hello(config: &Config, router: &str, stream: &TcpStream) -> ClientId {
    let full = |name: &&str| name.contains('.') && is_host_name(name);
    if let Some(name) = config.helo.as_deref().or(Some(router).filter(full)) {
        return ClientId::Domain(name.to_owned());
    }
    match stream
        .local_addr()
        .map(|address| address.ip().to_canonical())
    {
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::default(),
    }
}

/// The connection as SMTP is to be spoken over it.
pub(super) async fn prepared(
    config: &Config,
    mut stream: TcpStream,
    hello: &ClientId,
    limit: Limit,
) -> Result<Box<dyn AsyncTokioStream>, Why> {
    let peer = stream.peer_addr().map_err(|source| Why::Io {
        step: Step::Connect,
        source,
    })?;
    let Some(tls) = &config.tls else {
        return Ok(Box::new(Wire::new(stream, peer)));
    };
    if config.server.scheme == Scheme::Smtps {
        let stream = handshake(tls, stream, limit).await?;
        return Ok(Box::new(Wire::new(stream, peer)));
    }
    match timeout_at(limit.end, wire::start_tls(&mut stream, hello)).await {
        Ok(Ok(())) => {}
        Ok(Err(StartTlsError::Io(source))) => {
            let step = Step::Greet;
            return Err(Why::Io { step, source });
        }
        Ok(Err(StartTlsError::Refused(words))) => {
            let words = shown(words, &Secrets::default());
            return Err(Why::StartTls(StartTlsError::Refused(words)));
        }
        Ok(Err(other)) => return Err(Why::StartTls(other)),
        Err(_) => return Err(limit.passed(Step::Greet)),
    }
    let stream = handshake(tls, stream, limit).await?;
    Ok(Box::new(Wire::new(stream, peer).greeted()))
}

async fn handshake(
    tls: &Tls,
    stream: TcpStream,
    limit: Limit,
) -> Result<impl AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static + use<>, Why> {
    let settings = tls.settings.clone();
    let loading = tokio::task::spawn_blocking(move || settings.load());
    let loaded = limit
        .io(Step::Handshake, async { Ok(loading.await?) })
        .await??;
    let connector = TlsConnector::from(Arc::new(loaded));
    let connecting = connector.connect(tls.server_name.clone(), stream);
    match limit.io(Step::Handshake, connecting).await {
        Err(Why::Io { step, source }) => Err(
            match tls::explain(&source, &tls.settings, &tls.server_name.to_str()) {
                Some(words) => Why::Tls(words),
                None => Why::Io { step, source },
            },
        ),
        other => other,
    }
}
