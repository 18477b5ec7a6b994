//! What the contract kit needs to try the pigeon: a loft.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::kit;

#[derive(Debug)]
pub(super) struct Trial;

pub(super) const TRIAL: Trial = Trial;

struct Loft {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

fn section(address: SocketAddr) -> String {
    format!("loft = \"{address}\"\ntimeout = \"500ms\"")
}

#[async_trait]
impl kit::Trial for Trial {
    fn section(&self, address: SocketAddr, _: &Path) -> Option<String> {
        Some(section(address))
    }

    async fn receiver(&self, _: &Path) -> Box<dyn kit::Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let loft = Loft {
            address: listener.local_addr().unwrap(),
            heard: Arc::clone(&heard),
        };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut notes = Vec::new();
                if stream.read_to_end(&mut notes).await.is_ok() {
                    heard.lock().unwrap().extend(notes);
                    let _ = stream.write_all(b"taken\n").await;
                }
            }
        });
        Box::new(loft)
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[]
    }
}

#[async_trait]
impl kit::Receiver for Loft {
    fn section(&self) -> String {
        section(self.address)
    }

    async fn heard(&mut self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}
