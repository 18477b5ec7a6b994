//! What the contract kit needs to try the http sink: a receiver that answers 204 to whatever is
//! posted.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::kit;

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[derive(Debug)]
pub(super) struct Trial;

pub(super) const TRIAL: Trial = Trial;

struct Receiver {
    address: SocketAddr,
    folder: PathBuf,
    heard: Arc<Mutex<Vec<u8>>>,
}

fn section(address: SocketAddr, folder: &Path) -> String {
    let secret = folder.join("router.key");
    fs::write(&secret, format!("whsec_{SECRET}")).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    format!(
        "url = \"http://{address}/hook?token={SECRET}\"\nsecret_file = \"{}\"\ntimeout = \"300ms\"\ncompress = \"none\"",
        secret.display()
    )
}

/// Reads one request with its body, and answers it.
async fn answer(mut stream: TcpStream, heard: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    loop {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&request);
        let Some((fields, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = fields
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse().ok());
        if length.is_some_and(|length: usize| body.len() >= length) {
            heard.lock().unwrap().append(&mut request);
            let done = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            return stream.write_all(done).await;
        }
    }
}

#[async_trait]
impl kit::Trial for Trial {
    fn section(&self, address: SocketAddr, folder: &Path) -> Option<String> {
        Some(section(address, folder))
    }

    async fn receiver(&self, folder: &Path) -> Box<dyn kit::Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = answer(stream, &into).await;
            }
        });
        Box::new(Receiver {
            address,
            folder: folder.into(),
            heard,
        })
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SECRET]
    }
}

#[async_trait]
impl kit::Receiver for Receiver {
    fn section(&self) -> String {
        section(self.address, &self.folder)
    }

    async fn heard(&mut self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}
