//! `CloudStack`'s API for whoever asks rather than tells: one signed command, one whole answer, and what
//! went wrong in words. Nothing is tried twice here.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use contract::human;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{asked, secret_key};
use crate::http::address::Address;
use crate::http::answer::{Refusal, named, redirect, said};
use crate::http::line::Exchange;
use crate::http::signature::SecretError;
use crate::tls;

/// The least and the most that `timeout` may be; a list of many routers takes CloudStack a while.
const TIMEOUTS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(10));
const USUAL_TIMEOUT: Duration = Duration::from_mins(1);
/// So many times the bytes of the largest answer may an answer take in memory once it is read.
const HEAVIER: usize = 4;
/// What a value takes there, and an object with its first field.
const A_VALUE: usize = 64;
const AN_OBJECT: usize = 704;

/// How CloudStack is reached, as it is written in a configuration. [`Api`] is what is made of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// `https://cloud.example/client/api`.
    pub url: String,
    /// The API key of a root administrator.
    pub api_key: String,
    /// The file with its secret key, mode 0600.
    pub secret_key_file: PathBuf,
    /// How long one answer may take; `1m` when absent.
    pub timeout: Option<human::Duration>,
    /// PEM with the authorities that may vouch for CloudStack; absent: the system's.
    pub ca_file: Option<PathBuf>,
    /// A proxy, `http://HOST:PORT`; the environment's are never asked.
    pub proxy: Option<String>,
}

/// The API of one CloudStack. Cannot be made but of settings that passed every check.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Api {
    exchange: Exchange,
    owner: ApiKey,
    secret_key: PathBuf,
}

/// Not secret by itself, but nobody's business.
struct ApiKey(String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// Why settings are refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// Why a command brought no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// There was no way there, no answer in time, or no whole one. May heal.
    #[error("{0}")]
    Away(String),
    /// CloudStack does not accept the keys: 401.
    #[error(
        "CloudStack refuses the keys: {0}; are `api_key` and `secret_key_file` right, is their owner enabled, \
         and is this machine's clock right?"
    )]
    Denied(String),
    /// CloudStack wants other parameters: 430 and 431.
    #[error("CloudStack does not accept the request: {0}")]
    Parameter(String),
    /// The command is not there, or not for this user: 432.
    #[error(
        "CloudStack does not let the owner of `api_key` call it: {0}; a root administrator may"
    )]
    NotAllowed(String),
    /// CloudStack failed: 530 and others.
    #[error("CloudStack failed: {0}; its log, management-server.log, says more")]
    Failed(String),
    /// What answers is not CloudStack's API.
    #[error("{0}; is `url` the address of CloudStack's API, such as https://HOST:8443/client/api?")]
    NotCloudStack(String),
}

impl TryFrom<Written> for Api {
    type Error = SettingsError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let wrong =
            |key: &str, words: &dyn fmt::Display| SettingsError(format!("`{key}`: {words}"));
        let url = Address::try_from(written.url).map_err(|words| wrong("url", &words))?;
        let proxy = written.proxy.map(Address::try_from).transpose();
        let proxy = proxy.map_err(|words| wrong("proxy", &words))?;
        let timeout = written.timeout.map_or(USUAL_TIMEOUT, |timeout| timeout.0);
        if timeout < TIMEOUTS.0 || timeout > TIMEOUTS.1 {
            let words = format!("{} is none: use 100ms to 10m", human::Duration(timeout));
            return Err(wrong("timeout", &words));
        }
        let api_key = written.api_key.trim().to_owned();
        if api_key.is_empty() {
            return Err(wrong("api_key", &"is empty"));
        }
        if !written.secret_key_file.is_absolute() {
            return Err(wrong("secret_key_file", &"must be an absolute path"));
        }
        // Read once now, so that a wrong file is told with its place in the configuration.
        let plain = |error: &dyn fmt::Display| SettingsError(error.to_string());
        secret_key(&written.secret_key_file).map_err(|error: SecretError| plain(&error))?;
        let keys = tls::Keys {
            authorities: written.ca_file,
            ..tls::Keys::default()
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
            exchange: Exchange::new(url, timeout, proxy, tls),
            owner: ApiKey(api_key),
            secret_key: written.secret_key_file,
        })
    }
}

