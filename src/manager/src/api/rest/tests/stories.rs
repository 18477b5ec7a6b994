//! What an admin does in a day.

use std::collections::BTreeSet;

use contract::{Cause, Draft, Ended, Event, Fact, Timestamp};
use serde_json::json;

use super::world::{World, on_both, router};
use crate::api::access::Role;
use crate::plan::inventory::{Change, Network, NetworkKind, Offering, Zone, ZoneType};
use crate::store::{Batch, Via};

on_both!(
    a_router_is_added_planned_for_pushed_to_and_removed,
    an_outage_is_found_page_by_page_and_acknowledged_once,
    a_silence_is_begun_and_ended_and_a_service_set_and_removed,
);

pub(super) async fn cloud(world: &World) {
    let changes = [
        Change::SetZone(Zone {
            id: "z1".into(),
            name: "Zurich".into(),
            network_type: ZoneType::Advanced,
            monitoring: None,
            source: None,
        }),
        Change::SetOffering(Offering {
            id: "o1".into(),
            name: "isolated".into(),
            redundant_router: false,
            services: [("Dhcp".to_owned(), vec!["VirtualRouter".to_owned()])].into(),
            source: None,
        }),
        Change::SetNetwork(Network {
            id: "n1".into(),
            name: "guests".into(),
            zone: "z1".into(),
            offering: "o1".into(),
            kind: NetworkKind::AdvancedIsolated,
            vpc: None,
            monitoring: None,
            excluded: BTreeSet::new(),
            source: None,
        }),
    ];
    world.api.store.apply("test", &changes).await.unwrap();
}

