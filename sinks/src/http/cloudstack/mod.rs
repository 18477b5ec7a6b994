//! Tells CloudStack's API: `generateAlert` with signature version 3, and then the asynchronous job
//! until it is done. What CloudStack says it did it may not have done: it drops an alert silently while
//! an older one of this type, zone and pod is not archived. So this is never the only way to be told.

pub mod api;
mod signing;
mod text;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use contract::{Event, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use ring::hmac;
use serde_json::Value;
use tokio::time::Instant;

use crate::http::Told;
use crate::http::answer::{Answer, Refusal, said};
use crate::http::line::Line;
use crate::http::signature::{self, SecretError};

use self::text::Description;

/// The most alerts whose job is remembered: a batch of 100 events makes fewer.
const MOST_REMEMBERED: usize = 128;
/// The first and the longest pause between two questions about a job.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How long a job may run before it is no longer waited for.
const LONGEST_JOB: Duration = Duration::from_mins(10);
/// So much of the API key gives it away; bytes.
const KEY_START: usize = 8;
const HINT: &str = "are `api_key` and `secret_key_file` right, may their owner call generateAlert, and is this machine's clock right?";

/// Whose alert it is, and where the router runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) api_key: String,
    /// The file with the secret key.
    pub(super) secret_key: PathBuf,
    pub(super) zone: String,
    pub(super) pod: String,
}

impl Account {
    /// What CloudStack says, without the API key; where that is cut off, without the rest.
    fn hide_key(&self, cause: &str) -> String {
        let Some(start) = self.api_key.get(..KEY_START) else {
            return cause.into();
        };
        let mut shown = cause.replace(&self.api_key, "…");
        if let Some(at) = shown.find(start) {
            shown.truncate(at);
            shown.push('…');
        }
        shown
    }

    /// The key that requests are signed with.
    pub(super) fn key(&self) -> Result<hmac::Key, SecretError> {
        secret_key(&self.secret_key)
    }
}

/// The key that stands in a file.
fn secret_key(path: &Path) -> Result<hmac::Key, SecretError> {
    let text = signature::read_text("secret_key_file", path)?;
    Ok(hmac::Key::new(
        hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        text.as_bytes(),
    ))
}

/// The API of a CloudStack management server.
pub(super) struct CloudStack {
    account: Account,
    /// What became of the alerts of a batch that was not taken as a whole, by their texts.
    made: VecDeque<(String, Job)>,
    /// Whether it was said that CloudStack may keep none.
    warned: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Job {
    /// Its id, and since when.
    Runs(String, Instant),
    Done,
}

/// How a job stands.
enum Standing {
    Runs,
    Done,
    Failed(String),
}

impl CloudStack {
    pub(super) const fn new(account: Account) -> Self {
        Self {
            account,
            made: VecDeque::new(),
            warned: false,
        }
    }

    /// Hands one alert over, from where an earlier attempt left off.
    async fn hand_over(&mut self, alert: Description, line: &Line<'_>) -> Result<(), Refusal> {
        let known = self.made.iter().find(|(text, _)| *text == alert.0);
        let (job, since) = match known.map(|(_, job)| job.clone()) {
            Some(Job::Done) => return Ok(()),
            Some(Job::Runs(job, since)) => (job, since),
            None => {
                let job = self.generate(&alert, line).await?;
                if self.made.len() >= MOST_REMEMBERED {
                    self.made.pop_front();
                }
                self.made
                    .push_back((alert.0.clone(), Job::Runs(job.clone(), Instant::now())));
                (job, Instant::now())
            }
        };
        match self.follow(&job, since, line).await {
            Ok(()) => {
                if let Some((_, made)) = self.made.iter_mut().find(|(text, _)| *text == alert.0) {
                    *made = Job::Done;
                }
                Ok(())
            }
            Err((refusal, over)) => {
                if over {
                    self.made.retain(|(text, _)| *text != alert.0);
                }
                Err(refusal)
            }
        }
    }

    /// Asks for the alert; gives the job's id.
    async fn generate(&self, alert: &Description, line: &Line<'_>) -> Result<String, Refusal> {
        let Account { zone, pod, .. } = &self.account;
        let parameters = [
            ("command", "generateAlert"),
            ("type", "9"),
            ("name", "ALERT.SERVICE.DOMAINROUTER"),
            ("description", &alert.0),
            ("zoneid", zone),
            ("podid", pod),
        ];
        let answer = self.call(&parameters, line).await?;
        match answer.pointer("/generatealertresponse/jobid") {
            Some(Value::String(job)) => Ok(job.clone()),
            Some(Value::Number(job)) => Ok(job.to_string()),
            _ => Err(not_cloudstack(&answer)),
        }
    }

