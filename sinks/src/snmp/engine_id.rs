//! An SNMP engine's id: 5 to 32 octets that no other engine in the world has.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;

/// How many random octets an id of our making has.
const RANDOM: usize = 12;

/// An engine's id. Source: RFC 3411 §5, `SnmpEngineID`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct EngineId(Vec<u8>);

/// The text is no engine id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an engine id has 5 to 32 octets in hexadecimal, not all 00 or ff, such as \"0x80007ed9056d79726f75746572\""
)]
pub(super) struct EngineIdError;

impl EngineId {
    /// A new one. The first four octets name the enterprise with the highest bit set (32473, which
    /// IANA keeps for examples), the fifth says that octets of our choosing follow.
    pub(super) fn random() -> Result<Self, ring::error::Unspecified> {
        let mut random = [0; RANDOM];
        SystemRandom::new().fill(&mut random)?;
        let mut id = (0x8000_0000_u32 + 32473).to_be_bytes().to_vec();
        id.push(5);
        id.extend(random);
        Ok(Self(id))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<String> for EngineId {
    type Error = EngineIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(&text);
        // As bytes, because not every place between two bytes may be cut at.
        let octet = |pair: &[u8]| {
            let [high, low] = pair else { return None };
            let digit = |digit: u8| char::from(digit).to_digit(16);
            u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
        };
        let id: Vec<u8> = digits
            .as_bytes()
            .chunks(2)
            .map(octet)
            .collect::<Option<_>>()
            .ok_or(EngineIdError)?;
        let all = |value: u8| id.iter().all(|octet| *octet == value);
        if (5..=32).contains(&id.len()) && !all(0) && !all(0xff) {
            Ok(Self(id))
        } else {
            Err(EngineIdError)
        }
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("0x")?;
        self.0
            .iter()
            .try_for_each(|octet| write!(formatter, "{octet:02x}"))
    }
}

impl fmt::Debug for EngineId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_id_prints_as_it_is_read() {
        let id = EngineId::random().unwrap();
        assert_eq!(id.bytes().len(), 17);
        assert!(id.to_string().starts_with("0x80007ed905"), "{id}");
        assert_eq!(EngineId::try_from(id.to_string()).unwrap(), id);
        assert_ne!(EngineId::random().unwrap(), id);
        assert_eq!(
            EngineId::try_from("8000AbCdEf".to_owned()).unwrap().bytes(),
            [0x80, 0, 0xab, 0xcd, 0xef]
        );
    }

    #[test]
    fn what_is_no_engine_id_is_refused() {
        for text in [
            "",
            "0x",
            "80007ed9",
            "80007ed9050",
            "80007ed9+5",
            "80007ed90é",
            "0000000000",
            "ffffffffff",
            &"ab".repeat(33),
        ] {
            assert_eq!(
                EngineId::try_from(text.to_owned()),
                Err(EngineIdError),
                "{text}"
            );
        }
    }
}
