//! Reads what is known of the cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Store;
use super::dialect::places;
use super::error::{Result, StoreError};
use super::statement::{Row, Statement, sql};
use crate::plan::inventory::{Inventory, Network, Nic, Offering, Router, Zone};

/// The columns that [`read_router`] reads, of `routers r`; then the router's number.
pub(super) const ROUTER: &str = "r.name, r.uuid, r.zone, r.pod, r.hypervisor, r.host, r.address, r.vpc, \
     r.redundant, r.running, r.excluded, r.source, r.number";
/// The place of the number among them.
pub(super) const ROUTER_NUMBER: usize = 12;
const NETWORK: &str =
    "SELECT id, name, zone, offering, kind, vpc, monitoring, excluded, source FROM networks";
const OFFERING: &str = "SELECT id, name, redundant_router, source FROM network_offerings";
const OFFERING_SERVICE: &str = "SELECT offering, service, provider FROM network_offering_services";
const ZONE: &str = "SELECT id, name, network_type, monitoring, source FROM zones";
const NIC: &str = "SELECT router, traffic, network, address FROM router_nics";

impl Store {
    /// Everything that is known, in the order of ids and names.
    ///
    /// # Errors
    /// The database's.
    pub async fn inventory(&self) -> Result<Inventory> {
        let routers =
            format!("SELECT {ROUTER} FROM routers r WHERE r.removed IS NULL ORDER BY name");
        let routers = self.0.database.rows(sql(routers)).await?;
        let nics = self.rows_of(NIC, "ORDER BY router, ordinal").await?;
        Ok(Inventory {
            zones: zones(&self.rows_of(ZONE, "ORDER BY id").await?)?,
            offerings: offerings(
                &self.rows_of(OFFERING, "ORDER BY id").await?,
                &self
                    .rows_of(OFFERING_SERVICE, "ORDER BY offering, service, ordinal")
                    .await?,
            )?,
            networks: networks(&self.rows_of(NETWORK, "ORDER BY id").await?)?,
            routers: read_routers(&routers, 0, &nics)?,
        })
    }

    /// What one router's plan follows from: itself, the networks of its interfaces and of its VPC,
    /// their offerings, and the zones.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRouter`], or the database's.
    pub async fn inventory_of(&self, router: &str) -> Result<Inventory> {
        let found = self
            .0
            .database
            .rows(
                sql(format!(
                    "SELECT {ROUTER} FROM routers r WHERE r.removed IS NULL AND r.name = ?"
                ))
                .bind(router),
            )
            .await?;
        let numbers: Vec<i64> = found
            .iter()
            .map(|row| row.integer(ROUTER_NUMBER))
            .collect::<Result<_>>()?;
        let nics = self.nics(&numbers).await?;
        let Some(router) = read_routers(&found, 0, &nics)?
            .into_iter()
            .find(|found| found.name == router)
        else {
            return Err(StoreError::NoSuchRouter(router.to_owned()));
        };
        let wanted: BTreeSet<&str> = router
            .nics
            .iter()
            .filter_map(|nic| nic.network.as_deref())
            .collect();
        let mut network_rows = Vec::new();
        for id in &wanted {
            network_rows.extend(
                self.0
                    .database
                    .rows(sql(format!("{NETWORK} WHERE id = ?")).bind(*id))
                    .await?,
            );
        }
        if let Some(vpc) = &router.vpc {
            network_rows.extend(
                self.0
                    .database
                    .rows(sql(format!("{NETWORK} WHERE vpc = ? ORDER BY id")).bind(vpc))
                    .await?,
            );
        }
        let mut networks = networks(&network_rows)?;
        networks.sort_by(|one, other| one.id.cmp(&other.id));
        networks.dedup_by(|one, other| one.id == other.id);
        let mut zone_ids: BTreeSet<&str> = networks
            .iter()
            .map(|network| network.zone.as_str())
            .collect();
        zone_ids.insert(&router.zone);
        let mut zone_rows = Vec::new();
        for id in zone_ids {
            zone_rows.extend(self.by(ZONE, "WHERE id = ?", id).await?);
        }
        let offering_ids: BTreeSet<&str> = networks
            .iter()
            .map(|network| network.offering.as_str())
            .collect();
        let (mut offering_rows, mut service_rows) = (Vec::new(), Vec::new());
        for id in offering_ids {
            offering_rows.extend(self.by(OFFERING, "WHERE id = ?", id).await?);
            service_rows.extend(
                self.by(
                    OFFERING_SERVICE,
                    "WHERE offering = ? ORDER BY service, ordinal",
                    id,
                )
                .await?,
            );
        }
        Ok(Inventory {
            zones: zones(&zone_rows)?,
            offerings: offerings(&offering_rows, &service_rows)?,
            networks,
            routers: vec![router],
        })
    }

