//! What `netusage.sh -g` and `vpc_netusage.sh -l ADDRESS -g` print: `n1:n2:…:` without a newline,
//! the odd fields sent, the even ones received. Source: `cloudstack.md` section 4.

/// The most fields that are read.
const MOST_FIELDS: usize = 10_000;

/// Bytes since the router's counters began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// To the outside.
    pub(super) sent: u64,
    /// From the outside.
    pub(super) received: u64,
}

/// Reads it; `None` when it is not that.
#[must_use]
pub(super) fn read(output: &[u8]) -> Option<Counted> {
    let text = std::str::from_utf8(output).ok()?.trim();
    let fields = text.strip_suffix(':').unwrap_or(text);
    let mut counted = Counted::default();
    for (place, field) in fields.split(':').take(MOST_FIELDS).enumerate() {
        let bytes: u64 = field.trim().parse().ok()?;
        let sum = if place % 2 == 0 {
            &mut counted.sent
        } else {
            &mut counted.received
        };
        *sum = sum.saturating_add(bytes);
    }
    Some(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_fields_are_sent_and_even_ones_received() {
        let counted = Some(Counted {
            sent: 10 + 30,
            received: 20 + 40,
        });
        assert_eq!(read(b"10:20:30:40:"), counted);
        assert_eq!(read(b"10:20:30:40\n"), counted);
        assert_eq!(read(b"0:0:"), Some(Counted::default()));
    }

    #[test]
    fn garbage_is_no_usage_and_sums_do_not_overflow() {
        for garbage in [&b""[..], b":", b"a:b:", b"1:-2:", b"\xff\xfe", b"1:2:x"] {
            assert_eq!(read(garbage), None, "{garbage:?}");
        }
        let most = format!("{0}:1:{0}:1:", u64::MAX);
        assert_eq!(
            read(most.as_bytes()),
            Some(Counted {
                sent: u64::MAX,
                received: 2
            })
        );
    }
}
