//! CloudStack's `monitorservice.json`: of all it says, only the switch that turns monitoring off is
//! honoured here, and in the plain sense of its name.
//!
//! An unchanged CloudStack never writes it there: on the router `merge` in `cs_monitorservice.py`
//! takes over `config` and `health_checks_*` alone. So whoever did was vrwatch's manager, or a hand.

use std::path::Path;

use document::file::{self, ReadError};
use document::{List, Problem};
use serde_json::Value;

const KEY: &str = "disable_monitoring";

/// Whether CloudStack has switched the monitoring of this router off. Without the file: no.
pub(crate) fn switched_off(path: &Path, problems: &mut List) -> bool {
    let contents = match file::read(path) {
        Ok(contents) => contents,
        Err(ReadError::Absent) => return false,
        Err(ReadError::Unusable(problem)) => {
            problems.push(problem.hint("monitoring stays on"));
            return false;
        }
    };
    if let Some(warning) = contents.warning {
        problems.push(warning);
    }
    match serde_json::from_slice::<Value>(&contents.bytes) {
        Ok(value) => {
            let switch = value.get(KEY);
            if switch.and_then(Value::as_str).is_some_and(is_as_sent) {
                problems.push(ambiguous(path));
            }
            switch.is_some_and(says_yes)
        }
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
            let problem = Problem::at(path, line, format!("is no JSON: {error}"));
            problems.push(problem.hint("it is passed over and monitoring stays on"));
            false
        }
    }
}

/// Whether it is word for word what CloudStack sends a router whose monitoring is off: the value of
/// `router.monitor.enabled` under this name, and nothing at all where monitoring is on.
///
/// Source: `VirtualNetworkApplianceManagerImpl.finalizeMonitorService` (before 4.14
/// `finalizeMonitorServiceOnStrat`), `SetMonitorServiceConfigItem.generateConfig`,
/// `model/MonitorService`, whose `disableMonitoring` is a `String`.
fn is_as_sent(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("false")
}

fn ambiguous(path: &Path) -> Problem {
    let message = "the text \"false\" is what CloudStack sends when monitoring is off, and says that it is on";
    Problem::of_file(path, message).key(KEY).hint(
        "monitoring stays on; write true to switch it off, or false without quotes to be clear",
    )
}

/// CloudStack's parts write booleans in each of these ways.
fn says_yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::String(text) => text.trim().eq_ignore_ascii_case("true") || text.trim() == "1",
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (bool, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitorservice.json");
        std::fs::write(&path, text).unwrap();
        let mut problems = List::default();
        let off = switched_off(&path, &mut problems);
        let prefix = format!("{}:", path.display());
        let told = problems
            .into_vec()
            .iter()
            .map(|problem| problem.to_string().replace(&prefix, "f:"))
            .collect();
        (off, told)
    }

    #[test]
    fn every_spelling_of_yes_switches_monitoring_off() {
        for (text, off) in [
            (r#"{"disable_monitoring": true}"#, true),
            (
                r#"{"type":"monitorservice","disable_monitoring":"true"}"#,
                true,
            ),
            (r#"{"disable_monitoring": "True"}"#, true),
            (r#"{"disable_monitoring": 1}"#, true),
            (r#"{"disable_monitoring": "1"}"#, true),
            (r#"{"disable_monitoring": false}"#, false),
            (r#"{"disable_monitoring": "no"}"#, false),
            (r#"{"disable_monitoring": null}"#, false),
            (r#"{"config": "[dhcp]:processname=dnsmasq:"}"#, false),
            ("[1, 2]", false),
            ("null", false),
        ] {
            assert_eq!(read(text), (off, vec![]), "{text}");
        }
    }

    // CloudStack 4.14, VirtualNetworkApplianceManagerImpl.java: `if (!isMonitoringServicesEnabled)
    // command.setAccessDetail(ROUTER_MONITORING_ENABLED, isMonitoringServicesEnabled.toString())`,
    // which SetMonitorServiceConfigItem.java hands to MonitorService as `disableMonitoring`.
    #[test]
    fn cloudstack_sends_the_text_false_when_monitoring_is_off_so_that_is_told_and_stays_on() {
        let (off, told) = read(r#"{"type":"monitorservice","disable_monitoring":"false"}"#);
        assert!(!off);
        assert_eq!(
            told,
            [
                "f: disable_monitoring: the text \"false\" is what CloudStack sends when monitoring is off, \
                 and says that it is on; monitoring stays on; write true to switch it off, or false \
                 without quotes to be clear"
            ]
        );
    }

    // CloudStack 4.14, systemvm/debian/opt/cloud/bin/cs_monitorservice.py: `merge` takes over six
    // keys, and this is not one of them. merge.py begins the file with its `id`.
    #[test]
    fn the_file_that_cloudstack_itself_writes_has_no_switch_and_leaves_monitoring_on() {
        let written = r#"{
  "config": "[ssh]:processname=sshd:servicename=ssh:pidfile=/var/run/sshd.pid:,",
  "excluded_health_checks": "",
  "health_checks_basic_run_interval": 3,
  "health_checks_config": {"gateways": "gatewaysIps=10.1.1.1 "},
  "health_checks_enabled": true,
  "id": "monitorservice"
}"#;
        assert_eq!(read(written), (false, vec![]));
    }

    #[test]
    fn a_broken_file_is_told_and_passed_over() {
        let (off, told) = read("{\n\"disable_monitoring\": tru");
        assert!(!off);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("f:2: is no JSON: "), "{told:?}");
        assert!(told[0].ends_with("; it is passed over and monitoring stays on"));
    }

    #[test]
    fn an_absent_file_says_nothing() {
        let mut problems = List::default();
        assert!(!switched_off(Path::new("/nonexistent"), &mut problems));
        assert!(problems.is_empty());
    }
}
