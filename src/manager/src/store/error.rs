//! What can go wrong with the store; the variant decides what the caller does next. No message
//! holds a secret: values are bound, and neither keys nor hashes are ever part of one.

use sqlx::error::ErrorKind;
use sqlx::mysql::MySqlDatabaseError;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// May heal: the database is away, locked, or chose this transaction as a deadlock's victim.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// Does not heal by itself.
    #[error("{0}")]
    Broken(String),
    /// What was given cannot be stored; says why.
    #[error("{0}")]
    Refused(String),
    /// No router of that name is known.
    #[error("there is no router {0}")]
    NoSuchRouter(String),
    /// Somebody else was faster: the cursor moved, or the lease was taken over.
    #[error("somebody else was faster")]
    Outrun,
}

/// What the store's methods return.
pub type Result<T> = std::result::Result<T, StoreError>;

/// `SQLite`'s primary result codes that may heal. Source: sqlite.org/rescode.html: `SQLITE_BUSY`,
/// `SQLITE_LOCKED`, `SQLITE_NOMEM`, `SQLITE_READONLY` (a file system that was remounted),
/// `SQLITE_IOERR`, `SQLITE_FULL`, `SQLITE_CANTOPEN`, `SQLITE_PROTOCOL`.
const SQLITE_HEALS: [i32; 8] = [5, 6, 7, 8, 10, 13, 14, 15];

/// `MySQL`'s and `MariaDB`'s error numbers that may heal: disk full, changed since last read (1020),
/// too many connections, out of memory, shutting down, table full, network, lock wait time-out,
/// deadlock, read-only during a failover, interrupted, connection killed.
const MYSQL_HEALS: [u16; 19] = [
    1020, 1021, 1037, 1040, 1041, 1053, 1080, 1114, 1158, 1159, 1160, 1161, 1205, 1213, 1290, 1317,
    1792, 1836, 1927,
];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        let text = error.to_string();
        match &error {
            Error::Io(_)
            | Error::Tls(_)
            | Error::Protocol(_)
            | Error::PoolTimedOut
            | Error::PoolClosed
            | Error::WorkerCrashed
            // The pool closes a connection that still counts a transaction.
            | Error::InvalidSavePointStatement
            | Error::BeginFailed => Self::Unavailable(text),
            Error::Database(database) => {
                // Values are looked up before they are written: only a writer at the same moment
                // makes a duplicate, and the second attempt sees what it wrote. The message would
                // name the value.
                if database.kind() == ErrorKind::UniqueViolation {
                    return Self::Unavailable("another writer wrote the same row".into());
                }
                let heals = match database.try_downcast_ref::<MySqlDatabaseError>() {
                    Some(mysql) => MYSQL_HEALS.contains(&mysql.number()),
                    None => database
                        .code()
                        .and_then(|code| code.parse::<i32>().ok())
                        .is_some_and(|code| SQLITE_HEALS.contains(&(code & 0xff))),
                };
                if heals {
                    Self::Unavailable(text)
                } else {
                    Self::Broken(format!("the database refused: {text}"))
                }
            }
            _ => Self::Broken(format!("the database cannot be used: {text}")),
        }
    }
}
