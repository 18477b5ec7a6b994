//! What a mail's outcome means for each recipient. One who is refused costs the others nothing; one
//! who is put off (greylisting, a full mailbox) is waited for, but not for ever and not every time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::plan::{End, Mail};
use super::session::Outcome;

/// How long a mail that others have got is kept for one who is put off. Greylisting takes 5 minutes.
const PATIENCE: Duration = Duration::from_mins(10);

/// What is known about the recipients. Bounded by their number.
#[derive(Debug, Default)]
pub(super) struct Recipients {
    /// Those who were refused last time, and the server's words.
    refused: BTreeMap<String, String>,
    /// Those for whom patience ran out: they are not waited for until they get a mail again.
    hopeless: BTreeSet<String>,
    /// Since when somebody is waited for.
    waiting: Option<Instant>,
}

impl Recipients {
    /// Notes in the mail how far it has got; gives why it must come again. `rest`: how many the
    /// server was not asked for yet.
    pub(super) fn settle(
        &mut self,
        mail: &mut Mail,
        outcome: &Outcome<'_>,
        rest: usize,
    ) -> Option<String> {
        for address in &outcome.taken {
            let address = address.to_string();
            self.hopeless.remove(&address);
            if self.refused.remove(&address).is_some() {
                tracing::info!(recipient = address, "the recipient gets mails again");
            }
            mail.settled.push(address);
        }
        mail.taken |= !outcome.taken.is_empty();
        if !mail.taken && (rest == 0 || outcome.content) {
            return nobody(mail, outcome);
        }
        for (address, words) in &outcome.refused {
            self.without(mail, address.to_string(), words);
        }
        let mut again = None;
        for (address, words) in &outcome.deferred {
            let address = address.to_string();
            if self.is_worth_waiting(&address) {
                let words = format!("not taken for {address} yet: {words}");
                again.get_or_insert(words);
            } else {
                self.hopeless.insert(address.clone());
                self.without(mail, address, words);
            }
        }
        if rest > 0 {
            again.get_or_insert_with(|| {
                format!("the server is slow: {rest} recipients are not named to it yet")
            });
        }
        if again.is_none() {
            mail.end = Some(End::Sent);
        }
        again
    }

    /// Those who were refused last time, in words.
    pub(super) fn refused(&self) -> Option<String> {
        let told: Vec<String> = self
            .refused
            .iter()
            .map(|(address, words)| format!("refused for {address}: {words}"))
            .collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// This recipient does not get the mail; others do.
    fn without(&mut self, mail: &mut Mail, address: String, words: &str) {
        let known = self.refused.insert(address.clone(), words.to_owned());
        if known.as_deref() != Some(words) {
            tracing::warn!(
                recipient = address,
                answer = words,
                "the server takes mails for the other recipients, but none for this one"
            );
        }
        mail.settled.push(address);
    }

    /// One clock for all mails of a batch, so that several do not add up.
    fn is_worth_waiting(&mut self, address: &str) -> bool {
        let now = Instant::now();
        let since = *self.waiting.get_or_insert(now);
        !self.hopeless.contains(address) && now.saturating_duration_since(since) < PATIENCE
    }

    /// A batch is answered for: nobody is waited for any more.
    pub(super) fn done_waiting(&mut self) {
        self.waiting = None;
    }
}

/// Nobody has got the mail.
fn nobody(mail: &mut Mail, outcome: &Outcome<'_>) -> Option<String> {
    if let Some((address, words)) = outcome.deferred.first() {
        return Some(format!("not taken for {address} yet: {words}"));
    }
    let words = match outcome.refused.first() {
        Some((address, words)) if !outcome.content => format!("refused for {address}: {words}"),
        Some((_, words)) => format!("the server does not want the mail: {words}"),
        None => "there is nobody to send the mail to".into(),
    };
    mail.end = Some(if outcome.content && mail.events.len() > 1 {
        End::Apart
    } else {
        End::Refused(words)
    });
    None
}

#[cfg(test)]
#[path = "recipients_tests.rs"]
mod tests;
