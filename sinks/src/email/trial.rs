//! What the contract kit needs to try the email sink: a server that lets us log in and takes every
//! mail.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::kit;

#[derive(Debug)]
pub(super) struct Trial;

pub(super) const TRIAL: Trial = Trial;

const PASSWORD: &str = "secret-of-the-trial";

struct Receiver {
    section: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

fn section(address: SocketAddr, folder: &Path) -> String {
    let file = folder.join("password");
    fs::write(&file, PASSWORD).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    format!(
        "server = \"smtp://{address}\"\nstarttls = \"never\"\ntimeout = \"300ms\"\n\
         from = \"vrwatch@example\"\nto = [\"ops@example\", \"dev@example\"]\n\
         user = \"trial\"\npassword_file = \"{}\"\nallow_plaintext_password = true\n",
        file.display()
    )
}

/// Takes mails until the client is gone.
async fn converse(stream: TcpStream, heard: Arc<Mutex<Vec<u8>>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 trial ESMTP\r\n").await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let answer = match line.get(..4) {
            Some("EHLO") => "250-trial\r\n250 AUTH PLAIN\r\n",
            Some("AUTH") => "235 welcome\r\n",
            Some("DATA") => {
                stream.write_all(b"354 go on\r\n").await?;
                let mut mail = Vec::new();
                while !mail.ends_with(b"\r\n.\r\n") {
                    stream.read_until(b'\n', &mut mail).await?;
                }
                heard.lock().unwrap().append(&mut mail);
                "250 taken\r\n"
            }
            _ => "250 yes\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

#[async_trait]
impl kit::Trial for Trial {
    fn section(&self, address: SocketAddr, folder: &Path) -> Option<String> {
        Some(section(address, folder))
    }

    async fn receiver(&self, folder: &Path) -> Box<dyn kit::Receiver> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let section = section(listener.local_addr().unwrap(), folder);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&into)));
            }
        });
        Box::new(Receiver { section, heard })
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[PASSWORD, "c2VjcmV0LW9mLXRoZS10cmlhbA=="]
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
