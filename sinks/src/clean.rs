//! Makes text from elsewhere (a command's output, a name, an operator's words) fit for a message: one
//! harmless line, cut where a character ends.

/// The text as one harmless line.
pub(crate) use contract::clean::line;

/// What stands where text was cut.
const CUT: char = '…';

/// A name that stands in brackets: as [`line`], without brackets of its own, at most `limit` bytes.
pub(crate) fn name(text: &str, limit: usize) -> String {
    cut(&line(text).replace('[', "(").replace(']', ")"), limit)
}

/// At most `limit` bytes of `text`, ended by `…` where something is missing.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let Some(room) = limit.checked_sub(CUT.len_utf8()) else {
        return String::new();
    };
    let mut short = text[..text.floor_char_boundary(room)].to_owned();
    short.push(CUT);
    short
}

/// An error's words without the address of a library's manual, which rustls adds to some.
pub(crate) fn without_manual(words: &str) -> &str {
    words.split(": https://docs.rs/").next().unwrap_or(words)
}

/// The last lines of a command's output that say something, as one line of at most `limit` bytes:
/// joined by ` / `, oldest first. A last line that is too long keeps its beginning.
pub(crate) fn last_lines(output: &str, limit: usize) -> String {
    let mut kept = String::new();
    for text in output.lines().rev() {
        let text = line(text);
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        if kept.is_empty() {
            kept = cut(text, limit);
        } else if kept.len() + text.len() + 3 <= limit {
            kept = format!("{text} / {kept}");
        } else {
            break;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_where_a_character_ends() {
        for limit in 0..12 {
            let short = cut("ééééé", limit);
            assert!(short.len() <= limit, "{limit}: {short}");
        }
        assert_eq!(cut("ééééé", 10), "ééééé");
        assert_eq!(cut("ééééé", 9), "ééé…");
        assert_eq!(cut("ééééé", 8), "éé…");
    }

    #[test]
    fn a_manual_for_programmers_is_not_shown() {
        let words = "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest/x#y";
        assert_eq!(
            without_manual(words),
            "peer closed connection without sending TLS close_notify"
        );
        assert_eq!(without_manual("no route"), "no route");
    }

    #[test]
    fn the_last_lines_that_say_something_are_kept_in_their_order() {
        assert_eq!(
            last_lines("one\n\n two \r\nthree\n\n", 100),
            "one / two / three"
        );
        assert_eq!(last_lines("one\ntwo\nthree", 12), "two / three");
        assert_eq!(last_lines(&"x".repeat(10_000), 10), "xxxxxxx…");
        assert_eq!(last_lines("\n \n", 10), "");
    }
}
