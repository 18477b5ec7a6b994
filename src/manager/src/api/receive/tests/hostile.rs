//! Clients that mean no good: a clear 4xx, nothing stored, and others are served.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::gzip;
use crate::api::trial::{Answer, KEY, NOW, Request, World, batch, event, signature, wrapped};

/// The next honest request is served, and nothing but its event was stored.
async fn others_are_served(world: &World) {
    let honest = Request::alerts(&KEY, batch(&["honest"]));
    assert_eq!(world.send(&honest).await.status, 200);
    assert_eq!(world.memory.ids(), ["honest"]);
}

#[tokio::test]
async fn whether_a_router_exists_cannot_be_learnt() {
    let world = World::new();
    let mut unknown = event("r-99-VM", "e-1");
    let mut answers = Vec::new();
    for router in ["r-42-VM", "r-99-VM", "r-43-VM", "' OR 1=1 --"] {
        unknown.router = router.into();
        let json = serde_json::to_vec(&[wrapped(&unknown)]).unwrap();
        for key in [[0; 32], [255; 32]] {
            let mut answer = world.send(&Request::alerts(&key, &*json)).await;
            answer.headers.remove("date");
            answers.push(answer);
        }
    }
    assert_eq!(answers[0].status, 401);
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    others_are_served(&world).await;
    assert_eq!(world.metrics.snapshot().unauthorized, 8);
}

#[tokio::test]
async fn a_router_can_speak_only_for_itself() {
    let world = World::new();
    let own = wrapped(&event("r-42-VM", "e-1"));
    let other = wrapped(&event("r-43-VM", "e-2"));
    let mut other_inside = own.clone();
    other_inside["data"]["router"] = json!("r-43-VM");
    let mut other_outside = other.clone();
    other_outside["source"] = json!("/vrwatch/r-42-VM");
    for batch in [
        vec![own.clone(), other.clone()],
        vec![own.clone(), other_inside.clone()],
        vec![other_inside],
        vec![own.clone(), own, other_outside],
    ] {
        let json = serde_json::to_vec(&batch).unwrap();
        let answer = world.send(&Request::alerts(&KEY, json)).await;
        assert_eq!(answer.status, 403);
        assert!(answer.error().contains("another router"), "{answer:?}");
    }
    // The other's name with our key.
    let json = serde_json::to_vec(&[other]).unwrap();
    assert_eq!(world.send(&Request::alerts(&KEY, json)).await.status, 401);
    others_are_served(&world).await;
}

#[tokio::test]
async fn a_replay_after_the_window_and_stamps_of_other_times_are_refused() {
    let world = World::new();
    let request = Request::alerts(&KEY, batch(&["honest"]));
    assert_eq!(world.send(&request).await.status, 200);
    for (now, status) in [
        (300, 200),
        (301, 401),
        (86_400, 401),
        (-300, 200),
        (-301, 401),
    ] {
        world.set_now(NOW + now);
        let answer = world.send(&request).await;
        assert_eq!(answer.status, status, "{now}");
    }
    world.set_now(NOW);
    for stamp in [
        "",
        "0",
        "-1",
        "+5",
        "1e9",
        "999999999999999",
        "99999999999999999999",
        " 5",
        "5 5",
        "０",
    ] {
        let mut request = request.clone();
        request.set("webhook-timestamp", stamp);
        let answer = world.send(&request).await;
        assert_eq!(answer.status, 401, "{stamp}");
    }
    others_are_served(&world).await;
}

#[tokio::test]
async fn nothing_but_the_very_request_that_was_signed_is_taken() {
    let world = World::new();
    let json = batch(&["e-1"]);
    let good = Request::alerts(&KEY, &*json);
    let mut spoilt: Vec<Request> = Vec::new();
    let mut spoil = |change: &dyn Fn(&mut Request)| {
        let mut request = good.clone();
        change(&mut request);
        spoilt.push(request);
    };
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        spoil(&|request| {
            request.remove(name);
        });
        // Given twice.
        spoil(&|request| {
            let value = request.headers.iter().find(|header| header.0 == name);
            let value = value.unwrap().clone();
            request.headers.push(value);
        });
    }
    spoil(&|request| {
        request.set("webhook-id", "batch_2");
    });
    spoil(&|request| {
        request.set("webhook-id", &"x".repeat(257));
    });
    spoil(&|request| {
        request.set("webhook-timestamp", &(NOW + 1).to_string());
    });
    spoil(&|request| request.body.push(b' '));
    for signature in [
        "v1",
        "v1,",
        "v1,AAAA",
        "v1,====",
        "v2,x",
        ",",
        &"v1,A ".repeat(2000),
    ] {
        spoil(&|request| {
            request.set("webhook-signature", signature);
        });
    }
    let right = signature(&KEY, "batch_1", NOW, &json);
    let wrong = signature(&[0; 32], "batch_1", NOW, &json);
    // The right one is the fifth: so many are not looked at.
    let many = format!("{wrong} {wrong} {wrong} {wrong} {right}");
    spoil(&|request| {
        request.set("webhook-signature", &many);
    });
    for request in spoilt {
        let answer = world.send(&request).await;
        assert_eq!(answer.status, 401, "{request:?}");
    }
    others_are_served(&world).await;
}

