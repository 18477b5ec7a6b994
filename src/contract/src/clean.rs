//! Makes text from elsewhere (a command's output, a name, an operator's words) fit for a log line, a
//! mail and a terminal: plain text that moves no cursor, hides nothing and reorders nothing. One
//! place, so that what is harmless for one output is harmless for all.

use std::iter::Peekable;
use std::str::Chars;

/// Text of several lines: escape sequences, control characters and characters that reorder or hide
/// text go; tabs, carriage returns and Unicode's own separators become spaces; newlines stay.
#[must_use]
pub fn text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
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
    plain
}

/// The same as one line: a newline becomes a space too.
#[must_use]
pub fn line(text: &str) -> String {
    self::text(text).replace('\n', " ")
}

/// Whether a character shows nothing by itself, but changes how others show.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' // a direction mark
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // line and paragraph separators, direction overrides
            | '\u{2060}'..='\u{206f}' // invisible operators, direction isolates
            | '\u{fe00}'..='\u{fe0f}' // variation selectors
            | '\u{feff}' // byte order mark
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}' // tags, more variation selectors
        )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_titles_and_cursor_movements_disappear() {
        assert_eq!(
            text("\x1b[1;31mdnsmasq:\x1b[0m bad \x1b]0;title\x07option\x1b(B\x1b[2K at line 3\n"),
            "dnsmasq: bad option at line 3\n"
        );
    }

    #[test]
    fn what_reorders_or_hides_disappears_and_newlines_stay() {
        assert_eq!(
            text("a\0b\u{7f}c\u{85}d\r\ne\tf\rg\u{8}\u{202e}h\u{2066}i\u{feff}é"),
            "abcd\ne f ghié"
        );
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(line("a\nb\r\nc\u{2028}d"), "a b c d");
    }

    #[test]
    fn a_control_string_without_an_end_swallows_its_line_only() {
        assert_eq!(text("\x1b]0;no end\nthe error"), "\nthe error");
        assert_eq!(text("before \x1b"), "before ");
    }
}
