//! Mail addresses as they stand in the configuration: `ops@example` or `Operations <ops@example>`.

use lettre::Address;
use lettre::message::Mailbox;
use serde::Deserialize;

use crate::clean;

/// An address, and the name it goes by. Nothing in it can end a header or an SMTP command.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Recipient(Mailbox);

impl Recipient {
    /// What stands in a header.
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.0
    }

    /// What stands on the envelope.
    pub(super) fn address(&self) -> &Address {
        &self.0.email
    }
}

impl TryFrom<String> for Recipient {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = || {
            format!(
                "`{}` is no mail address: write \"ops@example\" or \"Operations <ops@example>\"",
                clean::cut(&clean::line(&text), 80)
            )
        };
        // 320: the longest address of RFC 5321 §4.5.3.1; the name may have as much.
        if text.len() > 640 || clean::line(&text) != text {
            return Err(wrong());
        }
        let (name, address) = match text.trim().strip_suffix('>') {
            Some(named) => named.rsplit_once('<').ok_or_else(wrong)?,
            None => ("", text.trim()),
        };
        // No quoted local parts, and no SMTPUTF8, which few servers speak.
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>,;:\\()[]".contains(&byte);
        if address.len() > 320 || !address.bytes().all(plain) {
            return Err(wrong());
        }
        let name = name.trim().trim_matches('"').replace("=?", "= ?");
        Ok(Self(Mailbox::new(
            Some(name).filter(|name| !name.is_empty()),
            address.parse().map_err(|_| wrong())?,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Recipient, String> {
        Recipient::try_from(text.to_owned())
    }

    #[test]
    fn an_address_may_have_a_name() {
        let recipient = read("Diensthabende, Köln <ops+vr@mail.example>").unwrap();
        assert_eq!(recipient.address().to_string(), "ops+vr@mail.example");
        assert_eq!(
            recipient,
            read("\"Diensthabende, Köln\" <ops+vr@mail.example>").unwrap()
        );
        assert_eq!(read("vrwatch@example").unwrap().mailbox().name, None);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "ops",
            "ops@",
            "@example",
            "ops@example, dev@example",
            "ops@example\r\nBcc: evil@example",
            "x\r\nBcc: evil@example <ops@example>",
            "ops@example>",
            "Operations <ops>",
            "\"a b\"@example",
            "ops@exämple",
            "öps@example",
            "ops@[192.0.2.1]",
            "<ops@example> SIZE=1",
        ] {
            let words = read(text).unwrap_err();
            assert!(words.contains("is no mail address"), "{text}: {words}");
        }
        assert!(read(&format!("{}@example", "x".repeat(700))).is_err());
    }
}
