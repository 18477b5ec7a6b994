//! A router's number stands for its name in the tables that grow. A removed router keeps its
//! number, so that its alerts stay its own when it comes back.

use std::collections::HashMap;

use super::database::Transaction;
use super::dialect::places;
use super::error::{Result, StoreError};
use super::statement::sql;

/// Few distinct lengths, so that the database's statement caches hold them all.
const SIZES: [usize; 4] = [512, 64, 8, 1];

/// The numbers of those that exist.
pub(super) async fn numbers_of<'a>(
    transaction: &mut Transaction,
    names: &[&'a str],
) -> Result<HashMap<&'a str, i64>> {
    let mut numbers = HashMap::with_capacity(names.len());
    for part in super::parts(names, &SIZES) {
        let statement = format!(
            "SELECT name, number FROM routers WHERE removed IS NULL AND name IN ({})",
            places("?", part.len())
        );
        let rows = transaction
            .rows(sql(statement).bind_all(part.iter().copied()))
            .await?;
        let found: HashMap<String, i64> = rows
            .iter()
            .map(|row| Ok((row.text(0)?, row.integer(1)?)))
            .collect::<Result<_>>()?;
        // In the order of the names, and each as the caller holds it.
        numbers.extend(
            part.iter()
                .filter_map(|name| Some((*name, *found.get(*name)?))),
        );
    }
    Ok(numbers)
}

/// The router's number, if it exists.
pub(super) async fn number_of(transaction: &mut Transaction, name: &str) -> Result<Option<i64>> {
    Ok(numbers_of(transaction, &[name]).await?.remove(name))
}

/// The router's number.
pub(super) async fn required_number_of(transaction: &mut Transaction, name: &str) -> Result<i64> {
    number_of(transaction, name)
        .await?
        .ok_or_else(|| StoreError::NoSuchRouter(name.to_owned()))
}
