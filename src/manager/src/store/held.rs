//! What silences withhold: the alerts they hold until they end, those that they withheld for good,
//! and how many it were. What is held goes back to what waits once its silence has ended, and is
//! decided anew.

use std::collections::{BTreeMap, BTreeSet};

use super::Store;
use super::database::Transaction;
use super::dialect::{Dialect, places};
use super::error::Result;
use super::incoming::SIZES;
use super::jobs::JobLease;
use super::numbering::{OutageKey, bind_outages};
use super::retry::retry;
use super::statement::{Row, sql};

/// The most alerts that are kept for one outage until its silence ends: the first, and the newest
/// of each kind. The others are withheld for good.
const MOST_OF_ONE: usize = 8;
/// The most alerts that one call releases.
const LARGEST: u32 = 5_000;

/// What is to be withheld.
#[derive(Default)]
pub(super) struct Withheld {
    /// Alerts, their silences, and whether it is for good.
    rows: Vec<(i64, i64, bool)>,
    /// Of which something is held now.
    held: BTreeSet<OutageKey>,
    /// That ended, and of which something is held.
    ended: BTreeSet<OutageKey>,
    /// How many alerts each silence withheld, and how many that it withheld are told now.
    counts: BTreeMap<i64, (i64, i64)>,
}

impl Withheld {
    /// An alert is told; the silence that withheld it until now has lost it.
    pub(super) fn tell(&mut self, released_by: Option<i64>) {
        if let Some(silence) = released_by {
            self.counts.entry(silence).or_default().1 += 1;
        }
    }

    /// An alert, and what it belongs to, is withheld for the time being.
    pub(super) fn hold(
        &mut self,
        alert: i64,
        silence: i64,
        released_by: Option<i64>,
        outage: Option<OutageKey>,
    ) {
        self.add(alert, silence, released_by, false);
        self.held.extend(outage);
    }

    /// An alert is withheld for good.
    pub(super) fn settle(&mut self, alert: i64, silence: i64, released_by: Option<i64>) {
        self.add(alert, silence, released_by, true);
    }

    /// An outage ended: nobody need be told any more what is held of it.
    pub(super) fn end(&mut self, outage: OutageKey, was_held: bool) {
        if self.held.remove(&outage) || was_held {
            self.ended.insert(outage);
        }
    }

    fn add(&mut self, alert: i64, silence: i64, released_by: Option<i64>, settled: bool) {
        self.rows.push((alert, silence, settled));
        // Each silence counts an alert once, however often it is decided about.
        if released_by != Some(silence) {
            self.counts.entry(silence).or_default().0 += 1;
        }
    }
}

/// Writes down what is withheld.
pub(super) async fn withhold(
    transaction: &mut Transaction,
    dialect: Dialect,
    withheld: &Withheld,
) -> Result<()> {
    for part in super::parts(&withheld.rows, &SIZES) {
        let cases = places("WHEN ? THEN ?", part.len()).replace(", ", " ");
        let settled: Vec<i64> = part
            .iter()
            .filter_map(|(alert, _, settled)| settled.then_some(*alert))
            .collect();
        // A list of one kind of length: an alert twice in it means the same.
        let padding = part.len() - settled.len();
        let nobody = std::iter::repeat_n(0, padding);
        let insert = format!(
            "INSERT INTO forward_held (alert, silence, router, outage, kind, settled) \
             SELECT id, CASE id {cases} END, router, COALESCE(outage, ''), kind, \
             CASE WHEN id IN ({list}) THEN 1 ELSE 0 END FROM alerts WHERE id IN ({list})",
            list = places("?", part.len())
        );
        let mut insert = sql(insert);
        for (alert, silence, _) in part {
            insert = insert.bind(*alert).bind(*silence);
        }
        let insert = insert
            .bind_all(settled.iter().copied().chain(nobody))
            .bind_all(part.iter().map(|(alert, ..)| *alert));
        transaction.run(insert).await?;
    }
    let ended: Vec<&OutageKey> = withheld.ended.iter().collect();
    for part in super::parts(&ended, &SIZES) {
        let settle = format!(
            "UPDATE forward_held SET settled = 1 WHERE settled = 0 AND (router, outage) IN {}",
            dialect.pairs(part.len())
        );
        transaction.run(bind_outages(settle, part)).await?;
    }
    let held: Vec<&OutageKey> = withheld.held.iter().collect();
    for part in super::parts(&held, &SIZES) {
        thin_out(transaction, dialect, part).await?;
    }
    for (silence, (held, told)) in &withheld.counts {
        let count = "UPDATE silences SET held = held + ?, told = told + ? WHERE id = ?";
        let count = sql(count).bind(*held).bind(*told).bind(*silence);
        transaction.run(count).await?;
    }
    Ok(())
}