#[tokio::test]
async fn other_media_and_packings_are_told_apart_from_broken_ones() {
    let world = World::new();
    let good = Request::alerts(&KEY, batch(&["e-1"]));
    for (name, value) in [
        ("content-type", "application/json"),
        (
            "content-type",
            "application/cloudevents-batch+json; charset=latin1",
        ),
        ("content-type", ""),
        ("content-encoding", "br"),
        ("content-encoding", "gzip, gzip"),
    ] {
        let mut request = good.clone();
        request.set(name, value);
        assert_eq!(world.send(&request).await.status, 415, "{value}");
    }
    let mut packed = good.clone();
    packed.set("content-encoding", "gzip");
    let whole = gzip(&good.body);
    let mut longer = whole.clone();
    longer.push(0);
    let mut wrong_sum = whole.clone();
    let sum = wrong_sum.len() - 8;
    wrong_sum[sum] ^= 1;
    for body in [
        &good.body[..],
        &whole[..whole.len() - 1],
        &whole[..5],
        &longer,
        &wrong_sum,
        b"",
    ] {
        packed.body = body.to_vec();
        assert_eq!(world.send(&packed).await.status, 400);
    }
    others_are_served(&world).await;
}

#[tokio::test]
async fn a_gzip_bomb_is_refused_at_the_bound() {
    let world = World::new();
    let zeros = gzip(&vec![b' '; 900 * 1024 * 1024 / 4]);
    assert!(zeros.len() < 1024 * 1024);
    let mut bomb = Request::alerts(&KEY, zeros);
    bomb.set("content-encoding", "gzip");
    assert_eq!(world.send(&bomb).await.status, 413);
    others_are_served(&world).await;
}

#[tokio::test]
async fn of_a_gigabyte_no_more_than_the_bound_is_read() {
    let world = World::new();
    let request = Request::alerts(&KEY, batch(&["e-1"]));
    // Announced: refused by its head.
    let mut stream = world.connect().await;
    let head = format!("{}content-length: 1073741824\r\n\r\n", request.head());
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.status, 413);
    // Not announced: refused at the bound.
    let mut stream = world.connect().await;
    let head = format!("{}transfer-encoding: chunked\r\n\r\n", request.head());
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [&b"10000\r\n"[..], &b" ".repeat(0x10000), b"\r\n"].concat();
    let (mut reading, mut writing) = stream.into_split();
    let sending = tokio::spawn(async move {
        let mut sent = 0_usize;
        while sent < 1 << 30 && writing.write_all(&chunk).await.is_ok() {
            sent += 0x10000;
        }
        sent
    });
    let mut answer = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut reading, &mut answer)
        .await
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    drop(reading);
    let sent = sending.await.unwrap();
    // What the sockets' buffers hold goes on top.
    assert!(sent < 32 << 20, "{sent} bytes were taken");
    others_are_served(&world).await;
}

#[tokio::test]
async fn deep_and_broken_json_is_refused_signed_or_not() {
    let world = World::new();
    let deep = |count: usize| "[".repeat(count) + &"]".repeat(count);
    let mut deep_detail = wrapped(&event("r-42-VM", "e-1"));
    deep_detail["data"]["detail"] = json!("DEEP");
    let deep_detail = format!("[{deep_detail}]").replace("\"DEEP\"", &deep(900));
    let mut deep_extra = wrapped(&event("r-42-VM", "honest"));
    deep_extra["extra"] = json!("DEEP");
    let mut bodies = vec![
        deep(1_000_000),
        "{\"a\":".repeat(500_000),
        deep_detail,
        String::new(),
        "[".into(),
        "[]".into(),
        "{}".into(),
        "[{}]".into(),
        "null".into(),
        "[null]".into(),
        "[1e999999]".into(),
        "\u{feff}[]".into(),
        String::from_utf8_lossy(&batch(&["e-1"])).replace("e-1", "\\ud800"),
    ];
    let whole = String::from_utf8(batch(&["e-1"])).unwrap();
    bodies.extend(
        (1..whole.len())
            .step_by(7)
            .map(|end| whole[..end].to_owned()),
    );
    bodies.push(format!("{whole}x"));
    bodies.push(whole.replacen("\"id\"", "\"id\":\"x\",\"id\"", 1));
    for body in bodies {
        let answer = world.send(&Request::alerts(&KEY, body.clone())).await;
        assert_eq!(answer.status, 400, "{}", &body[..body.len().min(200)]);
        assert!(answer.error().len() < 300, "{}", answer.error());
    }
    // Deep where nobody looks costs nothing, and no stack.
    let deep_extra = format!("[{deep_extra}]").replace("\"DEEP\"", &deep(100_000));
    let answer = world.send(&Request::alerts(&KEY, deep_extra)).await;
    assert_eq!(answer.status, 200);
    others_are_served(&world).await;
}

