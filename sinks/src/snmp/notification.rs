//! A notification as we think of it, whatever library puts it on the wire: its name and what it
//! carries, in the order in which its MIB lists that.

use crate::clean;

/// Where every enterprise has its number. Source: RFC 2578 §3.
const ENTERPRISES: [u32; 6] = [1, 3, 6, 1, 4, 1];

/// A text is never cut to less than this, so that ids stay whole.
const SHORTEST_TEXT: usize = 64;

/// An object identifier.
pub(super) type Name = Vec<u32>;

/// The object identifier that far below the enterprises.
pub(super) fn enterprise(below: &[u32]) -> Name {
    [&ENTERPRISES, below].concat()
}

/// A value that a MIB object can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// `INTEGER` and `Integer32`.
    Integer(i32),
    /// `Unsigned32`.
    Unsigned(u32),
    /// `Counter64`.
    Counter(u64),
    /// An octet string that holds text; may be cut further when the message is too long.
    Text(String),
    /// Any other octet string.
    Octets(Vec<u8>),
}

/// One notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notification {
    /// What `snmpTrapOID.0` says.
    pub(super) name: Name,
    /// The instances and their values, after `sysUpTime.0` and `snmpTrapOID.0`.
    pub(super) values: Vec<(Name, Value)>,
}

impl Notification {
    /// Takes `excess` bytes away, or as many as may be, from the longest texts first; `false` when
    /// there is nothing left that may be cut.
    pub(super) fn shorten(&mut self, excess: usize) -> bool {
        let mut missing = excess;
        while missing > 0 {
            let longest = self
                .values
                .iter_mut()
                .filter_map(|(_, value)| match value {
                    Value::Text(text) if text.len() > SHORTEST_TEXT => Some(text),
                    _ => None,
                })
                .max_by_key(|text| text.len());
            let Some(text) = longest else {
                return missing < excess;
            };
            let before = text.len();
            *text = clean::cut(text, before.saturating_sub(missing).max(SHORTEST_TEXT));
            missing = missing.saturating_sub(before - text.len());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_texts(texts: &[&str]) -> Notification {
        Notification {
            name: enterprise(&[32473]),
            values: texts
                .iter()
                .map(|text| (enterprise(&[1]), Value::Text((*text).into())))
                .collect(),
        }
    }

    #[test]
    fn the_longest_text_is_cut_first_and_where_a_character_ends() {
        let mut notification = with_texts(&["short", &"é".repeat(100)]);
        assert!(notification.shorten(31));
        let Value::Text(cut) = &notification.values[1].1 else {
            panic!("no text")
        };
        assert!(cut.len() <= 169 && cut.ends_with('…'), "{cut}");
        assert_eq!(notification.values[0].1, Value::Text("short".into()));
    }

    #[test]
    fn what_is_as_short_as_an_id_is_not_cut() {
        let id = "x".repeat(SHORTEST_TEXT);
        let mut notification = with_texts(&[&id, &"y".repeat(SHORTEST_TEXT + 1)]);
        assert!(notification.shorten(1000), "one byte");
        assert!(!notification.shorten(1000));
        assert_eq!(notification.values[0].1, Value::Text(id));
    }
}