async fn a_router_is_added_planned_for_pushed_to_and_removed(world: World) {
    let admin = world.token("root", Role::Admin).await;
    let admin = Some(admin.as_str());
    cloud(&world).await;
    let body = router("r-1-VM");
    let (status, added) = world
        .ask("POST", "/api/v1/routers", admin, Some(&body))
        .await;
    assert_eq!(status, 201, "{added}");
    assert!(added["key"].as_str().unwrap().starts_with("whsec_"));
    let (status, _) = world
        .ask("POST", "/api/v1/routers", admin, Some(&body))
        .await;
    assert_eq!(status, 409);
    let (_, plan) = world
        .ask("GET", "/api/v1/routers/r-1-VM/plan", admin, None)
        .await;
    let services = |plan: &serde_json::Value| {
        let rows = plan["rows"].as_array().unwrap().iter();
        rows.map(|row| row["service"]["service"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(services(&plan), ["dhcp", "ssh", "webserver"]);
    assert!(
        plan["monitor_conf"]
            .as_str()
            .unwrap()
            .contains("processname=dnsmasq")
    );
    let excluded = r#"{"services":["webserver"]}"#;
    let path = "/api/v1/routers/r-1-VM/excluded";
    assert_eq!(world.ask("PUT", path, admin, Some(excluded)).await.0, 204);
    let excluded = r#"{"services":["ssh"]}"#;
    let path = "/api/v1/networks/n1/excluded";
    assert_eq!(world.ask("PUT", path, admin, Some(excluded)).await.0, 204);
    let (_, plan) = world
        .ask("GET", "/api/v1/routers/r-1-VM/plan", admin, None)
        .await;
    assert!(!services(&plan).contains(&"webserver".to_owned()), "{plan}");
    let (status, queued) = world
        .ask("POST", "/api/v1/routers/r-1-VM/push", admin, None)
        .await;
    assert_eq!(status, 202);
    let (status, _) = world
        .ask("POST", "/api/v1/pushes", admin, Some(r#"{"all":true}"#))
        .await;
    assert_eq!(status, 202);
    let (_, pushes) = world
        .ask("GET", "/api/v1/pushes?state=queued", admin, None)
        .await;
    assert_eq!(pushes["rows"][0]["id"], queued["pushes"][0]);
    assert_eq!(pushes["rows"][0]["requested_by"], "root");
    let path = "/api/v1/routers/r-1-VM/key?retire_old=true";
    let (status, key) = world.ask("POST", path, admin, None).await;
    assert_eq!(status, 201);
    assert_ne!(key["key"], added["key"]);
    assert_eq!(
        world.api.store.keys("r-1-VM").await.unwrap().unwrap().len(),
        1
    );
    let path = "/api/v1/routers/r-1-VM";
    assert_eq!(world.ask("DELETE", path, admin, None).await.0, 204);
    assert_eq!(world.ask("DELETE", path, admin, None).await.0, 404);
    let (_, audit) = world
        .ask("GET", "/api/v1/audit?limit=1000", admin, None)
        .await;
    let by_root = audit["rows"].as_array().unwrap().iter();
    let by_root = by_root.filter(|line| line["actor"] == "root").count();
    assert!(by_root >= 7, "{audit}");
}

async fn an_outage_is_found_page_by_page_and_acknowledged_once(world: World) {
    let admin = world.token("root", Role::Admin).await;
    let admin = Some(admin.as_str());
    cloud(&world).await;
    let body = router("r-1-VM");
    world
        .ask("POST", "/api/v1/routers", admin, Some(&body))
        .await;
    let events = (1..=5).map(|number| {
        let draft = Draft {
            service: Some("dhcp".into()),
            process: Some("dnsmasq".into()),
            outage: Some(format!("outage-{number}")),
            time: Timestamp::from_unix_millis(1_795_348_053_000 + number).unwrap(),
            fact: Fact::ServiceDown {
                noticed: Timestamp::from_unix_millis(1_795_348_053_000).unwrap(),
                last_pid: Some(7),
                cause: Cause::NoPidFile,
                ended: Ended::Signal(9),
            },
        };
        Event::new(
            draft,
            format!("id-{number}"),
            number.unsigned_abs(),
            "r-1-VM".into(),
        )
    });
    let batch = Batch {
        router: "r-1-VM".into(),
        events: events.collect(),
        via: Via::Http,
    };
    world.api.store.store_batches(&[batch]).await.unwrap()[0]
        .as_ref()
        .unwrap();
    let mut seen = Vec::new();
    let mut before = String::new();
    loop {
        let path = format!("/api/v1/alerts?router=r-1-VM&limit=2{before}");
        let (status, page) = world.ask("GET", &path, admin, None).await;
        assert_eq!(status, 200, "{page}");
        for row in page["rows"].as_array().unwrap() {
            seen.push(row["event"]["id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_i64() else {
            break;
        };
        before = format!("&before={next}");
    }
    assert_eq!(seen, ["id-5", "id-4", "id-3", "id-2", "id-1"]);
    let (_, none) = world
        .ask("GET", "/api/v1/alerts?service=ssh", admin, None)
        .await;
    assert_eq!(none, json!({"rows": []}));
    let (_, page) = world
        .ask("GET", "/api/v1/outages?router=r-1-VM", admin, None)
        .await;
    let id = page["rows"][0]["id"].as_i64().unwrap();
    let other = world.token("ada", Role::Admin).await;
    let path = format!("/api/v1/outages/{id}/acknowledge");
    for token in [admin, Some(other.as_str())] {
        let (_, outage) = world.ask("POST", &path, token, None).await;
        assert_eq!(outage["acknowledged_by"], "root");
        let path = format!("/api/v1/outages/{id}");
        assert_eq!(world.ask("GET", &path, admin, None).await.1, outage);
    }
}

async fn a_silence_is_begun_and_ended_and_a_service_set_and_removed(world: World) {
    let admin = world.token("root", Role::Admin).await;
    let admin = Some(admin.as_str());
    let begun = r#"{"router":"r-1-VM","ends":"2199-01-01T00:00:00Z","reason":"new disks"}"#;
    let (status, made) = world
        .ask("POST", "/api/v1/silences", admin, Some(begun))
        .await;
    assert_eq!(status, 201, "{made}");
    let (_, list) = world.ask("GET", "/api/v1/silences", admin, None).await;
    assert_eq!(list["rows"][0]["created_by"], "root");
    assert_eq!(list["rows"][0]["withheld"], 0);
    assert_eq!(list["rows"][0]["told_afterwards"], 0);
    let path = format!("/api/v1/silences/{}", made["id"]);
    assert_eq!(world.ask("DELETE", &path, admin, None).await.0, 204);
    assert_eq!(world.ask("DELETE", &path, admin, None).await.0, 404);
    let service = json!({"uuid": "6f1f0c3a-6c0e-4d0b-8d39-0d7b3b1f6a01", "service": "vpn",
        "process_name": "charon", "service_name": "strongswan",
        "service_path": "/etc/init.d/ipsec", "pidfile": "/run/charon.pid", "is_default": false});
    let service = service.to_string();
    let path = "/api/v1/services/vpn";
    let (status, said) = world.ask("PUT", path, admin, Some(&service)).await;
    assert_eq!(status, 204, "{said}");
    let (_, list) = world.ask("GET", "/api/v1/services", admin, None).await;
    assert_eq!(list.as_array().unwrap().len(), 5);
    assert_eq!(world.ask("DELETE", path, admin, None).await.0, 204);
    assert_eq!(world.ask("DELETE", path, admin, None).await.0, 404);
}
