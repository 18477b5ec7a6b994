//! Who we are to a receiver: the credentials, ready for use, and for v3 traps the engine that
//! counts. Making them reads files, hashes a megabyte a password and waits for the disk, so all of
//! it happens on a thread of its own.

use std::time::{Duration, Instant, SystemTime};

use async_snmp::{
    Auth, AuthProtocol, AuthoritativeEngine, MasterKeys, PersistedAuthoritativeEngine,
    PrivProtocol, UsmConfig,
};

use super::config::{self, NotificationKind, Security, User};
use super::engine::{Engine, EngineError, EngineFile};
use super::secret::{self, SecretError, Secrets};

/// How far the wall clock may run ahead of the clock that stands still while the machine is
/// suspended. Receivers drop traps whose time lags by 150 s (RFC 3414 §2.2.3).
const MOST_LAG: Duration = Duration::from_mins(1);

/// Who we are.
pub(super) struct Identity {
    pub(super) auth: Auth,
    /// Present for v3 traps only.
    pub(super) engine: Option<Running>,
    secrets: Secrets,
}

/// Our engine since its last start.
pub(super) struct Running {
    pub(super) clock: AuthoritativeEngine,
    engine: Engine,
    since: (SystemTime, Instant),
}

/// Why we cannot say who we are. All of it can heal.
#[derive(Debug, thiserror::Error)]
pub(super) enum IdentityError {
    #[error("{0}")]
    Secret(#[from] SecretError),
    #[error("{0}")]
    Engine(#[from] EngineError),
    #[error("the credentials cannot be used: {0}")]
    Unusable(String),
}

impl Identity {
    /// Reads the secrets and, for v3 traps, starts our engine. What is `known` already and still so
    /// is not made again. Blocks.
    pub(super) fn prepare(
        security: &Security,
        kind: NotificationKind,
        file: &EngineFile,
        known: Option<&Self>,
    ) -> Result<Self, IdentityError> {
        let secrets = secret::read(security)?;
        let auth = match known {
            Some(known) if known.secrets == secrets => known.auth.clone(),
            _ => credentials(security, &secrets)?,
        };
        let engine = match security {
            Security::User(user) if kind == NotificationKind::Trap => {
                let known = known.and_then(|known| known.engine.as_ref());
                Some(Running::prepare(user, file, known)?)
            }
            _ => None,
        };
        Ok(Self {
            auth,
            engine,
            secrets,
        })
    }
}

impl Running {
    /// Goes on with a known engine, unless somebody else has started it since (`test-alert` beside
    /// the daemon) or its clock stood still: then, as at first, it starts once more.
    fn prepare(
        user: &User,
        file: &EngineFile,
        known: Option<&Self>,
    ) -> Result<Self, IdentityError> {
        let now = (SystemTime::now(), Instant::now());
        if let Some(known) = known
            && !lags(known.since, now)
            && file.load()?.as_ref() == Some(&known.engine)
        {
            return Ok(Self {
                clock: known.clock.clone(),
                engine: known.engine.clone(),
                since: known.since,
            });
        }
        let running = known.map(|known| &known.engine);
        let engine = file.start(user.engine_id.as_ref(), running, now.0)?;
        Ok(Self {
            clock: clock(&engine, file)?,
            engine,
            since: now,
        })
    }
}

/// Whether more time has passed by the wall clock than by the monotonic one.
fn lags(since: (SystemTime, Instant), now: (SystemTime, Instant)) -> bool {
    let wall = now.0.duration_since(since.0).unwrap_or(Duration::ZERO);
    wall > now.1.saturating_duration_since(since.1) + MOST_LAG
}

/// The library's view of an engine that is on disk already. It asks for the disk again when the
/// engine's clock wraps, after 68 years.
fn clock(engine: &Engine, file: &EngineFile) -> Result<AuthoritativeEngine, IdentityError> {
    let saved = engine.clone();
    let file = file.clone();
    let persist = move |state: &PersistedAuthoritativeEngine| {
        let boots = state.engine_boots();
        if boots == saved.boots {
            return Ok(());
        }
        file.save(&Engine {
            id: saved.id.clone(),
            boots,
        })
    };
    let id = engine.id.bytes().to_vec();
    // It counts the start itself.
    let clock = match engine.boots.checked_sub(1) {
        None | Some(0) => AuthoritativeEngine::install(id, persist),
        Some(before) => PersistedAuthoritativeEngine::new(id, before)
            .and_then(|before| AuthoritativeEngine::restart(before, persist)),
    };
    clock.map_err(|error| IdentityError::Unusable(error.to_string()))
}

fn credentials(security: &Security, secrets: &Secrets) -> Result<Auth, IdentityError> {
    match (security, secrets) {
        (Security::User(user), Secrets::User { auth, privacy }) => {
            let mut keys = MasterKeys::new(auth_protocol(user.auth.protocol), auth.bytes())
                .map_err(unusable)?;
            if let (Some(settings), Some(password)) = (&user.privacy, privacy) {
                keys = keys
                    .with_privacy(privacy_protocol(settings.protocol), password.bytes())
                    .map_err(unusable)?;
            }
            let user = UsmConfig::new(user.name.clone().into_bytes())
                .with_master_keys(keys)
                .map_err(unusable)?;
            Ok(user.into())
        }
        (_, Secrets::Community(community)) => Ok(Auth::v2c(community.bytes())),
        (Security::Community { .. }, Secrets::User { .. }) => {
            Err(IdentityError::Unusable("a community is missing".into()))
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is handed to map_err by name"
)]
fn unusable(error: async_snmp::CryptoError) -> IdentityError {
    IdentityError::Unusable(error.to_string())
}

const fn auth_protocol(protocol: config::AuthProtocol) -> AuthProtocol {
    match protocol {
        config::AuthProtocol::Sha1 => AuthProtocol::Sha1,
        config::AuthProtocol::Sha224 => AuthProtocol::Sha224,
        config::AuthProtocol::Sha256 => AuthProtocol::Sha256,
        config::AuthProtocol::Sha384 => AuthProtocol::Sha384,
        config::AuthProtocol::Sha512 => AuthProtocol::Sha512,
    }
}

const fn privacy_protocol(protocol: config::PrivacyProtocol) -> PrivProtocol {
    match protocol {
        config::PrivacyProtocol::Aes128 => PrivProtocol::Aes128,
        config::PrivacyProtocol::Aes256 => PrivProtocol::Aes256Blumenthal,
        config::PrivacyProtocol::Aes256Cisco => PrivProtocol::Aes256Reeder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_whose_clock_stood_still_for_more_than_a_minute_lags() {
        let since = (SystemTime::UNIX_EPOCH, Instant::now());
        let after = |wall: u64, monotonic: u64| {
            (
                since.0 + Duration::from_secs(wall),
                since.1 + Duration::from_secs(monotonic),
            )
        };
        assert!(!lags(since, after(1000, 1000)));
        assert!(!lags(since, after(1060, 1000)));
        assert!(lags(since, after(1061, 1000)));
        assert!(!lags(since, after(0, 1000)), "the wall clock was set back");
    }
}