impl Api {
    /// Where CloudStack is, without path: `https://cloud.example:8443`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.exchange.name()
    }

    /// Calls a command; gives what stands in `{"listroutersresponse": …}`. An answer of more than
    /// `limit` bytes is not read.
    ///
    /// # Errors
    /// [`ApiError`], which says what to do about it.
    pub async fn call(
        &self,
        command: &str,
        parameters: &[(&'static str, &str)],
        limit: usize,
    ) -> Result<Value, ApiError> {
        let end = Instant::now() + self.exchange.timeout();
        let answered = timeout_at(end, self.ask(command, parameters, limit, end)).await;
        answered.unwrap_or_else(|_| {
            let limit = human::Duration(self.exchange.timeout());
            Err(ApiError::Away(format!("no whole answer within {limit}")))
        })
    }

    async fn ask(
        &self,
        command: &str,
        parameters: &[(&'static str, &str)],
        limit: usize,
        end: Instant,
    ) -> Result<Value, ApiError> {
        let away = |refusal| ApiError::Away(words(refusal));
        let key = secret_key(&self.secret_key).map_err(|it| ApiError::Away(it.to_string()))?;
        let mut all = vec![("command", command)];
        all.extend_from_slice(parameters);
        let line = self.exchange.open(end).await.map_err(away)?;
        let answer = asked(&all, &self.owner.0, &key, &line)
            .await
            .map_err(away)?;
        let status = answer.status();
        let moved = redirect(answer.headers());
        let body = answer
            .whole(limit)
            .await
            .map_err(|it| ApiError::Away(it.to_string()))?;
        if weight(&body) > limit.saturating_mul(HEAVIER) {
            return Err(ApiError::NotCloudStack(
                "the answer is made of too many values".into(),
            ));
        }
        let json: Option<Value> = serde_json::from_slice(&body).ok();
        if let Some((code, text)) = json.as_ref().and_then(error_in) {
            return Err(refused(code.unwrap_or(status.as_u16()), &text));
        }
        match status.as_u16() {
            200..=299 => {}
            300..=399 => {
                let words = format!("it answers {}{moved}", named(status));
                return Err(ApiError::NotCloudStack(words));
            }
            code @ (401 | 430..=432 | 530) => return Err(refused(code, &named(status))),
            408 | 425 | 429 | 500.. => {
                return Err(ApiError::Away(format!("it answers {}", named(status))));
            }
            _ => {
                return Err(ApiError::NotCloudStack(format!(
                    "it answers {}",
                    named(status)
                )));
            }
        }
        let name = format!("{}response", command.to_lowercase());
        match json {
            Some(Value::Object(mut whole)) if whole.contains_key(&name) => {
                Ok(whole.remove(&name).unwrap_or_default())
            }
            Some(_) => Err(ApiError::NotCloudStack(format!(
                "the answer has no `{name}`: {}",
                said(&body)
            ))),
            None => Err(ApiError::NotCloudStack(format!(
                "the answer is no whole JSON document: {}",
                said(&body)
            ))),
        }
    }
}

/// About how many bytes of memory JSON takes once it is read, at most.
fn weight(json: &[u8]) -> usize {
    let count = |is: fn(u8) -> bool| json.iter().filter(|byte| is(**byte)).count();
    let values = count(|byte| matches!(byte, b',' | b'['));
    json.len() + values * A_VALUE + count(|byte| byte == b'{') * AN_OBJECT
}

fn words(refusal: Refusal) -> String {
    match refusal {
        Refusal::Later { cause, .. } | Refusal::Never { cause } | Refusal::Gone { cause } => cause,
    }
}

/// The code and the text of an error: `{"listroutersresponse": {"errorcode", "errortext"}}` and
/// `{"errorresponse": …}` when the command was reached, `{"errorcode", "errortext"}` when it was not.
fn error_in(answer: &Value) -> Option<(Option<u16>, String)> {
    let fields = answer.as_object()?;
    let inner = fields.values().next().filter(|_| fields.len() == 1);
    let holder = [Some(answer), inner]
        .into_iter()
        .flatten()
        .find(|it| it.get("errortext").is_some() || it.get("errorcode").is_some())?;
    let code = holder.get("errorcode").and_then(Value::as_u64);
    let text = holder.get("errortext").and_then(Value::as_str);
    let code = code.and_then(|code| u16::try_from(code).ok());
    Some((code, said(text.unwrap_or("it gives no reason").as_bytes())))
}

/// What CloudStack's own codes mean.
fn refused(code: u16, text: &str) -> ApiError {
    let words = format!("{text} ({code})");
    match code {
        401 => ApiError::Denied(words),
        430 | 431 => ApiError::Parameter(words),
        432 => ApiError::NotAllowed(words),
        _ => ApiError::Failed(words),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_error_is_found_in_every_shape() {
        for (answer, expected) in [
            (
                r#"{"listroutersresponse":{"uuidList":[],"errorcode":431,"cserrorcode":9999,"errortext":"a"}}"#,
                Some((Some(431), "a")),
            ),
            (
                r#"{"errorresponse":{"uuidList":[],"errorcode":401,"errortext":"b"}}"#,
                Some((Some(401), "b")),
            ),
            (
                r#"{"errorcode":530,"errortext":"c\n\u001b[31md"}"#,
                Some((Some(530), "c d")),
            ),
            (r#"{"errortext":"e"}"#, Some((None, "e"))),
            (
                r#"{"errorresponse":{"errorcode":99999999}}"#,
                Some((None, "it gives no reason")),
            ),
            (
                r#"{"listroutersresponse":{"count":1,"router":[{"errortext":"x"}]}}"#,
                None,
            ),
            (r#"{"listroutersresponse":{}}"#, None),
            ("[]", None),
        ] {
            let found = error_in(&serde_json::from_str(answer).unwrap());
            let expected = expected.map(|(code, text)| (code, text.to_owned()));
            assert_eq!(found, expected, "{answer}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused_and_no_secret_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "hunter2\n").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let good = format!(
            "url = \"http://cloud.example/client/api\"\napi_key = \"swordfish\"\nsecret_key_file = \"{}\"\n",
            file.display()
        );
        let api: Api = toml::from_str(&good).unwrap();
        assert_eq!(api.origin(), "http://cloud.example");
        let shown = format!("{api:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("swordfish"),
            "{shown}"
        );
        for (from, to, expected) in [
            (
                "http://cloud.example/client/api",
                "cloud",
                "`url`: this is no address",
            ),
            ("swordfish", " ", "`api_key`: is empty"),
            (
                "secret_key_file = \"/",
                "secret_key_file = \"",
                "must be an absolute path",
            ),
            ("/key\"", "/nokey\"", "cannot read"),
            ("api_key", "timeout = \"1ms\"\napi_key", "use 100ms to 10m"),
            (
                "api_key",
                "ca_file = \"/ca.pem\"\napi_key",
                "`ca_file`: says how to speak TLS",
            ),
            ("api_key", "zone = \"z\"\napi_key", "unknown field `zone`"),
        ] {
            let text = good.replacen(from, to, 1);
            let words = toml::from_str::<Api>(&text)
                .unwrap_err()
                .message()
                .to_owned();
            assert!(words.contains(expected), "{words}");
        }
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let words = toml::from_str::<Api>(&good).unwrap_err().to_string();
        assert!(
            words.contains("mode 0644") && !words.contains("hunter2"),
            "{words}"
        );
    }
}
