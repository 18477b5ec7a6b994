//! The program as it is installed: what its commands print, how they end, and what the server
//! answers.

/// Tells each story on `SQLite` and on `MariaDB`.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $story() {
                super::$story(crate::program::Database::Sqlite);
            })+
        }
        mod on_mariadb {
            $(#[test]
            fn $story() {
                super::$story(crate::program::Database::MariaDb);
            })+
        }
    };
}

mod by_hand;
#[path = "../peers/mariadb.rs"]
#[allow(dead_code, reason = "the tests of the store use the rest")]
mod mariadb;
mod office;
mod program;
mod server;
mod test_alert;
