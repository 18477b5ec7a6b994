//! Looks up a receiver's addresses, afresh for every batch: receivers move. The system's resolver
//! blocks, so it runs on a thread of its own, and never on a second one while the first still waits.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use tokio::task::JoinHandle;

/// The most addresses that are tried.
const MOST_ADDRESSES: usize = 8;

/// A look-up of one receiver (always the same), which may outlive the batch that asked for it.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    running: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
}

impl Resolver {
    /// The receiver's addresses; never empty. May be dropped while it waits: the next call waits
    /// for the same answer.
    pub(crate) async fn addresses(&mut self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let running = self.running.get_or_insert_with(|| {
            let host = host.to_owned();
            tokio::task::spawn_blocking(move || {
                Ok((host.as_str(), port)
                    .to_socket_addrs()?
                    .take(MOST_ADDRESSES)
                    .collect())
            })
        });
        let answer = running.await;
        self.running = None;
        let addresses = answer.map_err(io::Error::other)??;
        if addresses.is_empty() {
            return Err(io::Error::other("the name has no address"));
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_needs_no_look_up_and_a_name_gets_one() {
        let mut resolver = Resolver::default();
        assert_eq!(
            resolver.addresses("::1", 514).await.unwrap(),
            ["[::1]:514".parse().unwrap()]
        );
        let found = resolver.addresses("localhost", 514).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        assert!(resolver.running.is_none());
    }

    #[tokio::test]
    async fn a_look_up_that_was_given_up_is_waited_for_and_not_started_again() {
        let mut resolver = Resolver::default();
        let (answer, wait) = std::sync::mpsc::channel::<()>();
        resolver.running = Some(tokio::task::spawn_blocking(move || {
            let _ = wait.recv();
            Ok(vec!["192.0.2.7:514".parse().unwrap()])
        }));
        let given_up = tokio::time::timeout(
            std::time::Duration::from_millis(1),
            resolver.addresses("slow.invalid", 514),
        );
        assert!(given_up.await.is_err());
        drop(answer);
        assert_eq!(
            resolver.addresses("slow.invalid", 514).await.unwrap(),
            ["192.0.2.7:514".parse().unwrap()]
        );
    }
}
