//! Where a receiver or a proxy is. A path or a query may hold a token, so only the origin
//! (`https://host:port`) is ever shown.

use std::fmt;

use reqwest::Url;
use serde::Deserialize;

/// What is shorter is no token; bytes.
const SHORTEST_TOKEN: usize = 8;

/// An `http:` or `https:` address without a password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Address(Url);

impl Address {
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    pub(super) fn speaks_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host, as a certificate must name it.
    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// This address with `path` behind its own, unless it already ends in that.
    pub(super) fn with_path(mut self, path: &str) -> Self {
        let own = self.0.path().trim_end_matches('/');
        if !own.ends_with(path) {
            let joined = format!("{own}{path}");
            self.0.set_path(&joined);
        }
        self
    }
}

/// The receiver's words without what it repeats of its address: a page that is not found is often
/// called by its path.
pub(super) fn without_tokens(words: &str, url: &Url) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
    parts.extend(url.query().map(str::to_owned));
    parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
    parts.retain(|part| part.len() >= SHORTEST_TOKEN);
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let hide = |words: String, part: &String| words.replace(part.as_str(), "…");
    parts.iter().fold(words.to_owned(), hide)
}

impl TryFrom<String> for Address {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let url = Url::parse(&text)
            .map_err(|_| "this is no address: write \"https://HOST:PORT/PATH\"")?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("only \"http://…\" and \"https://…\" can be used");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address must hold no user name and no password");
        }
        if url.fragment().is_some() {
            return Err("an address ends before `#`");
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}/…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<Address, &'static str> {
        Address::try_from(text.to_owned())
    }

    #[test]
    fn only_the_origin_is_ever_shown() {
        let address = address("https://a.example:8443/hook/hunter2?token=hunter2").unwrap();
        assert_eq!(address.to_string(), "https://a.example:8443");
        assert_eq!(format!("{address:?}"), "https://a.example:8443/…");
        assert_eq!(address.host(), "a.example");
    }

    #[test]
    fn a_receiver_that_repeats_its_address_is_not_quoted_with_it() {
        let address = address("https://a/hook/hunter2hunter2?key=swordfish%21&v=1").unwrap();
        for (words, told) in [
            (
                "no /hook/hunter2hunter2?key=swordfish%21&v=1",
                "no /hook/…?…",
            ),
            ("key `swordfish!` is void", "key `…` is void"),
            ("no hook", "no hook"),
        ] {
            assert_eq!(without_tokens(words, address.url()), told);
        }
    }

    #[test]
    fn what_cannot_be_posted_to_is_refused_without_being_repeated() {
        for text in [
            "",
            "manager.example",
            "ftp://a/",
            "mailto:a@b",
            "https://user@a/",
            "https://:hunter2@a/",
            "https://a/#b",
            "unix:/run/x",
        ] {
            let words = address(text).unwrap_err();
            assert!(!words.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_path_is_put_behind_the_address_once() {
        for text in ["http://a:1", "http://a:1/", "http://a:1/api/v2/alerts"] {
            let whole = address(text).unwrap().with_path("/api/v2/alerts");
            assert_eq!(whole.url().as_str(), "http://a:1/api/v2/alerts");
        }
        let whole = address("http://a:1/am/")
            .unwrap()
            .with_path("/api/v2/alerts");
        assert_eq!(whole.url().as_str(), "http://a:1/am/api/v2/alerts");
    }
}
