//! Where `SQLite` and `MySQL`/`MariaDB` say the same thing in different words. Every statement of
//! the store is written once, with these words in it.

/// Which words the database understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    MySql,
}

impl Dialect {
    /// The database's clock in milliseconds since 1970. `MySQL` sessions run in UTC, so `NOW` is
    /// never ambiguous.
    pub(super) const fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::MySql => "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
        }
    }

    /// A whole number, after `CAST … AS`: sums are no such by themselves in `MySQL`.
    pub(super) const fn integer(self) -> &'static str {
        match self {
            Self::Sqlite => "INTEGER",
            Self::MySql => "SIGNED",
        }
    }

    /// Locks the rows that a transaction reads in order to change them. `SQLite` has locked the
    /// whole file by then.
    pub(super) const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::MySql => " FOR UPDATE",
        }
    }

    /// As [`Self::for_update`], leaving out rows that others hold. `MariaDB` 10.6, `MySQL` 8.
    pub(super) const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::MySql => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// What an `INSERT` does when the row of that key exists; assignments follow.
    pub(super) fn on_conflict(self, key: &str) -> String {
        match self {
            Self::Sqlite => format!("ON CONFLICT ({key}) DO UPDATE SET"),
            Self::MySql => "ON DUPLICATE KEY UPDATE".to_owned(),
        }
    }

    /// In such an assignment: the value that would have been inserted.
    pub(super) fn incoming(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("excluded.{column}"),
            Self::MySql => format!("VALUES({column})"),
        }
    }

    /// `column = the value that would have been inserted`, for several.
    pub(super) fn take(self, columns: &[&str]) -> String {
        let assignments: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} = {}", self.incoming(column)))
            .collect();
        assignments.join(", ")
    }

    /// The lesser of two values.
    pub(super) const fn least(self) -> &'static str {
        match self {
            Self::Sqlite => "MIN",
            Self::MySql => "LEAST",
        }
    }

    /// The greater of two values.
    pub(super) const fn greatest(self) -> &'static str {
        match self {
            Self::Sqlite => "MAX",
            Self::MySql => "GREATEST",
        }
    }

    /// `count` pairs of parameters, to stand after `IN`.
    pub(super) fn pairs(self, count: usize) -> String {
        let pairs = places("(?, ?)", count);
        match self {
            Self::Sqlite => format!("(VALUES {pairs})"),
            Self::MySql => format!("({pairs})"),
        }
    }
}

/// `count` times `place`, with commas.
pub(super) fn places(place: &str, count: usize) -> String {
    let mut text = String::with_capacity((place.len() + 2) * count);
    for index in 0..count {
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(place);
    }
    text
}
