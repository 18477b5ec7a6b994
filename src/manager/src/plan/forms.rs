//! The three forms in which `CloudStack` hands a plan over: `/etc/monitor.conf`, the wire string, and
//! `monitorservice.json`. None of them can escape anything, so each value is checked first.
//!
//! Source: `cloudstack.md` section 1; `SetMonitorServiceCommand.getConfiguration`, `MonitorService`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ring::digest;
use serde::Serialize;

use super::Plan;
use super::inventory::MonitoringService;

/// What `CloudStack` has on the wire when there is nothing to watch.
const NOTHING: &str = "null";

/// Why a plan cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "service {service:?}: {column} {value:?} {problem}; correct the row of monitoring_services"
)]
pub struct FormError {
    /// The row: its `service`.
    pub service: String,
    /// The column that is wrong.
    pub column: &'static str,
    /// What stands there.
    pub value: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// What else `monitorservice.json` says. The defaults are CloudStack's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthChecks {
    /// `router.health.checks.enabled`.
    pub enabled: bool,
    /// `router.health.checks.basic.interval`; minutes.
    pub basic_interval_minutes: u32,
    /// `router.health.checks.advanced.interval`; minutes.
    pub advanced_interval_minutes: u32,
    /// `router.health.checks.to.exclude`, joined by commas.
    pub excluded: String,
    /// What each check is to compare with.
    pub config: BTreeMap<String, String>,
}

impl Default for HealthChecks {
    fn default() -> Self {
        Self {
            enabled: true,
            basic_interval_minutes: 3,
            advanced_interval_minutes: 10,
            excluded: String::new(),
            config: BTreeMap::new(),
        }
    }
}

/// `monitorservice.json`.
#[derive(Serialize)]
struct Json<'a> {
    r#type: &'static str,
    config: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_monitoring: Option<&'static str>,
    health_checks_enabled: bool,
    health_checks_basic_run_interval: u32,
    health_checks_advanced_run_interval: u32,
    excluded_health_checks: &'a str,
    health_checks_config: &'a BTreeMap<String, String>,
}

impl Plan {
    /// The text of `/etc/monitor.conf`.
    ///
    /// # Errors
    /// [`FormError`] when a row's values cannot stand in it.
    pub fn monitor_conf(&self) -> Result<String, FormError> {
        let mut text = String::from("#Monitor services config\n");
        for service in self.rows.iter().map(|row| &row.service) {
            check(service, Form::File)?;
            let [name, process, command, pidfile] = columns(service).map(|(_, value)| value);
            let _ = write!(
                text,
                "[{name}]\nprocessname={process}\nservicename={command}\npidfile={pidfile}\n"
            );
        }
        Ok(text)
    }

    /// The string that `CloudStack` sends: one entry a row; `null` without any.
    ///
    /// # Errors
    /// [`FormError`] when a row's values cannot stand in it.
    pub fn wire(&self) -> Result<String, FormError> {
        if self.rows.is_empty() {
            return Ok(NOTHING.into());
        }
        let mut text = String::new();
        for service in self.rows.iter().map(|row| &row.service) {
            check(service, Form::Wire)?;
            let [name, process, command, pidfile] = columns(service).map(|(_, value)| value);
            let _ = write!(
                text,
                "[{name}]:processname={process}:servicename={command}:pidfile={pidfile}:,"
            );
        }
        Ok(text)
    }

    /// The text of `/etc/cloudstack/monitorservice.json`. `disable_monitoring` stands in it only when
    /// monitoring is off, and is `"true"`: the plain sense. `CloudStack` then sends `"false"`, the
    /// value of `router.monitor.enabled` (`VirtualNetworkApplianceManagerImpl`), and its `merge` on the
    /// router (`cs_monitorservice.py`) passes the key over, so its own switch is never in the file.
    ///
    /// # Errors
    /// [`FormError`] when a row's values cannot stand in it.
    pub fn monitorservice_json(&self, checks: &HealthChecks) -> Result<String, FormError> {
        let json = Json {
            r#type: "monitorservice",
            config: self.wire()?,
            disable_monitoring: self.switched_off.then_some("true"),
            health_checks_enabled: checks.enabled,
            health_checks_basic_run_interval: checks.basic_interval_minutes,
            health_checks_advanced_run_interval: checks.advanced_interval_minutes,
            excluded_health_checks: &checks.excluded,
            health_checks_config: &checks.config,
        };
        // Of strings and numbers alone: it cannot fail.
        Ok(serde_json::to_string_pretty(&json).unwrap_or_default() + "\n")
    }

    /// The value of the header `ETag`, quotes and all: the same as long as the router would do the
    /// same, whatever the reasons.
    #[must_use]
    pub fn etag(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        // Length first, so that no two plans are one text.
        let mut add = |text: &str| {
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        };
        add(&self.router);
        add(if self.switched_off { "off" } else { "on" });
        for row in &self.rows {
            for (_, value) in columns(&row.service) {
                add(value);
            }
        }
        let mut tag = String::from("\"");
        for byte in context.finish().as_ref() {
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        tag
    }
}

/// The columns that a router is told.
fn columns(service: &MonitoringService) -> [(&'static str, &str); 4] {
    [
        ("service", &service.service),
        ("process_name", &service.process_name),
        ("service_name", &service.service_name),
        ("pidfile", &service.pidfile),
    ]
}

/// Whether a row can stand in all of the forms; asked before it is stored.
///
/// # Errors
/// [`FormError`] when it cannot.
pub fn check_row(service: &MonitoringService) -> Result<(), FormError> {
    check(service, Form::File)?;
    check(service, Form::Wire)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    File,
    Wire,
}

fn check(service: &MonitoringService, form: Form) -> Result<(), FormError> {
    for (column, value) in columns(service) {
        if let Some(problem) = problem(column, value, form) {
            return Err(FormError {
                service: service.service.clone(),
                column,
                value: value.into(),
                problem,
            });
        }
    }
    Ok(())
}

/// What no reader of the form could get back as it was.
fn problem(column: &str, value: &str, form: Form) -> Option<&'static str> {
    let section = column == "service";
    if value.is_empty() {
        return Some("is empty");
    }
    if value.chars().any(contract::clean::is_hidden) {
        return Some("holds a line end or another control character");
    }
    if value.trim() != value {
        return Some("begins or ends with a blank");
    }
    if value.contains('%') {
        return Some("holds `%`, which Python's ConfigParser takes for a reference");
    }
    if section && value.contains(['[', ']']) {
        return Some("holds a bracket, which ends a section's name");
    }
    if section && value == "DEFAULT" {
        return Some("is the section of defaults of Python's ConfigParser");
    }
    if value.contains([' ', '\t']) && value.contains(['#', ';']) {
        return Some("holds a blank and `#` or `;`, which begin a comment");
    }
    if form == Form::Wire && value.contains([':', ',']) {
        return Some("holds `:` or `,`, which end a field on the wire");
    }
    if form == Form::Wire && value.contains(char::is_whitespace) {
        return Some("holds a blank, which ends the argument that the wire string is");
    }
    None
}

#[cfg(test)]
#[path = "forms_tests.rs"]
mod tests;
