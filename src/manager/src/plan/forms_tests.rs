//! The forms, held against CloudStack's own and read back by a small parser.

use proptest::prelude::*;

use super::*;
use crate::plan::examples::{cloud, default_services, offering};
use crate::plan::inventory::NetworkKind::{AdvancedIsolated, VpcTier};
use crate::plan::{LeftOut, Policy, Row};

fn made(services: &[MonitoringService], vpc: bool) -> Plan {
    let (kind, provider) = if vpc {
        (VpcTier, "VpcVirtualRouter")
    } else {
        (AdvancedIsolated, "VirtualRouter")
    };
    let offering = offering("o", &[("Dhcp", provider), ("Lb", provider)]);
    Plan::of(&cloud(kind, offering), services, "r", Policy::default()).unwrap()
}

fn of(rows: &[MonitoringService]) -> Plan {
    let row = |service: &MonitoringService| Row {
        service: service.clone(),
        reason: String::new(),
    };
    Plan {
        router: "r".into(),
        rows: rows.iter().map(row).collect(),
        left_out: Vec::new(),
        switched_off: false,
    }
}

/// Reads the wire string as CloudStack's router does: entries by `,`, fields by `:`.
fn read(wire: &str) -> Vec<[String; 4]> {
    if wire == "null" {
        return Vec::new();
    }
    let entries = wire.strip_suffix(',').unwrap().split(',');
    entries
        .map(|entry| {
            let fields: Vec<_> = entry.strip_suffix(':').unwrap().split(':').collect();
            let [name, process, service, pidfile] = fields[..] else {
                panic!("{entry}");
            };
            [
                name.strip_prefix('[')
                    .unwrap()
                    .strip_suffix(']')
                    .unwrap()
                    .into(),
                process.strip_prefix("processname=").unwrap().into(),
                service.strip_prefix("servicename=").unwrap().into(),
                pidfile.strip_prefix("pidfile=").unwrap().into(),
            ]
        })
        .collect()
}

/// What `SetMonitorServiceCommand.getConfiguration` makes of the same rows, in the order in which
/// `finalizeMonitorService` puts them.
#[test]
fn the_wire_string_of_the_default_rows_is_cloudstacks_own() {
    assert_eq!(
        made(&default_services(), false).wire().unwrap(),
        "[dhcp]:processname=dnsmasq:servicename=dnsmasq:pidfile=/var/run/dnsmasq/dnsmasq.pid:,\
         [loadbalancing]:processname=haproxy:servicename=haproxy:pidfile=/var/run/haproxy.pid:,\
         [ssh]:processname=sshd:servicename=ssh:pidfile=/var/run/sshd.pid:,\
         [webserver]:processname=apache2:servicename=apache2:pidfile=/var/run/apache2/apache2.pid:,"
    );
    assert_eq!(of(&[]).wire().unwrap(), "null");
}

#[test]
fn monitor_conf_is_the_file_that_cloudstack_writes() {
    let sample = include_str!("../../../../config/monitor.conf");
    assert_eq!(
        made(&default_services(), true).monitor_conf().unwrap(),
        sample
    );
    assert_eq!(
        of(&[]).monitor_conf().unwrap(),
        "#Monitor services config\n"
    );
}

#[test]
fn monitorservice_json_has_cloudstacks_fields() {
    let plan = made(&default_services(), false);
    let checks = HealthChecks::default();
    let text = plan.monitorservice_json(&checks).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["type"], "monitorservice");
    assert_eq!(json["config"], plan.wire().unwrap());
    assert_eq!(json["health_checks_enabled"], true);
    assert_eq!(json["health_checks_basic_run_interval"], 3);
    assert_eq!(json["health_checks_advanced_run_interval"], 10);
    assert_eq!(json["excluded_health_checks"], "");
    assert!(json["health_checks_config"].as_object().unwrap().is_empty());
}

