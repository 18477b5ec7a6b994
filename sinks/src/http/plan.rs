//! What a router watches, fetched from the management server: `GET /api/v1/routers/NAME/services`.
//!
//! Both ways are signed with the router's key as Standard Webhooks 1.0.0 has it: the request, which
//! has no body, over its path, and the answer over its `ETag` and its body, with the request's id.
//! That id is random and used once, so an old answer serves for no other request. Nothing is tried
//! twice here, and nothing unsigned is believed.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::{Timestamp, human};
use reqwest::StatusCode;
use reqwest::header::{ETAG, HeaderMap, IF_NONE_MATCH};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::address::Address;
use super::answer::{Answer, Refusal};
use super::line::{Exchange, Line};
use super::percent;
use super::signature::{self, Keys};
use crate::tls;

/// The largest answer that is read; bytes.
const LARGEST: usize = 256 * 1024;
/// The longest `ETag` that is kept; bytes.
const LONGEST_ETAG: usize = 200;
/// The least and the most that `timeout` may be.
const TIMEOUTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(50));
const USUAL_TIMEOUT: Duration = Duration::from_secs(20);

const HINT: &str = "does `secret_file` hold this router's key, does the manager know the router by this name, and are \
                    both clocks right?";

/// How the manager is reached, as a configuration says it. [`Settings`] is what is made of it.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// `https://manager.example:8443`.
    pub url: String,
    /// The file with this router's key, mode 0600.
    pub secret_file: PathBuf,
    /// How long one answer may take; `20s` when absent.
    pub timeout: Option<human::Duration>,
    /// A proxy, `http://HOST:PORT`; the environment's are never asked.
    pub proxy: Option<String>,
    /// PEM with the authorities that may vouch for the manager; absent: the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM with our certificate, where the manager asks for one.
    pub certificate_file: Option<PathBuf>,
    /// PEM with its key, mode 0600.
    pub key_file: Option<PathBuf>,
    /// Whether `http://` may be used beyond this machine.
    pub insecure: bool,
}

/// How the manager is reached. Cannot be made but of what passed every check; holds paths, never keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    url: Address,
    secret: PathBuf,
    timeout: Duration,
    proxy: Option<Address>,
    tls: Option<tls::Settings>,
}

/// Why settings are refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct FetchError {
    cause: String,
    /// The manager's wish, HTTP `Retry-After`.
    pub wait: Option<Duration>,
}

/// What the manager says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// What is known is still right.
    Same,
    /// This is to be watched.
    List {
        /// What to call it in the next request.
        etag: String,
        /// The text of `/etc/monitor.conf`.
        monitor_conf: String,
    },
}

/// The manager, as one router sees it.
#[derive(Debug)]
pub struct Source {
    exchange: Exchange,
    secret: [PathBuf; 1],
    router: String,
    /// As it stands in the request line.
    path: String,
}

/// The part of the answer that counts here.
#[derive(Deserialize)]
struct Told {
    router: String,
    monitor_conf: String,
}

impl TryFrom<Written> for Settings {
    type Error = SettingsError;

    fn try_from(written: Written) -> Result<Self, SettingsError> {
        let wrong =
            |key: &str, words: &dyn fmt::Display| SettingsError(format!("`{key}`: {words}"));
        let plain = |error: &dyn fmt::Display| SettingsError(error.to_string());
        let url = Address::try_from(written.url).map_err(|words| wrong("url", &words))?;
        if url.url().path() != "/" || url.url().query().is_some() {
            let words = "write it without a path: \"https://HOST:PORT\"; the path is always the same, and signed";
            return Err(wrong("url", &words));
        }
        if !url.speaks_tls() && !is_loopback(url.host()) && !written.insecure {
            let words = "over \"http://…\" anyone on the way reads what is watched: use \"https://…\", \
                         or set insecure = true";
            return Err(wrong("url", &words));
        }
        let proxy = written.proxy.map(Address::try_from).transpose();
        let proxy = proxy.map_err(|words| wrong("proxy", &words))?;
        let timeout = written.timeout.map_or(USUAL_TIMEOUT, |timeout| timeout.0);
        if timeout < TIMEOUTS.0 || timeout > TIMEOUTS.1 {
            let words = format!("is {}: use 100ms to 50s", human::Duration(timeout));
            return Err(wrong("timeout", &words));
        }
        if !written.secret_file.is_absolute() {
            return Err(wrong("secret_file", &"must be an absolute path"));
        }
        // Read once now, so that a wrong file is told with its place in the configuration.
        Keys::read(std::slice::from_ref(&written.secret_file)).map_err(|error| plain(&error))?;
        let keys = tls::Keys {
            authorities: written.ca_file,
            certificate: written.certificate_file,
            key: written.key_file,
        };
        let encrypted = url.speaks_tls() || proxy.as_ref().is_some_and(Address::speaks_tls);
        let tls = match keys.first_given() {
            _ if encrypted => Some(tls::Settings::checked(keys).map_err(|error| plain(&error))?),
            Some(key) => {
                let words = "says how to speak TLS, but `url` is \"http://…\": remove the key";
                return Err(wrong(key, &words));
            }
            None => None,
        };
        Ok(Self {
            url,
            secret: written.secret_file,
            timeout,
            proxy,
            tls,
        })
    }
}

