//! What the contract kit needs to try the SNMP sink: a receiver of v2c informs that acknowledges
//! each by sending it back as a response.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::net::UdpSocket;

use crate::kit;

#[derive(Debug)]
pub(super) struct Trial;

pub(super) const TRIAL: Trial = Trial;

const COMMUNITY: &str = "kit-community";

/// Source: RFC 3416 §3.
const INFORM: u8 = 0xa6;
const RESPONSE: u8 = 0xa2;

struct Receiver {
    section: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

fn section(address: SocketAddr, folder: &Path) -> String {
    let file = folder.join("community");
    fs::write(&file, COMMUNITY).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    format!(
        "target = \"udp:{address}\"\nversion = \"v2c\"\ncommunity_file = \"{}\"\ntimeout = \"300ms\"",
        file.display()
    )
}

/// Where the PDU begins in a v2c message: after the outer header, the version and the community.
fn pdu(message: &[u8]) -> usize {
    let after_header = |at: usize| match message[at + 1] {
        short @ 0..0x80 => (at + 2, usize::from(short)),
        long => {
            let octets = usize::from(long & 0x7f);
            let length = message[at + 2..at + 2 + octets]
                .iter()
                .fold(0, |length, octet| length << 8 | usize::from(*octet));
            (at + 2 + octets, length)
        }
    };
    let (version, _) = after_header(0);
    let (content, length) = after_header(version);
    let (content, length) = after_header(content + length);
    content + length
}

#[async_trait]
impl kit::Trial for Trial {
    fn section(&self, address: SocketAddr, folder: &Path) -> Option<String> {
        Some(section(address, folder))
    }

    async fn receiver(&self, folder: &Path) -> Box<dyn kit::Receiver> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let section = section(socket.local_addr().unwrap(), folder);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, sender)) = socket.recv_from(&mut buffer).await {
                let message = &mut buffer[..length];
                into.lock().unwrap().extend_from_slice(message);
                let pdu = pdu(message);
                assert_eq!(message[pdu], INFORM);
                message[pdu] = RESPONSE;
                let _ = socket.send_to(message, sender).await;
            }
        });
        Box::new(Receiver { section, heard })
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[COMMUNITY]
    }
}

#[async_trait]
impl kit::Receiver for Receiver {
    fn section(&self) -> String {
        self.section.clone()
    }

    async fn heard(&mut self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}