// CloudStack 4.14, VirtualNetworkApplianceManagerImpl.java: nothing is said while monitoring is on;
// model/MonitorService.java: `disableMonitoring` is a String.
#[test]
fn disable_monitoring_is_absent_as_cloudstack_has_it_while_monitoring_is_on_and_else_says_true() {
    let mut plan = made(&default_services(), false);
    let read = |plan: &Plan| -> serde_json::Value {
        let text = plan.monitorservice_json(&HealthChecks::default());
        serde_json::from_str(&text.unwrap()).unwrap()
    };
    assert!(read(&plan).get("disable_monitoring").is_none());
    plan.switched_off = true;
    assert_eq!(read(&plan)["disable_monitoring"], "true");
}

#[test]
fn a_value_that_a_form_cannot_carry_is_refused_with_its_row() {
    let wrong = |column: &str, value: &str| {
        let mut row = default_services().remove(1);
        match column {
            "service" => row.service = value.into(),
            "process_name" => row.process_name = value.into(),
            "service_name" => row.service_name = value.into(),
            _ => row.pidfile = value.into(),
        }
        of(&[row])
    };
    for column in ["service", "process_name", "service_name", "pidfile"] {
        for value in [
            "",
            " x",
            "x ",
            "a\nb",
            "a\rb",
            "a\0b",
            "50%",
            "%(x)s",
            "a ;b",
            "a #b",
            "\u{202e}a",
        ] {
            let plan = wrong(column, value);
            let error = plan.monitor_conf().unwrap_err();
            assert_eq!((error.column, error.value.as_str()), (column, value));
            let words = error.to_string();
            assert!(
                words.starts_with("service \"") && !words.contains('\n'),
                "{words}"
            );
            assert!(plan.wire().is_err(), "{column} {value:?}");
        }
        // These end a field on the wire alone.
        for value in ["a:b", "a,b", "a b"] {
            let plan = wrong(column, value);
            plan.monitor_conf().unwrap();
            plan.wire().unwrap_err();
            plan.monitorservice_json(&HealthChecks::default())
                .unwrap_err();
        }
    }
    for value in ["a]b", "[a", "DEFAULT"] {
        wrong("service", value).monitor_conf().unwrap_err();
    }
}

#[test]
fn the_tag_changes_with_what_is_watched_and_not_with_the_reasons() {
    let plan = made(&default_services(), false);
    let tag = plan.etag();
    assert!(
        tag.len() == 66 && tag.starts_with('"') && tag.ends_with('"'),
        "{tag}"
    );
    let mut other = plan.clone();
    other.rows[0].reason = "another".into();
    other.left_out.push(LeftOut {
        service: "x".into(),
        reason: "y".into(),
    });
    assert_eq!(other.etag(), tag);
    let changes: [fn(&mut Plan); 5] = [
        |plan| plan.switched_off = true,
        |plan| plan.router.push('x'),
        |plan| plan.rows.truncate(1),
        |plan| plan.rows.swap(0, 1),
        |plan| plan.rows[0].service.pidfile.push('x'),
    ];
    for change in changes {
        let mut other = plan.clone();
        change(&mut other);
        assert_ne!(other.etag(), tag, "{other:?}");
    }
}

fn any_row() -> impl Strategy<Value = MonitoringService> {
    prop::array::uniform4(".{0,6}|[a-z/.%:, ;#\\[\\]]{1,6}|[a-z]{1,6}").prop_map(|texts| {
        let [service, process_name, service_name, pidfile] = texts;
        MonitoringService {
            service,
            process_name,
            service_name,
            pidfile,
            ..default_services().remove(0)
        }
    })
}

proptest! {
    #[test]
    fn the_wire_string_reads_back_as_what_was_written(rows in prop::collection::vec(any_row(), 0..4)) {
        if let Ok(wire) = of(&rows).wire() {
            let written: Vec<_> =
                rows.iter().map(|row| columns(row).map(|(_, value)| value.to_owned())).collect();
            prop_assert_eq!(read(&wire), written);
        }
    }

    #[test]
    fn monitor_conf_has_four_lines_a_row_whatever_the_values(rows in prop::collection::vec(any_row(), 0..4)) {
        if let Ok(text) = of(&rows).monitor_conf() {
            prop_assert_eq!(text.lines().count(), 1 + 4 * rows.len());
        }
    }
}
