//! A mail server that does as a test tells it: line by line, it answers, hangs or cuts the line.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a server does when it has heard a line.
pub(crate) enum Reply {
    Say(&'static str),
    /// The same in another encoding than UTF-8.
    SayBytes(&'static [u8]),
    Hang,
    Cut,
    /// Says this again and again, until the other side has enough.
    Babble(&'static str),
}

/// A server, and all it has heard.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

/// What an agreeable server says; the greeting is the answer to nothing, and `.` ends a mail.
pub(crate) fn agree(line: &str) -> Reply {
    Reply::Say(match line.get(..4).unwrap_or(line) {
        "" => "220 fake ESMTP\r\n",
        "EHLO" => "250-fake\r\n250 AUTH PLAIN LOGIN\r\n",
        "AUTH" => "235 welcome\r\n",
        "DATA" => "354 go on\r\n",
        _ => "250 yes\r\n",
    })
}

impl Fake {
    /// `script` is asked for every line, with the number of the connection, from 0.
    pub(crate) async fn new(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (into, script) = (Arc::clone(&heard), Arc::new(script));
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let (into, script) = (Arc::clone(&into), Arc::clone(&script));
                tokio::spawn(async move {
                    let _ = converse(stream, &into, |line| script(number, line)).await;
                });
            }
        });
        Self { address, heard }
    }

    /// The lines it has heard that begin with this.
    pub(crate) fn heard(&self, start: &str) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let lines = heard.iter().filter(|line| line.starts_with(start));
        lines.cloned().collect()
    }

    /// A section for it, without TLS.
    pub(crate) fn section(&self, timeout: &str) -> String {
        format!(
            "server = \"smtp://{}\"\nstarttls = \"never\"\nfrom = \"vrwatch@example\"\n\
             to = [\"a@example\", \"b@example\"]\ntimeout = \"{timeout}\"\n",
            self.address
        )
    }
}

async fn converse(
    stream: TcpStream,
    heard: &Mutex<Vec<String>>,
    script: impl Fn(&str) -> Reply,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut in_mail = false;
    loop {
        let reply = if in_mail && line != "." {
            None
        } else {
            Some(script(&line))
        };
        match reply {
            None => {}
            Some(Reply::Say(words)) => {
                in_mail = words.starts_with("354");
                stream.write_all(words.as_bytes()).await?;
            }
            Some(Reply::SayBytes(words)) => stream.write_all(words).await?,
            Some(Reply::Hang) => std::future::pending().await,
            Some(Reply::Cut) => return Ok(()),
            Some(Reply::Babble(words)) => loop {
                stream.write_all(words.as_bytes()).await?;
            },
        }
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        line.truncate(line.trim_end().len());
        heard.lock().unwrap().push(line.clone());
    }
}
