//! Who may do what over HTTP: passwords, the tokens of sessions, and how long whoever guessed wrong
//! has to wait.

mod password;
mod tally;
mod throttle;
mod token;

pub use self::password::{Kept, PasswordError, Passwords, made_up};
pub(super) use self::tally::WINDOW;
pub use self::tally::{Said, Tally};
pub use self::throttle::{Lane, Throttle};
pub use self::token::Token;

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look at everything.
    Reader,
    /// Change everything.
    Admin,
}

impl Role {
    /// Its name, as it is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Admin => "admin",
        }
    }

    /// The role of this name; an unknown one may do nothing.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Reader, Self::Admin]
            .into_iter()
            .find(|role| role.name() == name)
    }
}
