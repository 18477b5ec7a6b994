//! Receivers of the benchmark's own: a web server and a mail server that take everything, in plain and
//! with TLS. They do next to nothing, so what is measured is the sink.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Debian's bundle of authorities.
pub(crate) const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The most bytes of a mail or a post.
const MOST: u64 = 4 * 1024 * 1024;

/// What is needed to talk.
trait Line: Read + Write {}
impl<T: Read + Write> Line for T {}

/// How a server talks.
type Talk = fn(&mut BufReader<Box<dyn Line>>) -> io::Result<()>;

/// A server; it takes no more connections when dropped.
pub(crate) struct Loopback {
    port: u16,
    over: Arc<AtomicBool>,
}

impl Loopback {
    pub(crate) fn web(tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        Self::start(tls, take_posts)
    }

    pub(crate) fn mail(tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        Self::start(tls, take_mails)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    fn start(tls: Option<Arc<ServerConfig>>, talk: Talk) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let tls = tls.clone();
                std::thread::spawn(move || {
                    if let Ok(line) = line(stream, tls) {
                        // Whoever breaks off sees to it himself.
                        let _ = talk(&mut BufReader::new(line));
                    }
                });
            }
        });
        Ok(Self { port, over })
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it, so that it sees that.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn line(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<Box<dyn Line>> {
    stream.set_nodelay(true)?;
    let Some(config) = tls else {
        return Ok(Box::new(stream));
    };
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    Ok(Box::new(StreamOwned::new(connection, stream)))
}

/// HTTP/1.1: reads each post to its end and answers 202.
fn take_posts(line: &mut BufReader<Box<dyn Line>>) -> io::Result<()> {
    loop {
        let mut length = 0;
        loop {
            let mut header = String::new();
            if line.read_line(&mut header)? == 0 {
                return Ok(());
            }
            if header.trim_end().is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0).min(MOST);
            }
        }
        io::copy(&mut line.take(length), &mut io::sink())?;
        line.get_mut()
            .write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")?;
        line.get_mut().flush()?;
    }
}

/// SMTP without extensions: takes every mail.
fn take_mails(line: &mut BufReader<Box<dyn Line>>) -> io::Result<()> {
    let mut answer = "220 loopback ESMTP\r\n";
    let mut in_mail = false;
    loop {
        if !answer.is_empty() {
            line.get_mut().write_all(answer.as_bytes())?;
            line.get_mut().flush()?;
        }
        let mut words = String::new();
        if line.read_line(&mut words)? == 0 {
            return Ok(());
        }
        let words = words.trim_end();
        answer = match (in_mail, words.get(..4).unwrap_or(words)) {
            (true, ".") => {
                in_mail = false;
                "250 taken\r\n"
            }
            (true, _) => "",
            (false, "DATA") => {
                in_mail = true;
                "354 go on\r\n"
            }
            (false, "QUIT") => "221 bye\r\n",
            (false, _) => "250 yes\r\n",
        };
    }
}

/// An authority whose certificate lies in one file with the system's, so that whoever trusts it
/// reads as many certificates as a sink does by default.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// The certificates.
    pub(crate) file: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let own = params.self_signed(&key)?.pem();
        let file = folder.join("authorities.pem");
        let system = std::fs::read_to_string(SYSTEM_AUTHORITIES)?;
        std::fs::write(&file, system + &own)?;
        let issuer = Issuer::new(params, key);
        Ok(Self { issuer, file })
    }

    /// How a server at 127.0.0.1 speaks TLS.
    pub(crate) fn server(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(["127.0.0.1".to_owned()])?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(certificate.der().to_vec())],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )?;
        Ok(Arc::new(config))
    }
}
