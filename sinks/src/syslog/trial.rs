//! What the contract kit needs to try the syslog sink: a receiver on TCP that reads to the end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::kit;

#[derive(Debug)]
pub(super) struct Trial;

pub(super) const TRIAL: Trial = Trial;

struct Receiver {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

fn section(address: SocketAddr) -> String {
    format!("target = \"tcp:{address}\"\nformat = \"rfc5424\"\ntimeout = \"300ms\"")
}

#[async_trait]
impl kit::Trial for Trial {
    fn section(&self, address: SocketAddr, _: &Path) -> Option<String> {
        Some(section(address))
    }

    async fn receiver(&self, _: &Path) -> Box<dyn kit::Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut batch = Vec::new();
                let _ = stream.read_to_end(&mut batch).await;
                into.lock().unwrap().append(&mut batch);
            }
        });
        Box::new(Receiver { address, heard })
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[]
    }
}

#[async_trait]
impl kit::Receiver for Receiver {
    fn section(&self) -> String {
        section(self.address)
    }

    async fn heard(&mut self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}