#[tokio::test]
async fn more_events_than_a_batch_may_have_are_refused() {
    let world = World::new();
    let ids: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let answer = world.send(&Request::alerts(&KEY, batch(&ids))).await;
    assert_eq!(answer.status, 413);
    let answer = world
        .send(&Request::alerts(&KEY, batch(&ids[..1000])))
        .await;
    assert_eq!(answer.body, r#"{"accepted":1000}"#);
}

#[tokio::test]
async fn what_would_grow_in_memory_is_refused_before_it_does() {
    let world = World::new();
    let mut like = wrapped(&event("r-42-VM", "e-1"));
    like["data"]["kind"] = json!("service_tired");
    like["data"]["detail"] = json!("HERE");
    let batch = |detail: &str, count: usize| {
        let one = like.to_string().replace("\"HERE\"", detail);
        format!("[{}]", vec![one; count].join(","))
    };
    let zeros = |count: usize| format!("[{}0]", "0,".repeat(count));
    let objects = |count: usize| format!("[{}0]", "{\"\":0},".repeat(count));
    for (detail, count, words) in [
        (
            format!("\"{}\"", "x".repeat(64 << 10)),
            1,
            "more than 65536 bytes",
        ),
        (zeros(400_000), 4, "more than 65536 bytes"),
        (zeros(1000), 1, "more than 1000 values"),
        (objects(500), 1, "more than 1000 values"),
        (zeros(900), 1000, "fewer events"),
        (objects(400), 100, "fewer events"),
    ] {
        let answer = world
            .send(&Request::alerts(&KEY, batch(&detail, count)))
            .await;
        assert_eq!(answer.status, 413, "{}", answer.error());
        assert!(answer.error().contains(words), "{}", answer.error());
    }
    for (detail, count) in [
        (format!("\"{}\"", "x,".repeat(30_000)), 1),
        (zeros(900), 10),
        (objects(10), 900),
    ] {
        let answer = world
            .send(&Request::alerts(&KEY, batch(&detail, count)))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.error());
    }
    let honest = Request::alerts(&KEY, crate::api::trial::batch(&["honest"]));
    assert_eq!(world.send(&honest).await.status, 200);
}

#[tokio::test]
async fn a_router_cannot_say_beforehand_what_the_manager_will() {
    let world = World::new();
    let mut forged = wrapped(&event("r-42-VM", "manager.unreachable-414e"));
    let answer = world
        .send(&Request::alerts(&KEY, format!("[{forged}]")))
        .await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.error().contains("only the manager's own"),
        "{}",
        answer.error()
    );
    forged = wrapped(&event("r-42-VM", "e-1"));
    forged["data"]["outage"] = json!("manager.away-414e");
    let answer = world
        .send(&Request::alerts(&KEY, format!("[{forged}]")))
        .await;
    assert_eq!(answer.status, 400);
    others_are_served(&world).await;
}

#[tokio::test]
async fn injection_is_refused_where_it_makes_no_sense_and_is_mere_text_elsewhere() {
    const EVIL: [&str; 6] = [
        "x'; DROP TABLE alerts; --",
        "x\r\nset-cookie: a=b",
        "x\0y",
        "${jndi:ldap://x}",
        "../../etc/passwd",
        "\u{1b}]0;x\u{7}",
    ];
    let world = World::new();
    let set = |path: &[&str], value: &Value| {
        let mut event = wrapped(&event("r-42-VM", "e-1"));
        let mut place = &mut event;
        for key in path {
            place = &mut place[*key];
        }
        *place = value.clone();
        event
    };
    let fields: [&[&str]; 14] = [
        &["specversion"],
        &["id"],
        &["source"],
        &["data", "id"],
        &["data", "seq"],
        &["data", "router"],
        &["data", "service"],
        &["data", "process"],
        &["data", "outage"],
        &["data", "time"],
        &["data", "severity"],
        &["data", "kind"],
        &["data", "detail"],
        &["data"],
    ];
    let mut taken = 0;
    for path in fields {
        for evil in EVIL
            .map(Value::from)
            .iter()
            .chain(&[json!(-1), json!(1e300), json!([])])
        {
            let event = set(path, evil);
            let json = serde_json::to_vec(&[&event]).unwrap();
            let answer = world.send(&Request::alerts(&KEY, json)).await;
            assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
            match answer.status {
                200 => {
                    taken += 1;
                    let stored = serde_json::to_value(&world.memory.events()[0]).unwrap();
                    let free = ["service", "process", "outage", "kind", "detail"];
                    assert!(
                        path.len() == 2 && free.contains(&path[1]),
                        "{path:?} {evil}"
                    );
                    assert!(!stored["service"].to_string().contains("\\u0000"));
                }
                400 | 401 | 403 => {
                    assert!(!answer.error().chars().any(char::is_control), "{answer:?}");
                }
                other => panic!("{other}: {path:?} {evil}"),
            }
        }
    }
    assert!(taken > 0);
    // In headers: a line end makes another header, which is not one of ours.
    for evil in EVIL {
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let mut request = Request::alerts(&KEY, batch(&["e-1"]));
            request.set(name, evil);
            let answer = world.send(&request).await;
            assert!(
                [400, 401].contains(&answer.status),
                "{name} {evil:?}: {answer:?}"
            );
        }
    }
}