    /// The interfaces of some routers, in order.
    pub(super) async fn nics(&self, routers: &[i64]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for part in super::parts(routers, &[512, 64, 8, 1]) {
            let statement = format!(
                "{NIC} WHERE router IN ({}) ORDER BY router, ordinal",
                places("?", part.len())
            );
            rows.extend(
                self.0
                    .database
                    .rows(sql(statement).bind_all(part.iter().copied()))
                    .await?,
            );
        }
        Ok(rows)
    }

    async fn rows_of(&self, select: &str, order: &str) -> Result<Vec<Row>> {
        self.0.database.rows(sql(format!("{select} {order}"))).await
    }

    async fn by(&self, select: &str, condition: &str, id: &str) -> Result<Vec<Row>> {
        let statement: Statement<'_> = sql(format!("{select} {condition}"));
        self.0.database.rows(statement.bind(id)).await
    }
}

fn zones(rows: &[Row]) -> Result<Vec<Zone>> {
    rows.iter()
        .map(|row| {
            Ok(Zone {
                id: row.text(0)?,
                name: row.text(1)?,
                network_type: row.word(2)?,
                monitoring: row.integer_or_null(3)?.map(|flag| flag != 0),
                source: row.text_or_null(4)?,
            })
        })
        .collect()
}

fn offerings(rows: &[Row], services: &[Row]) -> Result<Vec<Offering>> {
    let mut of: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for row in services {
        let providers = of
            .entry(row.text(0)?)
            .or_default()
            .entry(row.text(1)?)
            .or_default();
        // A service without a provider is a row with none.
        providers.extend(row.text_or_null(2)?);
    }
    rows.iter()
        .map(|row| {
            let id = row.text(0)?;
            Ok(Offering {
                name: row.text(1)?,
                redundant_router: row.flag(2)?,
                source: row.text_or_null(3)?,
                services: of.remove(&id).unwrap_or_default(),
                id,
            })
        })
        .collect()
}

fn networks(rows: &[Row]) -> Result<Vec<Network>> {
    rows.iter()
        .map(|row| {
            Ok(Network {
                id: row.text(0)?,
                name: row.text(1)?,
                zone: row.text(2)?,
                offering: row.text(3)?,
                kind: row.word(4)?,
                vpc: row.text_or_null(5)?,
                monitoring: row.integer_or_null(6)?.map(|flag| flag != 0),
                excluded: row.json(7)?,
                source: row.text_or_null(8)?,
            })
        })
        .collect()
}

/// Routers from rows whose columns from `first` on are [`ROUTER`], with their interfaces.
pub(super) fn read_routers(rows: &[Row], first: usize, nics: &[Row]) -> Result<Vec<Router>> {
    let mut of: BTreeMap<i64, Vec<Nic>> = BTreeMap::new();
    for row in nics {
        of.entry(row.integer(0)?).or_default().push(Nic {
            traffic: row.word(1)?,
            network: row.text_or_null(2)?,
            address: address(row.text_or_null(3)?)?,
        });
    }
    rows.iter()
        .map(|row| {
            let mut router = read_router(row, first)?;
            router.nics = of
                .remove(&row.integer(first + ROUTER_NUMBER)?)
                .unwrap_or_default();
            Ok(router)
        })
        .collect()
}

fn read_router(row: &Row, first: usize) -> Result<Router> {
    Ok(Router {
        name: row.text(first)?,
        id: row.text_or_null(first + 1)?,
        zone: row.text(first + 2)?,
        pod: row.text_or_null(first + 3)?,
        hypervisor: row.word(first + 4)?,
        host: row.text_or_null(first + 5)?,
        address: address(row.text_or_null(first + 6)?)?,
        vpc: row.text_or_null(first + 7)?,
        redundant: row.flag(first + 8)?,
        running: row.flag(first + 9)?,
        excluded: row.json(first + 10)?,
        source: row.text_or_null(first + 11)?,
        nics: Vec::new(),
    })
}

fn address(text: Option<String>) -> Result<Option<IpAddr>> {
    text.map(|text| {
        text.parse()
            .map_err(|error| StoreError::Broken(format!("a stored row cannot be read: {error}")))
    })
    .transpose()
}
