//! The requests, made before the clock runs: what signing costs is the routers' business.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::{Cause, Draft, Ended, Event, Fact, Timestamp};
use ring::hmac;

/// The name of a router.
pub(crate) fn router(number: usize) -> String {
    format!("r-{number}-VM")
}

/// One alert of a router: a service that is down. `number` makes it unlike all others.
fn event(router: &str, number: u64) -> Event {
    let services = ["ssh", "dhcp", "loadbalancing", "webserver"];
    let service = services[usize::try_from(number % 4).unwrap_or(0)];
    let now = Timestamp::now();
    let draft = Draft {
        service: Some(service.to_owned()),
        process: Some("dnsmasq".to_owned()),
        outage: Some(format!("01932f6a-4d52-7000-8000-{number:012x}")),
        time: now,
        fact: Fact::ServiceDown {
            noticed: now,
            last_pid: Some(4711),
            cause: Cause::Gone { pid: 4711 },
            ended: Ended::Signal(9),
        },
    };
    let id = format!("01932f6a-4d51-7000-8000-{number:012x}");
    Event::new(draft, id, number, router.to_owned())
}

/// A signed batch of `count` alerts of a router, numbered from `first`.
pub(crate) fn signed(router: &str, key: &hmac::Key, first: u64, count: usize) -> Vec<u8> {
    let events: Vec<_> = (first..)
        .take(count)
        .map(|number| {
            let event = event(router, number);
            serde_json::json!({
                "specversion": "1.0",
                "id": event.id,
                "source": format!("/vrwatch/{router}"),
                "type": "org.vrwatch.service_down.v1",
                "time": event.time,
                "subject": event.service,
                "datacontenttype": "application/json",
                "data": event,
            })
        })
        .collect();
    let json = serde_json::Value::from(events).to_string();
    let id = format!("batch_{first}");
    let time = Timestamp::now().unix_millis() / 1000;
    let tag = hmac::sign(key, format!("{id}.{time}.{json}").as_bytes());
    post(
        "/api/v1/alerts",
        &format!(
            "content-type: application/cloudevents-batch+json\r\nwebhook-id: {id}\r\n\
             webhook-timestamp: {time}\r\nwebhook-signature: v1,{}\r\n",
            STANDARD.encode(tag)
        ),
        &json,
    )
}

/// The same alerts as Alertmanager is told them.
pub(crate) fn for_alertmanager(router: &str, first: u64, count: usize) -> Vec<u8> {
    let alerts: Vec<_> = (first..)
        .take(count)
        .map(|number| {
            let event = event(router, number);
            serde_json::json!({
                "labels": {
                    "alertname": "service_down",
                    "router": router,
                    "service": event.service,
                    "severity": "major",
                    "outage": event.outage,
                },
                "annotations": {"summary": "process 4711 is gone", "id": event.id},
                "startsAt": event.time,
            })
        })
        .collect();
    let json = serde_json::Value::from(alerts).to_string();
    post(
        "/api/v2/alerts",
        "content-type: application/json\r\n",
        &json,
    )
}

fn post(path: &str, headers: &str, json: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {}\r\n\r\n{json}",
        json.len()
    )
    .into_bytes()
}
