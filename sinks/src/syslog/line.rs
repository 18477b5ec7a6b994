//! Lays events out as syslog lines: RFC 3164 in local time, RFC 5424 with structured data. The
//! `syslog` crate formats; what it gets wrong (it stamps with the time of writing, in UTC, pads
//! the day with a zero and allows only numbers as message id) is put right afterwards.

use std::collections::BTreeMap;

use contract::{Event, Severity};
use syslog::{Formatter3164, Formatter5424, LogFormat};

use super::config::{Config, Format};
use super::fields;
use super::target::Target;
use crate::clean;
use crate::clock::LocalTime;
use crate::wording;

/// The longest line. Source: RFC 3164 §4.1.
const MOST_3164: usize = 1024;
/// The longest line. Source: RFC 5424 §6.1, "SHOULD be able to accept".
const MOST_5424: usize = 2048;
/// Marks a UTF-8 message. Source: RFC 5424 §6.4.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What makes lines.
#[derive(Debug)]
pub(super) struct Layout {
    format: Format,
    facility: syslog::Facility,
    tag: String,
    /// Absent where the receiver expects none.
    host: Option<String>,
}

/// The `syslog` crate failed to write into memory. It never does; but it could.
#[derive(Debug, thiserror::Error)]
#[error("a line cannot be laid out: {0}")]
pub(super) struct LayoutError(String);

impl Layout {
    /// A local daemon expects RFC 3164 lines without a host name, as libc's syslog(3) writes them,
    /// and would take one for the tag.
    pub(super) fn new(config: &Config, router: &str) -> Self {
        let local = matches!(config.target, Target::Unix(_)) && config.format == Format::Rfc3164;
        Self {
            format: config.format,
            facility: config.facility.0,
            tag: config.tag.0.clone(),
            host: (!local).then(|| fields::printable(router, 128)),
        }
    }

    /// The lines of a batch, in its order: one an event, but one for a failed restart and the
    /// hold-off that follows it at once.
    pub(super) fn lines(
        &self,
        batch: &[Event],
        zone: &LocalTime,
    ) -> Result<Vec<Vec<u8>>, LayoutError> {
        let mut lines = Vec::with_capacity(batch.len());
        let mut rest = batch.iter().peekable();
        while let Some(event) = rest.next() {
            let (words, second) = match rest
                .peek()
                .and_then(|next| wording::joined(event, next, zone))
            {
                Some(words) => (words, rest.next()),
                None => (wording::sentence(event, zone), None),
            };
            let text = format!(
                "[{}] [{}] {words}",
                wording::marker(event),
                wording::subject(event)
            );
            lines.push(match self.format {
                Format::Rfc3164 => self.rfc3164(event, &text, zone)?,
                Format::Rfc5424 => self.rfc5424(event, second, &text)?,
            });
        }
        Ok(lines)
    }

    fn rfc3164(&self, event: &Event, text: &str, zone: &LocalTime) -> Result<Vec<u8>, LayoutError> {
        let formatter = Formatter3164 {
            facility: self.facility,
            hostname: self.host.clone(),
            process: self.tag.clone(),
            pid: std::process::id(),
        };
        let header = written(&formatter, event.severity, "")?;
        // `<PRI>Nov 02 12:47:33 rest`: the stamp has three words.
        let (priority, rest) = header.split_once('>').unwrap_or_default();
        let rest = rest.splitn(4, ' ').nth(3).unwrap_or_default();
        let stamp = fields::stamp_3164(zone.at(event.time));
        let mut line = format!("{priority}>{stamp} {rest}");
        line.push_str(&clean::cut(text, MOST_3164.saturating_sub(line.len())));
        Ok(line.into_bytes())
    }

    fn rfc5424(
        &self,
        event: &Event,
        second: Option<&Event>,
        text: &str,
    ) -> Result<Vec<u8>, LayoutError> {
        let formatter = Formatter5424 {
            facility: self.facility,
            hostname: self.host.clone(),
            process: self.tag.clone(),
            pid: std::process::id(),
        };
        let data: BTreeMap<_, _> = fields::structured(event, second);
        let header = written(&formatter, event.severity, (0, data, ""))?;
        // `<PRI>1 STAMP HOST TAG PID MSGID rest`.
        let mut words = header.splitn(7, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (priority, _, host, tag, pid, _, rest) =
            (word(), word(), word(), word(), word(), word(), word());
        let mut line = format!(
            "{priority} {} {host} {tag} {pid} {} {rest}",
            event.time,
            fields::printable(event.fact.kind(), 32)
        );
        if !text.is_ascii() {
            line.push_str(BYTE_ORDER_MARK);
        }
        line.push_str(&clean::cut(text, MOST_5424.saturating_sub(line.len())));
        Ok(line.into_bytes())
    }
}

/// What the `syslog` crate makes of it.
fn written<T>(
    formatter: &impl LogFormat<T>,
    severity: Severity,
    message: T,
) -> Result<String, LayoutError> {
    let mut line = Vec::with_capacity(512);
    formatter
        .format(&mut line, fields::severity(severity), message)
        .map_err(|error| LayoutError(error.to_string()))?;
    String::from_utf8(line).map_err(|error| LayoutError(error.to_string()))
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
