//! Makes a command's output fit for an event: plain text of bounded length.

/// The most that is kept of a command's output, in bytes.
pub(super) const LIMIT: usize = 4096;

/// The last [`LIMIT`] bytes of the output as text. Invalid UTF-8 becomes U+FFFD; what steers a
/// terminal, reorders or hides goes; newlines stay.
pub(super) fn clean(output: &[u8]) -> String {
    let plain = contract::clean::text(&String::from_utf8_lossy(output));
    let start = plain.ceil_char_boundary(plain.len().saturating_sub(LIMIT));
    plain[start..].trim().to_owned()
}

#[cfg(test)]
mod tests {
    use contract::clean::is_hidden;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_that_are_no_text_become_replacement_characters_within_the_limit() {
        let cleaned = clean(&[0xff; 2 * LIMIT]);
        assert!(cleaned.len() <= LIMIT);
        assert!(cleaned.chars().all(|character| character == '\u{fffd}'));
    }

    proptest! {
        #[test]
        fn whatever_a_command_prints_comes_out_short_plain_and_trimmed(
            output in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..9000),
                "[\\x00-\\x{ff}\\x{200b}-\\x{2069}a\n\\x1b\\[\\];]{0,3000}".prop_map(String::into_bytes),
            ]
        ) {
            let cleaned = clean(&output);
            prop_assert!(cleaned.len() <= LIMIT);
            prop_assert_eq!(cleaned.trim(), &cleaned);
            let unfit = |character| character != '\n' && is_hidden(character);
            prop_assert_eq!(cleaned.chars().find(|character| unfit(*character)), None);
            prop_assert_eq!(clean(cleaned.as_bytes()), cleaned.clone());
        }

        #[test]
        fn plain_text_comes_out_as_it_went_in(text in "[a-zäß0-9.:\"]([a-zäß0-9 .:\"\n]{0,500}[a-z])?") {
            prop_assert_eq!(clean(text.as_bytes()), text);
        }
    }
}
