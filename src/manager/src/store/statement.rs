//! One SQL statement with its values, and the rows that come back, for either database. The text
//! is made of constants of this program alone; whatever comes from outside is a bound value.

use std::borrow::Cow;

use contract::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, MySql, Row as _, Sqlite};

use super::error::{Result, StoreError};
use crate::acceptable;

/// A value to bind.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}
impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}
impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}
impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}
impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}
impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}
impl<T: Into<Self>> From<Option<T>> for Value<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A statement and its values, in order.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    text: Cow<'a, str>,
    values: Vec<Value<'a>>,
}

/// A statement without values yet; `?` stands for each.
pub(super) fn sql<'a>(text: impl Into<Cow<'a, str>>) -> Statement<'a> {
    Statement {
        text: text.into(),
        values: Vec::new(),
    }
}

impl<'a> Statement<'a> {
    pub(super) fn bind(mut self, value: impl Into<Value<'a>>) -> Self {
        self.values.push(value.into());
        self
    }

    pub(super) fn bind_all<T: Into<Value<'a>>>(
        mut self,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.values.extend(values.into_iter().map(Into::into));
        self
    }

    fn safe_text(text: Cow<'a, str>) -> AssertSqlSafe<String> {
        AssertSqlSafe(text.into_owned())
    }

    pub(super) fn for_sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        let mut query = sqlx::query(Self::safe_text(self.text));
        for value in self.values {
            query = match value {
                Value::Null => query.bind(None::<i64>),
                Value::Integer(number) => query.bind(number),
                Value::Text(Cow::Borrowed(text)) => query.bind(text),
                Value::Text(Cow::Owned(text)) => query.bind(text),
            };
        }
        query
    }

    pub(super) fn for_mysql(self) -> Query<'static, MySql, MySqlArguments> {
        let mut query = sqlx::query(Self::safe_text(self.text));
        for value in self.values {
            query = match value {
                Value::Null => query.bind(None::<i64>),
                Value::Integer(number) => query.bind(number),
                Value::Text(Cow::Borrowed(text)) => query.bind(text),
                Value::Text(Cow::Owned(text)) => query.bind(text),
            };
        }
        query
    }
}

/// A row that came back. Columns are read by their place.
pub(super) enum Row {
    Sqlite(SqliteRow),
    MySql(MySqlRow),
}

impl Row {
    pub(super) fn integer(&self, column: usize) -> Result<i64> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            // Unchecked: CloudStack's `id` is unsigned.
            Self::MySql(row) => row.try_get_unchecked(column)?,
        })
    }

    pub(super) fn integer_or_null(&self, column: usize) -> Result<Option<i64>> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::MySql(row) => row.try_get_unchecked(column)?,
        })
    }

    pub(super) fn flag(&self, column: usize) -> Result<bool> {
        Ok(self.integer(column)? != 0)
    }

    /// A time in milliseconds since 1970.
    pub(super) fn time(&self, column: usize) -> Result<Timestamp> {
        to_time(self.integer(column)?)
    }

    /// A time that may be absent.
    pub(super) fn time_or_null(&self, column: usize) -> Result<Option<Timestamp>> {
        self.integer_or_null(column)?.map(to_time).transpose()
    }

    pub(super) fn text(&self, column: usize) -> Result<String> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::MySql(row) => row.try_get(column)?,
        })
    }

    pub(super) fn text_or_null(&self, column: usize) -> Result<Option<String>> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::MySql(row) => row.try_get(column)?,
        })
    }

    /// What the JSON of a column weighs in memory.
    pub(super) fn weight(&self, column: usize) -> usize {
        let text: Option<&str> = match self {
            Self::Sqlite(row) => row.try_get(column).unwrap_or_default(),
            Self::MySql(row) => row.try_get(column).unwrap_or_default(),
        };
        text.map_or(0, acceptable::weight)
    }

    /// JSON that was written by [`to_json`].
    pub(super) fn json<T: DeserializeOwned>(&self, column: usize) -> Result<T> {
        from_json(&self.text(column)?)
    }

    /// A word that was written by [`to_word`].
    pub(super) fn word<T: DeserializeOwned>(&self, column: usize) -> Result<T> {
        let text = self.text(column)?;
        T::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(&text))
            .map_err(|error| StoreError::Broken(format!("a stored row cannot be read: {error}")))
    }
}

/// A time in milliseconds since 1970.
pub(super) fn to_time(millis: i64) -> Result<Timestamp> {
    Timestamp::from_unix_millis(millis)
        .ok_or_else(|| StoreError::Broken(format!("a stored time cannot be read: {millis}")))
}

/// Reads stored JSON.
pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Broken(format!("a stored row cannot be read: {error}")))
}

/// The JSON to store.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Broken(format!("cannot be written as JSON: {error}")))
}

/// A unit variant's name, as it stands in JSON.
pub(super) fn to_word<T: Serialize>(value: &T) -> Result<String> {
    from_json(&to_json(value)?)
}
