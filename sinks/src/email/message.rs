//! The message as it goes over the wire: headers, and the same words as text and as HTML. `lettre`
//! encodes and folds; nothing reaches it that could end a header.

use std::time::SystemTime;

use contract::Event;
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{MultiPart, SinglePart};

use super::address::Recipient;
use super::content::Content;
use super::headline;
use super::layout;
use super::plan::Mail;
use crate::clock::LocalTime;

/// Who writes, and to whom.
#[derive(Debug)]
pub(super) struct Letterhead<'config> {
    pub(super) from: &'config Recipient,
    pub(super) to: &'config [Recipient],
}

impl Letterhead<'_> {
    /// The message for a planned mail, whose events these are.
    ///
    /// # Errors
    /// What `lettre` misses in it; nothing that depends on the events.
    pub(super) fn message(
        &self,
        mail: &Mail,
        events: &[&Event],
        zone: &LocalTime,
    ) -> Result<Vec<u8>, lettre::error::Error> {
        let content = Content::new(events, zone);
        let id = |name: &str| format!("<{name}@{}>", self.from.address().domain());
        let mut builder = Message::builder()
            .from(self.from.mailbox().clone())
            .date(SystemTime::now())
            .subject(headline::subject(events))
            .message_id(Some(id(&mail.name)));
        for recipient in self.to {
            builder = builder.to(recipient.mailbox().clone());
        }
        if let Some(thread) = &mail.answers {
            builder = builder.in_reply_to(id(thread)).references(id(thread));
        }
        let ids: Vec<String> = events.iter().map(|event| word(&event.id)).collect();
        let routers = events
            .first()
            .map_or_else(String::new, |event| word(&event.router));
        for (name, value) in [
            // RFC 3834 §5.1, and what Exchange heeds instead: no out-of-office answers.
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("X-Auto-Response-Suppress", "All".to_owned()),
            ("X-Vrwatch-Id", ids.join(" ")),
            ("X-Vrwatch-Router", routers),
        ] {
            let name = HeaderName::new_from_ascii_str(name);
            builder = builder.raw_header(HeaderValue::new(name, value));
        }
        let parts = MultiPart::alternative()
            .singlepart(SinglePart::plain(layout::text(&content)))
            .singlepart(SinglePart::html(layout::html(&content)));
        Ok(builder.multipart(parts)?.formatted())
    }
}

/// A word of a header of our own: printable ASCII, never empty, and no encoded word.
fn word(text: &str) -> String {
    let word: String = text
        .chars()
        .take(128)
        .map(|letter| match letter {
            '=' => '_',
            letter if letter.is_ascii_graphic() => letter,
            _ => '?',
        })
        .collect();
    if word.is_empty() { "-".into() } else { word }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
