//! The way to a receiver: an HTTP client that lives as long as one batch, asks only the proxy of the
//! configuration, follows nothing, and says in plain words why a call failed.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use contract::human;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Client, Proxy, RequestBuilder};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::address::Address;
use super::answer::{Answer, Refusal};
use crate::resolve::Resolver;
use crate::{clean, tls};

/// The most of a cause that is told; bytes.
const MOST_CAUSE: usize = 300;

/// What a line is made of, kept between batches. No client is: it holds memory and connections.
#[derive(Debug)]
pub(super) struct Exchange {
    url: Address,
    timeout: Duration,
    proxy: Option<Address>,
    tls: Option<tls::Settings>,
    names: Names,
}

/// A line to the receiver, for one batch.
pub(super) struct Line<'exchange> {
    exchange: &'exchange Exchange,
    client: Client,
    /// When the batch's time is over.
    pub(super) end: Instant,
}

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Load(#[from] tls::LoadError),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("no client can be made: {0}")]
    Client(#[from] reqwest::Error),
    #[error("no client can be made: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl Exchange {
    pub(super) fn new(
        url: Address,
        timeout: Duration,
        proxy: Option<Address>,
        tls: Option<tls::Settings>,
    ) -> Self {
        Self {
            url,
            timeout,
            proxy,
            tls,
            names: Names::default(),
        }
    }

    /// How long a batch may take.
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The receiver's name for people.
    pub(super) fn name(&self) -> String {
        self.url.to_string()
    }

    /// A new client, with the certificates as they are now.
    pub(super) async fn open(&self, end: Instant) -> Result<Line<'_>, Refusal> {
        let client = self.client().await.map_err(|error| Refusal::Later {
            cause: error.to_string(),
            wait: None,
        })?;
        Ok(Line {
            exchange: self,
            client,
            end,
        })
    }

    async fn client(&self) -> Result<Client, OpenError> {
        let tls = match self.tls.clone() {
            Some(settings) => tokio::task::spawn_blocking(move || settings.load()).await??,
            None => no_tls()?,
        };
        // `no_proxy` first: it also forgets what was set before, the environment's proxies are
        // never asked for. With TLS given ready-made, no other bundle is looked for.
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .user_agent(concat!("vrwatch/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout())
            .dns_resolver(self.names.clone())
            .tls_backend_preconfigured(tls);
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(Proxy::all(proxy.url().clone())?);
        }
        Ok(builder.build()?)
    }

    /// Less than the whole, so that what took too long can be named.
    fn connect_timeout(&self) -> Duration {
        self.timeout / 2
    }

    /// What went wrong, without the address (reqwest puts it in, tokens and all).
    fn explain(&self, error: reqwest::Error) -> String {
        let error = error.without_url();
        let told = [Some(&self.url), self.proxy.as_ref()]
            .into_iter()
            .flatten()
            .find(|address| address.speaks_tls());
        if let (Some(settings), Some(address)) = (&self.tls, told)
            && let Some(words) = tls::explain(&error, settings, address.host())
        {
            return words;
        }
        if error.is_connect() && error.is_timeout() {
            return format!(
                "connecting took longer than {}; a firewall may drop it, or the name server may be away",
                human::Duration(self.connect_timeout())
            );
        }
        let what = if error.is_connect() {
            "connecting failed"
        } else if error.is_body() || error.is_decode() {
            "the answer was cut off"
        } else {
            "the call failed"
        };
        clean::cut(
            &clean::line(&format!("{what}: {}", causes(&error))),
            MOST_CAUSE,
        )
    }
}

impl Line<'_> {
    /// Posts, and waits for the head of the answer.
    pub(super) async fn post(&self, headers: HeaderMap, body: Vec<u8>) -> Result<Answer, Refusal> {
        let url = self.exchange.url.url().clone();
        self.sent(self.client.post(url).headers(headers).body(body))
            .await
    }

    /// Gets, and waits for the head of the answer.
    pub(super) async fn get(&self, headers: HeaderMap) -> Result<Answer, Refusal> {
        let url = self.exchange.url.url().clone();
        self.sent(self.client.get(url).headers(headers)).await
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Answer, Refusal> {
        match request.send().await {
            Ok(response) => Ok(Answer::new(response)),
            Err(error) => Err(Refusal::Later {
                cause: self.exchange.explain(error),
                wait: None,
            }),
        }
    }
}

/// For plain HTTP: reqwest wants to know how to speak TLS all the same. Nobody is trusted.
fn no_tls() -> Result<ClientConfig, OpenError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The chain of causes: an error of reqwest alone says only that there was one.
fn causes(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = clean::without_manual(&cause.to_string()).to_owned();
        // Some causes repeat what is below them.
        if words.last().is_none_or(|last| !last.ends_with(&text)) {
            words.push(text);
        }
        next = cause.source();
    }
    if words.is_empty() {
        error.to_string()
    } else {
        words.join(": ")
    }
}

/// Looks up names for reqwest, never twice at once.
#[derive(Clone, Debug, Default)]
struct Names(Arc<Mutex<Resolver>>);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            // Port 0 stands for the one in the address.
            match resolver.lock().await.addresses(host, 0).await {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(error) => Err(format!("looking up `{host}` failed: {error}").into()),
            }
        })
    }
}
