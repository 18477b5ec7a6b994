//! Pages by key: the next one begins below the last row of this one, so that rows that arrive in
//! between neither repeat nor hide any.

use super::database::Bounded;
use super::error::Result;
use super::statement::Row;

/// The most rows of a page.
pub const LARGEST_PAGE: u32 = 1000;
/// What the events of a page weigh at most, but for the last of them: a thousand usual ones.
pub(super) const HEAVIEST_PAGE: usize = 4 << 20;

/// Which page, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Below this id; absent: from the newest.
    pub before: Option<i64>,
    /// How many rows at most; never more than [`LARGEST_PAGE`], and fewer when they are large.
    pub limit: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            before: None,
            limit: 100,
        }
    }
}

/// A page, and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paged<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// [`Page::before`] of the next page; absent: this is the last.
    pub next: Option<i64>,
}

impl Page {
    pub(super) fn before(self) -> i64 {
        self.before.unwrap_or(i64::MAX)
    }

    fn size(self) -> u32 {
        self.limit.clamp(1, LARGEST_PAGE)
    }

    /// A row more than wanted shows whether there is another page.
    pub(super) fn one_more(self) -> u32 {
        self.size() + 1
    }

    /// Makes the page of the rows that were asked for with [`Self::one_more`].
    pub(super) fn cut<T>(
        self,
        rows: &[Row],
        read: impl Fn(&Row) -> Result<T>,
        id: impl Fn(&T) -> i64,
    ) -> Result<Paged<T>> {
        self.cut_at(rows, false, read, id)
    }

    /// The same when reading stopped before there were so many, because they weigh too much.
    pub(super) fn cut_bounded<T>(
        self,
        bounded: &Bounded,
        read: impl Fn(&Row) -> Result<T>,
        id: impl Fn(&T) -> i64,
    ) -> Result<Paged<T>> {
        self.cut_at(&bounded.rows, bounded.is_full, read, id)
    }

    fn cut_at<T>(
        self,
        rows: &[Row],
        stopped: bool,
        read: impl Fn(&Row) -> Result<T>,
        id: impl Fn(&T) -> i64,
    ) -> Result<Paged<T>> {
        let size = self.size() as usize;
        let more = stopped || rows.len() > size;
        let rows: Vec<T> = rows.iter().take(size).map(read).collect::<Result<_>>()?;
        let next = rows.last().filter(|_| more).map(id);
        Ok(Paged { rows, next })
    }
}
