//! Requests, to be spoilt in every way, and answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{GENEROUS, NOW};

/// A request, good at first, to be spoilt.
#[derive(Clone, Debug)]
pub(in crate::api) struct Request {
    pub(in crate::api) start: String,
    pub(in crate::api) headers: Vec<(String, String)>,
    pub(in crate::api) body: Vec<u8>,
}

impl Request {
    /// Posts `json`, signed with `key` now.
    pub(in crate::api) fn alerts(key: &[u8], json: impl Into<Vec<u8>>) -> Self {
        Self::alerts_at(NOW, key, json)
    }

    pub(in crate::api) fn alerts_at(time: i64, key: &[u8], json: impl Into<Vec<u8>>) -> Self {
        let json = json.into();
        let mut request = Self {
            start: "POST /api/v1/alerts HTTP/1.1".into(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        request.set("content-type", "application/cloudevents-batch+json");
        request.set("webhook-id", "batch_1");
        request.set("webhook-timestamp", &time.to_string());
        let signature = signature(key, "batch_1", time, &json);
        request.set("webhook-signature", &signature);
        request.body = json;
        request
    }

    /// Replaces a header.
    pub(in crate::api) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.remove(name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(in crate::api) fn remove(&mut self, name: &str) -> &mut Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub(in crate::api) fn head(&self) -> String {
        let mut head = format!("{}\r\nhost: localhost\r\n", self.start);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head
    }

    pub(in crate::api) fn bytes(&self) -> Vec<u8> {
        let length = self.body.len();
        let mut bytes = self.head();
        let _ = write!(
            bytes,
            "content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Answer {
    pub(in crate::api) status: u16,
    pub(in crate::api) headers: BTreeMap<String, String>,
    pub(in crate::api) body: String,
}

impl Answer {
    /// Reads one answer; status 0 when the server closes without a word.
    pub(in crate::api) async fn read(stream: &mut TcpStream) -> Self {
        let reading = async {
            let mut all = Vec::new();
            loop {
                if let Some(answer) = Self::parsed(&all) {
                    return answer;
                }
                let mut bytes = [0; 4096];
                match stream.read(&mut bytes).await {
                    Ok(0) | Err(_) => {
                        assert!(all.is_empty(), "{}", String::from_utf8_lossy(&all));
                        return Self {
                            status: 0,
                            headers: BTreeMap::new(),
                            body: String::new(),
                        };
                    }
                    Ok(count) => all.extend_from_slice(&bytes[..count]),
                }
            }
        };
        timeout(GENEROUS, reading).await.unwrap()
    }

    fn parsed(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers: BTreeMap<_, _> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let length: usize = headers
            .get("content-length")
            .map_or(0, |text| text.parse().unwrap());
        (body.len() >= length).then(|| Self {
            status: status.parse().unwrap(),
            headers,
            body: body[..length].to_owned(),
        })
    }

    /// The words of a refusal.
    pub(in crate::api) fn error(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        json["error"].as_str().unwrap().to_owned()
    }
}

/// One value of `webhook-signature`.
pub(in crate::api) fn signature(key: &[u8], id: &str, time: i64, content: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signed = [format!("{id}.{time}.").as_bytes(), content].concat();
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
}
