//! The first start: nobody can log in yet, so that there is made somebody who can, with a password
//! of this very start that is shown once and lets in only to choose another.

use super::ServeError;
use crate::api::access::{PasswordError, Passwords, Role, made_up};
use crate::store::Store;

/// Who.
const NAME: &str = "admin";

/// Makes the first user, unless there is one. Called when nothing else can keep the manager from
/// starting: what is shown once must not be lost with a start that fails.
pub(super) async fn welcome(store: &Store) -> Result<(), ServeError> {
    if !store.users().await?.is_empty() {
        return Ok(());
    }
    let system = |error: PasswordError| ServeError::System(error.to_string());
    let password = made_up().map_err(system)?;
    let passwords = Passwords::new().await.map_err(system)?;
    let kept = passwords
        .hash(password.clone(), true)
        .await
        .map_err(system)?;
    // Several managers may start at the same moment: one of them makes the user and shows this.
    let made = store
        .add_first_user(NAME, &kept.written(), Role::Admin.name())
        .await?;
    if made {
        terminal::log::say(&format!(
            "This is the first start. Log in as `{NAME}` with this password, which is shown this once \
             and must be changed at once:\n\n    {password}\n\n\
             (`vrwatch-manager user password {NAME}` asks for the new one on the terminal; over HTTP it is \
             POST /api/v1/password)"
        ));
    }
    Ok(())
}
