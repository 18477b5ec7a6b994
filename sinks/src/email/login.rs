//! Who we are for the mail server: a user, and a password that stays in its file until it is used.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};

use crate::file::{self, FileError};

/// The longest password; bytes.
const LONGEST_PASSWORD: u64 = 4096;

/// A user, and where the password is. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password_file: PathBuf,
    /// Those that may be used, in the order of our liking.
    pub(super) mechanisms: &'static [Mechanism],
}

/// A password. Neither `Debug` nor anything else shows it.
pub(super) struct Password(String);

/// Why there is no password to use.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoginError {
    #[error("`password_file`: {0}")]
    File(#[from] FileError),
    #[error("`password_file`: {} must hold one line of text, the password", .0.display())]
    NoPassword(PathBuf),
}

impl Login {
    /// Reads the password: for every connection afresh, so that a new one is used at once.
    pub(super) fn password(&self) -> Result<Password, LoginError> {
        let content = file::read_secret(&self.password_file, LONGEST_PASSWORD)?;
        String::from_utf8(content)
            .ok()
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            // PLAIN separates its fields with NUL; a line break would be a second line.
            .filter(|password| !password.is_empty() && !password.contains(['\0', '\r', '\n']))
            .map(Password)
            .ok_or_else(|| LoginError::NoPassword(self.password_file.clone()))
    }

    pub(super) fn credentials(&self, password: &Password) -> Credentials {
        Credentials::new(self.user.clone(), password.0.clone())
    }

    /// What this log-in puts on the wire: nothing of it may ever be shown.
    pub(super) fn secrets(&self, password: &Password) -> Secrets {
        Secrets(vec![
            password.0.clone(),
            BASE64.encode(&password.0),
            BASE64.encode(format!("\0{}\0{}", self.user, password.0)),
        ])
    }
}

/// Texts that must not be shown, should a server repeat them.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The text, or words in its place when a secret stands in it.
    pub(super) fn kept_out_of(&self, text: String) -> String {
        if self.0.iter().any(|secret| text.contains(secret.as_str())) {
            "(an answer that repeats the password)".into()
        } else {
            text
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(…)")
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_password_is_one_line_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let login = Login {
            user: "me".into(),
            password_file: folder.path().join("password"),
            mechanisms: &[Mechanism::Plain],
        };
        fs::write(&login.password_file, "").unwrap();
        fs::set_permissions(&login.password_file, Permissions::from_mode(0o600)).unwrap();
        for bad in [&b""[..], b"\n", b"a\nb", b"a\0b", b"\xff"] {
            fs::write(&login.password_file, bad).unwrap();
            let words = login.password().unwrap_err().to_string();
            assert!(words.ends_with("one line of text, the password"), "{words}");
        }
        fs::write(&login.password_file, "hunter2\r\n").unwrap();
        let password = login.password().unwrap();
        assert_eq!(password.0, "hunter2");
        let secrets = login.secrets(&password);
        assert!(!format!("{login:?} {password:?} {secrets:?}").contains("hunter2"));
        for repeated in ["no hunter2!", "AG1lAGh1bnRlcjI=", "aHVudGVyMg=="] {
            let words = secrets.kept_out_of(format!("535 {repeated}"));
            assert_eq!(words, "(an answer that repeats the password)");
        }
        assert_eq!(secrets.kept_out_of("535 no".into()), "535 no");
    }
}
