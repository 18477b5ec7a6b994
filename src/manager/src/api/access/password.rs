//! Passwords: hashed by argon2id, a few at a time, so that guessing costs the guesser and not the
//! routers. A user that there is not takes as long as a wrong password.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Argon2, PasswordHash};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Lane;

/// How many of each lane are hashed at a time; each takes 19 MiB and one processor.
const AT_ONCE: usize = 1;
/// How long a password waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// The shortest and the longest password, in characters and bytes. Source: NIST SP 800-63B §5.1.1.
const SHORTEST: usize = 12;
const LONGEST: usize = 1024;
/// Stands before the hash of a password that lets in once: to choose another.
const ONCE: &str = "once:";
/// The letters of a password that is made up here: none that are mistaken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Why a password is not taken or not checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is too short.
    #[error("a password has at least {SHORTEST} characters")]
    Short,
    /// It is too long.
    #[error("a password has at most {LONGEST} bytes")]
    Long,
    /// Too many are being checked.
    #[error("too many log-ins at one time")]
    Busy,
    /// Nothing that the user can help.
    #[error("the password cannot be worked on: {0}")]
    Broken(String),
}

/// A password as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    hash: String,
    /// Whether it only lets its user choose another.
    pub once: bool,
}

impl Kept {
    /// From the store.
    #[must_use]
    pub fn read(stored: &str) -> Self {
        match stored.strip_prefix(ONCE) {
            Some(hash) => Self {
                hash: hash.to_owned(),
                once: true,
            },
            None => Self {
                hash: stored.to_owned(),
                once: false,
            },
        }
    }

    /// For the store.
    #[must_use]
    pub fn written(&self) -> String {
        let mark = if self.once { ONCE } else { "" };
        format!("{mark}{}", self.hash)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Kept")
    }
}

/// A queue for each lane.
#[derive(Clone, Debug)]
struct Turns {
    known: Arc<Semaphore>,
    clean: Arc<Semaphore>,
    failed: Arc<Semaphore>,
}

impl Turns {
    fn new() -> Self {
        let turns = || Arc::new(Semaphore::new(AT_ONCE));
        Self {
            known: turns(),
            clean: turns(),
            failed: turns(),
        }
    }

    fn of(&self, lane: Lane) -> Arc<Semaphore> {
        Arc::clone(match lane {
            Lane::Known => &self.known,
            Lane::Clean => &self.clean,
            Lane::Failed => &self.failed,
        })
    }
}

/// Hashes and checks passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    turns: Turns,
    /// Of no password.
    nobody: Arc<Kept>,
}

impl Passwords {
    /// Ready to check.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub async fn new() -> Result<Self, PasswordError> {
        let mut passwords = Self {
            turns: Turns::new(),
            nobody: Arc::new(Kept {
                hash: String::new(),
                once: false,
            }),
        };
        passwords.nobody = Arc::new(passwords.hash(made_up()?, false).await?);
        Ok(passwords)
    }

    /// Hashes a new password; `once`: it lets its user choose another, and nothing else.
    ///
    /// # Errors
    /// When it is unfit, or too many are worked on.
    pub async fn hash(&self, password: String, once: bool) -> Result<Kept, PasswordError> {
        if password.chars().count() < SHORTEST {
            return Err(PasswordError::Short);
        }
        if password.len() > LONGEST {
            return Err(PasswordError::Long);
        }
        // Whoever chooses a password has proved to know one.
        let hash = self
            .in_turn(Lane::Known, move || {
                let mut salt = [0; 16];
                SystemRandom::new()
                    .fill(&mut salt)
                    .map_err(|_| PasswordError::Broken("no random numbers".to_owned()))?;
                let broken =
                    |error: argon2::password_hash::Error| PasswordError::Broken(error.to_string());
                let salt = SaltString::encode_b64(&salt).map_err(broken)?;
                let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
                Ok(hash.map_err(broken)?.to_string())
            })
            .await??;
        Ok(Kept { hash, once })
    }

    /// Whether this is the password; without one it takes as long to say no.
    ///
    /// # Errors
    /// When too many are worked on.
    pub async fn is_right(
        &self,
        password: String,
        kept: Option<&Kept>,
        lane: Lane,
    ) -> Result<bool, PasswordError> {
        let known = kept.is_some();
        let hash = kept.unwrap_or(&self.nobody).hash.clone();
        if password.len() > LONGEST {
            return Ok(false);
        }
        let right = self
            .in_turn(lane, move || {
                PasswordHash::new(&hash).is_ok_and(|hash| {
                    Argon2::default()
                        .verify_password(password.as_bytes(), &hash)
                        .is_ok()
                })
            })
            .await?;
        Ok(right && known)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = timeout(PATIENCE, self.turns.of(lane).acquire_owned())
            .await
            .map_err(|_| PasswordError::Busy)?
            .map_err(|error| PasswordError::Broken(error.to_string()))?;
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, even when nobody waits for it any more.
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| PasswordError::Broken(error.to_string()))
    }
}

/// A password of 100 random bits.
///
/// # Errors
/// The system has no random numbers.
pub fn made_up() -> Result<String, PasswordError> {
    let mut bytes = [0; 20];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| PasswordError::Broken("no random numbers".to_owned()))?;
    let letters = bytes.map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    let groups: Vec<String> = letters
        .chunks(5)
        .map(|group| group.iter().collect())
        .collect();
    Ok(groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_nobodys_never_is() {
        let passwords = Passwords::new().await.unwrap();
        let password = made_up().unwrap();
        let kept = passwords.hash(password.clone(), true).await.unwrap();
        assert!(kept.written().starts_with("once:$argon2id$"));
        let read = Kept::read(&kept.written());
        assert!(read.once && read == kept);
        assert!(!format!("{kept:?}").contains('$'));
        assert!(
            passwords
                .is_right(password.clone(), Some(&read), Lane::Clean)
                .await
                .unwrap()
        );
        let wrong = format!("{password}x");
        let right = passwords.is_right(wrong, Some(&read), Lane::Clean).await;
        assert!(!right.unwrap());
        let right = passwords.is_right(password, None, Lane::Clean).await;
        assert!(!right.unwrap());
    }

    #[tokio::test]
    async fn a_queue_of_guesses_holds_nobody_up_who_is_known() {
        let passwords = Passwords::new().await.unwrap();
        let kept = passwords.hash("x".repeat(12), false).await.unwrap();
        let _clean = passwords.turns.of(Lane::Clean).acquire_owned().await;
        let _failed = passwords.turns.of(Lane::Failed).acquire_owned().await;
        let right = passwords.is_right("x".repeat(12), Some(&kept), Lane::Known);
        assert!(right.await.unwrap());
    }

    #[tokio::test]
    async fn a_password_must_have_a_fit_length() {
        let passwords = Passwords::new().await.unwrap();
        let answer = passwords.hash("elevenchars".to_owned(), false).await;
        assert_eq!(answer, Err(PasswordError::Short));
        let answer = passwords.hash("x".repeat(1025), false).await;
        assert_eq!(answer, Err(PasswordError::Long));
    }
}
