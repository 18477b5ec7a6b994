//! Changes what is known of the cloud: all changes of an import in one transaction.

use std::collections::BTreeSet;

use super::Store;
use super::audit;
use super::database::Transaction;
use super::dialect::Dialect;
use super::error::{Result, StoreError};
use super::leaving;
use super::names::{check, check_short, check_text};
use super::retry::retry;
use super::routers::number_of;
use super::statement::{sql, to_json, to_word};
use crate::plan::inventory::{Change, Network, Offering, Router, Zone};

/// The longest list of excluded services, as JSON.
const LONGEST_LIST: usize = 16_000;

impl Store {
    /// Makes the changes, all or none of them.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for texts that do not fit, or the database's.
    pub async fn apply(&self, actor: &str, changes: &[Change]) -> Result<()> {
        changes.iter().try_for_each(storable)?;
        let dialect = self.dialect();
        retry(async || {
            let mut transaction = self.begin().await?;
            for change in changes {
                apply_one(&mut transaction, dialect, change).await?;
                let (action, subject) = in_words(change);
                audit::record(&mut transaction, actor, action, subject, "").await?;
            }
            transaction.commit().await
        })
        .await
    }
}

fn in_words(change: &Change) -> (&'static str, &str) {
    match change {
        Change::SetZone(zone) => ("set_zone", &zone.id),
        Change::SetOffering(offering) => ("set_offering", &offering.id),
        Change::SetNetwork(network) => ("set_network", &network.id),
        Change::SetRouter(router) => ("set_router", &router.name),
        Change::RemoveZone(id) => ("remove_zone", id),
        Change::RemoveOffering(id) => ("remove_offering", id),
        Change::RemoveNetwork(id) => ("remove_network", id),
        Change::RemoveRouter(name) => ("remove_router", name),
    }
}

/// Whether a change fits the tables, by itself.
///
/// # Errors
/// [`StoreError::Refused`](super::StoreError::Refused), in words.
pub(crate) fn storable(change: &Change) -> Result<()> {
    let (action, subject) = in_words(change);
    check(&format!("the name in {action}"), subject)?;
    let excluded = |services: &BTreeSet<String>| {
        check_short(
            "a list of excluded services",
            &to_json(services)?,
            LONGEST_LIST,
        )
    };
    let source = match change {
        Change::SetZone(zone) => &zone.source,
        Change::SetOffering(offering) => &offering.source,
        Change::SetNetwork(network) => &network.source,
        Change::SetRouter(router) => &router.source,
        _ => &None,
    };
    check_short(
        "a source",
        source.as_deref().unwrap_or_default(),
        LONGEST_LIST,
    )?;
    match change {
        Change::SetZone(zone) => check_text("a zone's name", &zone.name),
        Change::SetOffering(offering) => {
            check_text("an offering's name", &offering.name)?;
            for (service, providers) in &offering.services {
                check("an offering's service", service)?;
                for provider in providers {
                    check_text("a provider", provider)?;
                }
            }
            Ok(())
        }
        Change::SetNetwork(network) => {
            check_text("a network's name", &network.name)?;
            check("a network's zone", &network.zone)?;
            check("a network's offering", &network.offering)?;
            if let Some(vpc) = &network.vpc {
                check("a network's VPC", vpc)?;
            }
            excluded(&network.excluded)
        }
        Change::SetRouter(router) => {
            check("a router's zone", &router.zone)?;
            for text in [&router.id, &router.pod, &router.host, &router.vpc]
                .into_iter()
                .flatten()
            {
                check_text("a router's id, pod, host or VPC", text)?;
            }
            for network in router.nics.iter().filter_map(|nic| nic.network.as_deref()) {
                check("an interface's network", network)?;
            }
            excluded(&router.excluded)
        }
        _ => Ok(()),
    }
}

async fn apply_one(transaction: &mut Transaction, dialect: Dialect, change: &Change) -> Result<()> {
    match change {
        Change::SetZone(zone) => set_zone(transaction, dialect, zone).await,
        Change::SetOffering(offering) => set_offering(transaction, dialect, offering).await,
        Change::SetNetwork(network) => set_network(transaction, dialect, network).await,
        Change::SetRouter(router) => set_router(transaction, dialect, router).await,
        Change::RemoveZone(id) => delete(transaction, "DELETE FROM zones WHERE id = ?", id).await,
        Change::RemoveOffering(id) => {
            delete(
                transaction,
                "DELETE FROM network_offering_services WHERE offering = ?",
                id,
            )
            .await?;
            delete(
                transaction,
                "DELETE FROM network_offerings WHERE id = ?",
                id,
            )
            .await
        }
        Change::RemoveNetwork(id) => {
            delete(transaction, "DELETE FROM networks WHERE id = ?", id).await
        }
        Change::RemoveRouter(name) => leaving::remove(transaction, dialect, name).await,
    }
}

async fn delete(transaction: &mut Transaction, statement: &'static str, id: &str) -> Result<()> {
    transaction.run(sql(statement).bind(id)).await.map(drop)
}