impl Settings {
    /// Where the manager is: `https://manager.example:8443`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.to_string()
    }
}

/// Whether what is sent to this host stays on this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

impl From<Refusal> for FetchError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Later { cause, wait } => Self { cause, wait },
            Refusal::Never { cause } | Refusal::Gone { cause } => Self::because(cause),
        }
    }
}

impl FetchError {
    fn because(cause: impl fmt::Display) -> Self {
        Self {
            cause: cause.to_string(),
            wait: None,
        }
    }
}

impl Source {
    /// The manager of these settings, as `router` sees it.
    #[must_use]
    pub fn new(settings: Settings, router: &str) -> Self {
        let name = percent::encode(router, b"-._~");
        let url = settings
            .url
            .with_path(&format!("/api/v1/routers/{name}/services"));
        Self {
            path: url.url().path().to_owned(),
            exchange: Exchange::new(url, settings.timeout, settings.proxy, settings.tls),
            secret: [settings.secret],
            router: router.to_owned(),
        }
    }

    /// Asks what is to be watched; `known` is the `ETag` of what is known already.
    ///
    /// # Errors
    /// [`FetchError`], which says what to do about it.
    pub async fn fetch(&self, known: Option<&str>) -> Result<Fetched, FetchError> {
        let limit = self.exchange.timeout();
        let end = Instant::now() + limit;
        let answered = timeout_at(end, self.ask(known, end)).await;
        answered
            .unwrap_or_else(|_| {
                let limit = human::Duration(limit);
                Err(FetchError::because(format!(
                    "it gave no whole answer within {limit}"
                )))
            })
            .map_err(|FetchError { cause, wait }| FetchError {
                cause: format!("{}: {cause}", self.exchange.name()),
                wait,
            })
    }

    async fn ask(&self, known: Option<&str>, end: Instant) -> Result<Fetched, FetchError> {
        // Read every time, so that a replaced key is used at once.
        let keys = Keys::read(&self.secret).map_err(FetchError::because)?;
        let id = fresh_id()?;
        let mut headers = HeaderMap::new();
        let timestamp = Timestamp::now().unix_millis().div_euclid(1000);
        let path = self.path.as_bytes();
        signature::insert(&mut headers, &keys, &id, timestamp, path).map_err(FetchError::from)?;
        if let Some(known) = known {
            let known = known.try_into().map_err(FetchError::because)?;
            headers.insert(IF_NONE_MATCH, known);
        }
        let line: Line<'_> = self.exchange.open(end).await?;
        let answer = line.get(headers).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if known.is_some() => {}
            _ => return Err(answer.refusal(HINT).await.into()),
        }
        let status = answer.status();
        let signed = Signed::of(&answer)?;
        let body = answer.whole(LARGEST).await.map_err(FetchError::because)?;
        signed.check(&keys, &id, &body)?;
        if status == StatusCode::NOT_MODIFIED {
            return if known == Some(signed.etag.as_str()) {
                Ok(Fetched::Same)
            } else {
                Err(FetchError::because(
                    "it says that nothing has changed, but means another list (another ETag) than the one asked about",
                ))
            };
        }
        let told: Told = serde_json::from_slice(&body).map_err(|error| {
            FetchError::because(format!(
                "its answer is signed but cannot be read: {error}; is its version older than ours?"
            ))
        })?;
        if told.router != self.router {
            return Err(FetchError::because(
                "it answers for another router; give this one a key of its own",
            ));
        }
        Ok(Fetched::List {
            etag: signed.etag,
            monitor_conf: told.monitor_conf,
        })
    }
}

/// The headers by which an answer is believed.
struct Signed {
    id: String,
    timestamp: String,
    signature: String,
    etag: String,
}

impl Signed {
    fn of(answer: &Answer) -> Result<Self, FetchError> {
        let header = |name: &str| {
            let value = answer.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let etag = header(ETAG.as_str()).filter(|etag| etag.len() <= LONGEST_ETAG);
        match (
            header("webhook-id"),
            header("webhook-timestamp"),
            header("webhook-signature"),
            etag,
        ) {
            (Some(id), Some(timestamp), Some(signature), Some(etag)) => Ok(Self {
                id,
                timestamp,
                signature,
                etag,
            }),
            _ => Err(FetchError::because(
                "its answer is not signed, or has no ETag; is `url` the address of vrwatch-manager?",
            )),
        }
    }

    fn check(&self, keys: &Keys, id: &str, body: &[u8]) -> Result<(), FetchError> {
        let content = [self.etag.as_bytes(), b".", body].concat();
        if self.id == id && keys.made(&self.signature, id, &self.timestamp, &content) {
            Ok(())
        } else {
            Err(FetchError::because(
                "its answer is not signed with this router's key for this request, so it is not believed",
            ))
        }
    }
}

/// An id that was never used and that nobody can guess.
fn fresh_id() -> Result<String, FetchError> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| FetchError::because("the system has no random numbers"))?;
    Ok(format!("fetch_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
