//! The table `monitoring_services`: what can be watched. Columns and default rows are CloudStack's.

use super::Store;
use super::audit;
use super::error::Result;
use super::names;
use super::retry::retry;
use super::statement::sql;
use crate::plan::inventory::MonitoringService;

impl Store {
    /// The rows in CloudStack's order.
    ///
    /// # Errors
    /// The database's.
    pub async fn services(&self) -> Result<Vec<MonitoringService>> {
        let rows = self
            .0
            .database
            .rows(sql(
                "SELECT id, uuid, service, process_name, service_name, service_path, pidfile, isDefault \
                 FROM monitoring_services ORDER BY id",
            ))
            .await?;
        rows.iter()
            .map(|row| {
                Ok(MonitoringService {
                    id: row.integer(0)?,
                    uuid: row.text(1)?,
                    service: row.text(2)?,
                    process_name: row.text(3)?,
                    service_name: row.text(4)?,
                    service_path: row.text(5)?,
                    pidfile: row.text(6)?,
                    is_default: row.flag(7)?,
                })
            })
            .collect()
    }

    /// Adds the service, or replaces the row of the same `service`, whose id and UUID stay.
    ///
    /// # Errors
    /// [`super::StoreError::Refused`] for texts that do not fit, or the database's.
    pub async fn set_service(&self, actor: &str, service: &MonitoringService) -> Result<()> {
        names::check("a service's name", &service.service)?;
        for (what, text) in [
            ("a process's name", &service.process_name),
            ("a service manager's name", &service.service_name),
            ("a service's path", &service.service_path),
            ("a pid file", &service.pidfile),
        ] {
            names::check_line(what, text)?;
        }
        let uuid = if service.uuid.is_empty() {
            uuid::Uuid::now_v7().to_string()
        } else {
            service.uuid.clone()
        };
        names::check_short("a service's UUID", &uuid, 40)?;
        let columns = [
            "process_name",
            "service_name",
            "service_path",
            "pidfile",
            "isDefault",
        ];
        let dialect = self.dialect();
        let statement = format!(
            "INSERT INTO monitoring_services (uuid, service, process_name, service_name, service_path, pidfile, isDefault) \
             VALUES (?, ?, ?, ?, ?, ?, ?) {} {}",
            dialect.on_conflict("service"),
            dialect.take(&columns),
        );
        retry(async || {
            let mut transaction = self.begin().await?;
            transaction
                .run(
                    sql(statement.as_str())
                        .bind(&uuid)
                        .bind(&service.service)
                        .bind(&service.process_name)
                        .bind(&service.service_name)
                        .bind(&service.service_path)
                        .bind(&service.pidfile)
                        .bind(service.is_default),
                )
                .await?;
            let detail = super::statement::to_json(service)?;
            audit::record(
                &mut transaction,
                actor,
                "set_service",
                &service.service,
                &detail,
            )
            .await?;
            transaction.commit().await
        })
        .await
    }

    /// Removes the service; whether it was there.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove_service(&self, actor: &str, service: &str) -> Result<bool> {
        retry(async || {
            let mut transaction = self.begin().await?;
            let done = transaction
                .run(sql("DELETE FROM monitoring_services WHERE service = ?").bind(service))
                .await?;
            if done.rows > 0 {
                audit::record(&mut transaction, actor, "remove_service", service, "").await?;
            }
            transaction.commit().await?;
            Ok(done.rows > 0)
        })
        .await
    }
}