async fn set_zone(transaction: &mut Transaction, dialect: Dialect, zone: &Zone) -> Result<()> {
    let statement = format!(
        "INSERT INTO zones (id, name, network_type, monitoring, source) VALUES (?, ?, ?, ?, ?) {} {}",
        dialect.on_conflict("id"),
        dialect.take(&["name", "network_type", "monitoring", "source"]),
    );
    transaction
        .run(
            sql(statement)
                .bind(&zone.id)
                .bind(&zone.name)
                .bind(to_word(&zone.network_type)?)
                .bind(zone.monitoring)
                .bind(zone.source.as_deref()),
        )
        .await
        .map(drop)
}

async fn set_offering(
    transaction: &mut Transaction,
    dialect: Dialect,
    offering: &Offering,
) -> Result<()> {
    let statement = format!(
        "INSERT INTO network_offerings (id, name, redundant_router, source) VALUES (?, ?, ?, ?) {} {}",
        dialect.on_conflict("id"),
        dialect.take(&["name", "redundant_router", "source"]),
    );
    transaction
        .run(
            sql(statement)
                .bind(&offering.id)
                .bind(&offering.name)
                .bind(offering.redundant_router)
                .bind(offering.source.as_deref()),
        )
        .await?;
    delete(
        transaction,
        "DELETE FROM network_offering_services WHERE offering = ?",
        &offering.id,
    )
    .await?;
    for (service, providers) in &offering.services {
        // A service without a provider is a row with none.
        let mut rows: Vec<Option<&str>> =
            providers.iter().map(|name| Some(name.as_str())).collect();
        if rows.is_empty() {
            rows.push(None);
        }
        for (ordinal, provider) in (0_i64..).zip(rows) {
            transaction
                .run(
                    sql("INSERT INTO network_offering_services (offering, service, ordinal, provider) \
                         VALUES (?, ?, ?, ?)")
                    .bind(&offering.id)
                    .bind(service)
                    .bind(ordinal)
                    .bind(provider),
                )
                .await?;
        }
    }
    Ok(())
}

async fn set_network(
    transaction: &mut Transaction,
    dialect: Dialect,
    network: &Network,
) -> Result<()> {
    let statement = format!(
        "INSERT INTO networks (id, name, zone, offering, kind, vpc, monitoring, excluded, source) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) {} {}",
        dialect.on_conflict("id"),
        dialect.take(&[
            "name",
            "zone",
            "offering",
            "kind",
            "vpc",
            "monitoring",
            "excluded",
            "source"
        ]),
    );
    transaction
        .run(
            sql(statement)
                .bind(&network.id)
                .bind(&network.name)
                .bind(&network.zone)
                .bind(&network.offering)
                .bind(to_word(&network.kind)?)
                .bind(network.vpc.as_deref())
                .bind(network.monitoring)
                .bind(to_json(&network.excluded)?)
                .bind(network.source.as_deref()),
        )
        .await
        .map(drop)
}

async fn set_router(
    transaction: &mut Transaction,
    dialect: Dialect,
    router: &Router,
) -> Result<()> {
    let columns = [
        "uuid",
        "zone",
        "pod",
        "hypervisor",
        "host",
        "address",
        "vpc",
        "redundant",
        "running",
        "excluded",
        "source",
        "removed",
    ];
    let statement = format!(
        "INSERT INTO routers (name, {}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL) {} {}",
        columns.join(", "),
        dialect.on_conflict("name"),
        dialect.take(&columns),
    );
    transaction
        .run(
            sql(statement)
                .bind(&router.name)
                .bind(router.id.as_deref())
                .bind(&router.zone)
                .bind(router.pod.as_deref())
                .bind(to_word(&router.hypervisor)?)
                .bind(router.host.as_deref())
                .bind(router.address.map(|address| address.to_string()))
                .bind(router.vpc.as_deref())
                .bind(router.redundant)
                .bind(router.running)
                .bind(to_json(&router.excluded)?)
                .bind(router.source.as_deref()),
        )
        .await?;
    let number = number_of(transaction, &router.name)
        .await?
        .ok_or_else(|| StoreError::Broken("a router just written is not there".into()))?;
    transaction
        .run(sql("DELETE FROM router_nics WHERE router = ?").bind(number))
        .await?;
    for (ordinal, nic) in (0_i64..).zip(&router.nics) {
        transaction
            .run(
                sql("INSERT INTO router_nics (router, ordinal, traffic, network, address) VALUES (?, ?, ?, ?, ?)")
                    .bind(number)
                    .bind(ordinal)
                    .bind(to_word(&nic.traffic)?)
                    .bind(nic.network.as_deref())
                    .bind(nic.address.map(|address| address.to_string())),
            )
            .await?;
    }
    // Cursor, misses and the next visit stay as they are.
    let statement = format!(
        "INSERT INTO op_router_monitoring_services (vm_id, router_name, running) VALUES (?, ?, ?) {} {}",
        dialect.on_conflict("vm_id"),
        dialect.take(&["running"]),
    );
    transaction
        .run(
            sql(statement)
                .bind(number)
                .bind(&router.name)
                .bind(router.running),
        )
        .await?;
    if !router.running {
        leaving::stop(transaction, dialect, number, &router.name).await?;
    }
    Ok(())
}
