//! One receiver's UDP socket, for the library to speak through. Connected, because only such a
//! socket learns that nobody listens at the far end.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_snmp::message::V3Message;
use async_snmp::v3::{ReportStatus, classify_report};
use async_snmp::{
    Candidate, DecodeConfig, Error, ReceiveLimits, RequestRegistration, ResponseIdentity, Transport,
};
use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout, timeout_at};

/// The most that is sent in one message; bytes. With the headers of IPv6 and UDP it fits a frame of
/// Ethernet, so that no fragment can get lost.
pub(super) const LARGEST_MESSAGE: usize = 1452;
/// The most that is read of an answer, which repeats the question; bytes.
const LARGEST_ANSWER: usize = 4096;

type Result<T> = std::result::Result<T, Box<Error>>;

/// A connected socket.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    socket: Arc<UdpSocket>,
    peer: SocketAddr,
    local: SocketAddr,
    /// The last report that the library did not take.
    overheard: Arc<Mutex<Option<ReportStatus>>>,
}

impl Wire {
    /// Opens a socket to the receiver; sends nothing.
    pub(super) async fn open(peer: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = match peer {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(peer).await?;
        Ok(Self {
            local: socket.local_addr()?,
            socket: Arc::new(socket),
            peer,
            overheard: Arc::default(),
        })
    }

    /// Whether the receiver is on this very machine.
    pub(super) fn stays_here(&self) -> bool {
        self.peer.ip().is_loopback() || self.peer.ip() == self.local.ip()
    }

    /// What the receiver has reported without a signature, which it cannot give when it does not know
    /// the user or refuses ours. The library passes over such a report, because anybody could have
    /// sent it; as an explanation of a silence it is good enough.
    pub(super) fn overheard(&self) -> Option<ReportStatus> {
        let overheard = self.overheard.lock();
        overheard.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn overhear(&self, answer: Bytes) {
        let report = V3Message::decode(answer, DecodeConfig::DEFAULT)
            .ok()
            .and_then(|decoded| classify_report(decoded.value.pdu()?).ok());
        if report.is_some() {
            let overheard = self.overheard.lock();
            *overheard.unwrap_or_else(PoisonError::into_inner) = report;
        }
    }

    /// Waits so long for word that nobody listens.
    pub(super) async fn listen_for_refusal(&self, patience: Duration) -> io::Result<()> {
        let mut nothing = [0; 1];
        let end = Instant::now() + patience;
        // Whatever else comes in is no answer to a trap.
        while let Ok(received) = timeout_at(end, self.socket.recv(&mut nothing)).await {
            received?;
        }
        Ok(())
    }

    fn failed<T>(&self, source: io::Error) -> Result<T> {
        Err(Error::Network {
            target: self.peer,
            source,
        }
        .boxed())
    }

    async fn exchange<T, F>(
        &self,
        data: &[u8],
        registration: &RequestRegistration,
        mut validate: F,
    ) -> Result<T>
    where
        F: FnMut(Bytes, SocketAddr) -> Result<Candidate<T>> + Send,
    {
        self.send(data).await?;
        let mut buffer = vec![0; LARGEST_ANSWER];
        loop {
            let length = match self.socket.recv(&mut buffer).await {
                Ok(length) => length,
                Err(source) => return self.failed(source),
            };
            let answer = Bytes::copy_from_slice(&buffer[..length]);
            if registration.evaluate_response_identity(&answer, true) == ResponseIdentity::Reject {
                continue;
            }
            match validate(answer.clone(), self.peer)? {
                Candidate::Accept(accepted) => return Ok(accepted),
                Candidate::Reject => self.overhear(answer),
            }
        }
    }
}

impl Transport for Wire {
    async fn send(&self, data: &[u8]) -> Result<()> {
        if data.len() > LARGEST_MESSAGE {
            return Err(Error::OutboundMessageTooLarge {
                size: data.len(),
                limit: LARGEST_MESSAGE,
            }
            .boxed());
        }
        match self.socket.send(data).await {
            Ok(_) => Ok(()),
            Err(source) => self.failed(source),
        }
    }

    async fn request_with<T, F>(
        &self,
        data: &[u8],
        registration: RequestRegistration,
        validate: F,
    ) -> Result<T>
    where
        T: Send,
        F: FnMut(Bytes, SocketAddr) -> Result<Candidate<T>> + Send,
    {
        let start = Instant::now();
        let left = registration.deadline().saturating_duration_since(start);
        timeout(left, self.exchange(data, &registration, validate))
            .await
            .unwrap_or_else(|_| {
                Err(Error::Timeout {
                    target: self.peer,
                    elapsed: left,
                    retries: 0,
                }
                .boxed())
            })
    }

    fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn is_reliable(&self) -> bool {
        false
    }

    fn receive_limits(&self) -> ReceiveLimits {
        ReceiveLimits::udp(LARGEST_ANSWER).unwrap_or(async_snmp::UDP_RECEIVE_LIMITS)
    }

    fn send_capacity(&self) -> usize {
        LARGEST_MESSAGE
    }
}