    /// Waits for the job. With the error: whether the job is over, so that another can be made.
    async fn follow(
        &self,
        job: &str,
        since: Instant,
        line: &Line<'_>,
    ) -> Result<(), (Refusal, bool)> {
        let mut pause = PAUSES.0;
        loop {
            match self.ask(job, line).await {
                Ok(Standing::Done) => return Ok(()),
                Ok(Standing::Failed(words)) => {
                    let cause = format!("CloudStack could not make the alert: {words}");
                    return Err((Refusal::later(cause), true));
                }
                Ok(Standing::Runs) if since.elapsed() >= LONGEST_JOB => {
                    tracing::warn!(
                        job = said(job.as_bytes()),
                        "CloudStack's job does not end: the alert may not have been stored"
                    );
                    return Ok(());
                }
                Ok(Standing::Runs) => {}
                Err(Asked::Unknown(refusal)) => return Err((refusal, true)),
                Err(Asked::Refused(refusal)) => return Err((refusal, false)),
            }
            if Instant::now() + pause >= line.end {
                let cause = format!(
                    "CloudStack's job {} is not done; it is asked for again",
                    said(job.as_bytes())
                );
                return Err((Refusal::later(cause), false));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn ask(&self, job: &str, line: &Line<'_>) -> Result<Standing, Asked> {
        let parameters = [("command", "queryAsyncJobResult"), ("jobid", job)];
        let answer = self
            .call_raw(&parameters, line)
            .await
            .map_err(Asked::Refused)?;
        let answer = match answer {
            Ok(answer) => answer,
            // 431: it knows no such job (any more).
            Err((431, refusal)) => return Err(Asked::Unknown(refusal)),
            Err((_, refusal)) => return Err(Asked::Refused(refusal)),
        };
        let part = |name: &str| answer.pointer(&format!("/queryasyncjobresultresponse/{name}"));
        match part("jobstatus").and_then(Value::as_u64) {
            Some(0) => Ok(Standing::Runs),
            Some(1) if part("jobresult/success") == Some(&Value::Bool(false)) => {
                Ok(Standing::Failed("it says so without a reason".into()))
            }
            Some(1) => Ok(Standing::Done),
            Some(_) => {
                let words = part("jobresult/errortext").and_then(Value::as_str);
                Ok(Standing::Failed(said(
                    words.unwrap_or("it gives no reason").as_bytes(),
                )))
            }
            None => Err(Asked::Refused(not_cloudstack(&answer))),
        }
    }

    async fn call(
        &self,
        parameters: &[(&'static str, &str)],
        line: &Line<'_>,
    ) -> Result<Value, Refusal> {
        match self.call_raw(parameters, line).await? {
            Ok(answer) => Ok(answer),
            Err((_, refusal)) => Err(refusal),
        }
    }

    /// The answer, or the status that CloudStack refused with and what that means.
    async fn call_raw(
        &self,
        parameters: &[(&'static str, &str)],
        line: &Line<'_>,
    ) -> Result<Result<Value, (u16, Refusal)>, Refusal> {
        let key = self
            .account
            .key()
            .map_err(|error| Refusal::later(error.to_string()))?;
        let answer = asked(parameters, &self.account.api_key, &key, line).await?;
        let status = answer.status();
        if !status.is_success() {
            let status = status.as_u16();
            return Ok(Err((status, refused(status, answer.refusal(HINT).await))));
        }
        let body = answer.body().await;
        match serde_json::from_slice(&body) {
            Ok(answer) => Ok(Ok(answer)),
            Err(_) => Err(Refusal::later(format!(
                "the answer is no whole JSON document; is `url` the address of CloudStack's API? It says: {}",
                said(&body)
            ))),
        }
    }
}

/// Signs a command and posts it.
async fn asked(
    parameters: &[(&'static str, &str)],
    api_key: &str,
    key: &hmac::Key,
    line: &Line<'_>,
) -> Result<Answer, Refusal> {
    let mut all: BTreeMap<_, _> = parameters.iter().copied().collect();
    all.insert("apikey", api_key);
    all.insert("response", "json");
    let mut headers = HeaderMap::new();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    let body = signing::signed(&all, Timestamp::now(), key);
    line.post(headers, body.into_bytes()).await
}

/// A job that was asked for.
enum Asked {
    /// CloudStack does not know it.
    Unknown(Refusal),
    Refused(Refusal),
}

/// 430 to 432 are CloudStack's own: a parameter is wrong, or the call is not allowed. All that we
/// send but the text comes from the configuration, so a correction heals it.
fn refused(status: u16, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Never { cause } if (430..=432).contains(&status) => Refusal::later(format!(
            "{cause}; are `zone` and `pod` right, and may the owner of `api_key` call generateAlert?"
        )),
        other => other,
    }
}

fn not_cloudstack(answer: &Value) -> Refusal {
    Refusal::later(format!(
        "the answer is not what CloudStack says: {}",
        said(answer.to_string().as_bytes())
    ))
}

#[async_trait]
impl Told for CloudStack {
    async fn deliver(&mut self, batch: &[Event], line: &Line<'_>) -> Result<(), Refusal> {
        let alerts = text::descriptions(batch);
        let count = alerts.len();
        for alert in alerts {
            let handed_over = self.hand_over(alert, line).await;
            handed_over.map_err(|refusal| refusal.without(|cause| self.account.hide_key(cause)))?;
        }
        self.made.clear();
        if count > 0 && !std::mem::replace(&mut self.warned, true) {
            tracing::info!(
                alerts = count,
                zone = self.account.zone,
                pod = self.account.pod,
                "CloudStack took the alerts, but keeps none while an older one of this type, zone and pod is not archived"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_key_is_not_shown_nor_a_part_of_it() {
        let account = Account {
            api_key: "ABCDEFGHIJKLMNOP".into(),
            secret_key: PathBuf::new(),
            zone: String::new(),
            pod: String::new(),
        };
        for (said, shown) in [
            ("no user ABCDEFGHIJKLMNOP here", "no user … here"),
            ("no user ABCDEFGHIJ", "no user …"),
            ("no user ABCDE", "no user ABCDE"),
        ] {
            assert_eq!(account.hide_key(said), shown);
        }
    }
}
