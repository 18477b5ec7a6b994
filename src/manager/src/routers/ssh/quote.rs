//! The one place where words become a line for a shell: sshd hands what it is told to the user's
//! log-in shell, so every word is quoted such that the shell gives it back as it was.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// The line that makes a POSIX shell run a program with exactly these words. A word may hold any
/// byte but NUL. A line is a word itself: quoted again it passes a second shell.
#[must_use]
pub fn line<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut line = Vec::new();
    for word in words {
        if !line.is_empty() {
            line.push(b' ');
        }
        // Between single quotes nothing means anything but the single quote: it ends them, comes
        // itself behind a backslash, and they begin anew.
        line.push(b'\'');
        for byte in word {
            match byte {
                b'\'' => line.extend_from_slice(br"'\''"),
                other => line.push(*other),
            }
        }
        line.push(b'\'');
    }
    line
}

/// The same as one argument of a program.
pub(super) fn argument(words: &[Vec<u8>]) -> OsString {
    OsString::from_vec(line(words.iter().map(Vec::as_slice)))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    use proptest::prelude::*;

    use super::line;

    /// What `sh` makes of the line: each word, ended by a NUL.
    fn told_by_sh(line: &[u8]) -> Vec<u8> {
        let output = Command::new("sh")
            .arg("-c")
            .arg(OsStr::from_bytes(line))
            .output()
            .unwrap();
        assert!(output.stderr.is_empty(), "{output:?}");
        output.stdout
    }

    fn printf(words: &[Vec<u8>]) -> Vec<u8> {
        let fixed: [&[u8]; 2] = [b"printf", br"%s\0"];
        line(fixed.into_iter().chain(words.iter().map(Vec::as_slice)))
    }

    fn expected(words: &[Vec<u8>]) -> Vec<u8> {
        words
            .iter()
            .flat_map(|word| [word, &[0][..]].concat())
            .collect()
    }

    #[test]
    fn every_byte_but_nul_comes_through_a_shell_as_it_is() {
        let words: Vec<Vec<u8>> = (1..=255).map(|byte| vec![byte]).collect();
        assert_eq!(told_by_sh(&printf(&words)), expected(&words));
    }

    #[test]
    fn an_empty_word_stays_a_word() {
        let words = [vec![], b"a".to_vec(), vec![]];
        assert_eq!(told_by_sh(&printf(&words)), expected(&words));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn words_come_through_one_shell_and_through_two(
            words in proptest::collection::vec(
                proptest::collection::vec(
                    prop_oneof![Just(b'\''), Just(b'\\'), Just(b'$'), Just(b'\n'), 1..=255_u8],
                    0..40,
                ),
                1..6,
            )
        ) {
            let once = printf(&words);
            prop_assert_eq!(told_by_sh(&once), expected(&words));
            let shell: [&[u8]; 3] = [b"sh", b"-c", &once];
            prop_assert_eq!(told_by_sh(&line(shell)), expected(&words));
        }
    }
}
