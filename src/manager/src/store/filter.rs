//! Conditions that a reader may set or leave out. Each is a constant of this program; what it
//! compares with is bound.

use super::page::Page;
use super::statement::{Statement, Value, sql};

/// The conditions that were set.
#[derive(Default)]
pub(super) struct Filter<'a> {
    conditions: Vec<&'static str>,
    values: Vec<Value<'a>>,
}

impl<'a> Filter<'a> {
    /// A condition with one `?`, when there is a value.
    pub(super) fn when<T: Into<Value<'a>>>(
        mut self,
        condition: &'static str,
        value: Option<T>,
    ) -> Self {
        if let Some(value) = value {
            self.conditions.push(condition);
            self.values.push(value.into());
        }
        self
    }

    /// A condition without a value: one of two.
    pub(super) fn either(
        mut self,
        flag: Option<bool>,
        when: &'static str,
        when_not: &'static str,
    ) -> Self {
        self.conditions
            .extend(flag.map(|flag| if flag { when } else { when_not }));
        self
    }

    /// The page of what fits, newest first, with a row more than the page.
    pub(super) fn page(self, select: &str, id: &'static str, page: Page) -> Statement<'a> {
        let mut text = format!("{select} WHERE {id} < ?");
        for condition in &self.conditions {
            text.push_str(" AND ");
            text.push_str(condition);
        }
        for word in [" ORDER BY ", id, " DESC LIMIT ?"] {
            text.push_str(word);
        }
        sql(text)
            .bind(page.before())
            .bind_all(self.values)
            .bind(page.one_more())
    }
}
