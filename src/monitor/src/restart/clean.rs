//! Makes a command's output fit for a log line, a mail and a terminal: plain text that moves no
//! cursor, hides nothing and reorders nothing.

use std::iter::Peekable;
use std::str::Chars;

/// The most that is kept of a command's output, in bytes.
pub(super) const LIMIT: usize = 4096;

/// The last [`LIMIT`] bytes of the output as text. Invalid UTF-8 becomes U+FFFD; escape sequences,
/// control characters and characters that reorder or hide text go; tabs and carriage returns become
/// spaces; newlines stay.
pub(super) fn clean(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let mut plain = String::with_capacity(text.len().min(2 * LIMIT));
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\n' => plain.push('\n'),
            '\r' if rest.peek() == Some(&'\n') => {}
            '\t' | '\r' | '\u{2028}' | '\u{2029}' => plain.push(' '),
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_control_string(&mut rest),
            other if is_hidden(other) => {}
            other => plain.push(other),
        }
    }
    let start = plain.ceil_char_boundary(plain.len().saturating_sub(LIMIT));
    plain[start..].trim().to_owned()
}

/// Skips what follows an ESC. Source: ECMA-48, 5.3 to 5.6; ECMA-35, 13.2.
fn skip_escape(rest: &mut Peekable<Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control_sequence(rest);
        }
        Some('P' | 'X' | ']' | '^' | '_') => {
            rest.next();
            skip_control_string(rest);
        }
        _ => {
            while rest.next_if(|next| matches!(next, ' '..='/')).is_some() {}
            rest.next_if(|next| matches!(next, '0'..='~'));
        }
    }
}

/// Skips the parameters and the final byte of a control sequence, such as a colour.
fn skip_control_sequence(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|next| matches!(next, ' '..='?')).is_some() {}
    rest.next_if(|next| matches!(next, '@'..='~'));
}

/// Skips a control string, such as a window title, to its terminator; at most to the line's end, so
/// that one without a terminator swallows no more.
fn skip_control_string(rest: &mut Peekable<Chars<'_>>) {
    while let Some(next) = rest.next_if(|next| *next != '\n') {
        match next {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// Whether a character shows nothing by itself, but changes how others show.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_titles_and_cursor_movements_disappear() {
        let output =
            b"\x1b[1;31mdnsmasq:\x1b[0m bad \x1b]0;title\x07option\x1b(B\x1b[2K at line 3\n";
        assert_eq!(clean(output), "dnsmasq: bad option at line 3");
    }

    #[test]
    fn control_characters_disappear_and_newlines_stay() {
        let output = "a\0b\u{7f}c\u{85}d\r\ne\tf\rg\u{8}\u{202e}h\u{2066}i\u{feff}";
        assert_eq!(clean(output.as_bytes()), "abcd\ne f ghi");
    }

    #[test]
    fn a_control_string_without_an_end_swallows_its_line_only() {
        assert_eq!(clean(b"\x1b]0;no end\nthe error"), "the error");
        assert_eq!(clean(b"before \x1b"), "before");
    }

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