/// Keeps of each outage what is told of it when its silence ends.
async fn thin_out(
    transaction: &mut Transaction,
    dialect: Dialect,
    outages: &[&OutageKey],
) -> Result<()> {
    let select = format!(
        "SELECT alert, router, outage, kind FROM forward_held WHERE settled = 0 \
         AND (router, outage) IN {} ORDER BY router, outage, alert",
        dialect.pairs(outages.len())
    );
    let rows = transaction.rows(bind_outages(select, outages)).await?;
    let mut of_each: BTreeMap<OutageKey, Vec<(i64, String)>> = BTreeMap::new();
    for row in &rows {
        let outage = (row.integer(1)?, row.text(2)?);
        let held = (row.integer(0)?, row.text(3)?);
        of_each.entry(outage).or_default().push(held);
    }
    let superseded: Vec<i64> = of_each.values().flat_map(|held| superseded(held)).collect();
    for part in super::parts(&superseded, &SIZES) {
        let settle = format!(
            "UPDATE forward_held SET settled = 1 WHERE alert IN ({})",
            places("?", part.len())
        );
        let settle = sql(settle).bind_all(part.iter().copied());
        transaction.run(settle).await?;
    }
    Ok(())
}

/// Which of an outage's held alerts, in their order, need not be told: all but the first and the
/// newest of each kind.
fn superseded(held: &[(i64, String)]) -> Vec<i64> {
    let mut kinds: Vec<&str> = Vec::new();
    let mut superseded = Vec::new();
    for (alert, kind) in held.iter().skip(1).rev() {
        if kinds.contains(&kind.as_str()) || kinds.len() >= MOST_OF_ONE - 1 {
            superseded.push(*alert);
        } else {
            kinds.push(kind);
        }
    }
    superseded
}

impl Store {
    /// Lets up to `limit` alerts wait again that were held by silences that have ended; how many
    /// it were. Without any it costs a look.
    ///
    /// # Errors
    /// [`StoreError::Outrun`](super::StoreError::Outrun) when the job was taken over, or the
    /// database's.
    pub async fn release_held(&self, lease: &JobLease, limit: u32) -> Result<u64> {
        let Some(silence) = self.ended_that_holds().await? else {
            return Ok(0);
        };
        retry(async || {
            let mut transaction = self.begin().await?;
            self.fence_job(&mut transaction, lease).await?;
            let page = "SELECT COUNT(*), MAX(alert) FROM (SELECT alert FROM forward_held \
                 WHERE settled = 0 AND silence = ? ORDER BY alert LIMIT ?) page";
            let page = sql(page).bind(silence).bind(limit.min(LARGEST));
            let Some(row) = transaction.row(page).await? else {
                return Ok(0);
            };
            let Some(last) = row.integer_or_null(1)? else {
                return Ok(0);
            };
            let these = "FROM forward_held WHERE settled = 0 AND silence = ? AND alert <= ?";
            for begin in [
                "INSERT INTO forward_waiting (alert, released) SELECT alert, silence",
                "DELETE",
            ] {
                let moved = sql(format!("{begin} {these}")).bind(silence).bind(last);
                transaction.run(moved).await?;
            }
            transaction.commit().await?;
            Ok(row.integer(0)?.unsigned_abs())
        })
        .await
    }

    /// A silence that has ended and still holds something. One that is gone has ended; when the
    /// database's clock is set back before its beginning it has not.
    async fn ended_that_holds(&self) -> Result<Option<i64>> {
        let next = format!(
            "SELECT h.silence, CASE WHEN s.ends > {} THEN 0 ELSE 1 END FROM \
             (SELECT MIN(silence) AS silence FROM forward_held WHERE settled = 0 AND silence > ?) h \
             LEFT JOIN silences s ON s.id = h.silence",
            self.dialect().now()
        );
        let mut last = 0;
        // One look in the index for each silence that holds something: there are few.
        loop {
            let next = sql(next.as_str()).bind(last);
            let row = self.0.database.row(next).await?;
            let silence = |row: &Row| row.integer_or_null(0);
            match row {
                Some(row) => match silence(&row)? {
                    Some(silence) if row.flag(1)? => return Ok(Some(silence)),
                    Some(silence) => last = silence,
                    None => return Ok(None),
                },
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_held_the_first_stays_and_the_newest_of_each_kind() {
        let held = |kinds: &[&str]| -> Vec<(i64, String)> {
            let kinds = kinds.iter().map(|kind| (*kind).to_owned());
            (1..).zip(kinds).collect()
        };
        assert_eq!(superseded(&held(&["down"])), [0; 0]);
        let story = held(&["down", "failed", "off", "down", "on", "failed", "off", "on"]);
        assert_eq!(superseded(&story), [5, 3, 2]);
        let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let many = superseded(&held(&names));
        assert_eq!((many.len(), many[0]), (92, 93));
    }
}
