//! Many outages at once, and many within a while: they become one mail, and nothing is dropped.

use std::time::Duration;

use crate::events::{down, event, failed, restarted, sink, unmonitored};
use crate::exim::Exim;

#[tokio::test]
async fn many_outages_at_once_are_one_mail_that_says_the_worst_first() {
    let exim = Exim::started();
    let mut batch = Vec::new();
    for number in 1..=7 {
        batch.push(event(
            batch.len() as u64 + 1,
            &format!("service-{number}"),
            down(),
        ));
    }
    batch.push(event(8, "service-1", restarted()));
    batch.push(event(9, "service-5", failed("<b>no</b>")));
    batch.push(event(10, "service-5", unmonitored()));
    sink(&exim.section(), exim.folder())
        .deliver(&batch)
        .await
        .unwrap();
    let letters = exim.wait_for(1);
    let [letter] = letters.as_slice() else {
        unreachable!()
    };
    assert_eq!(
        letter.subject(),
        "[vrwatch] r-42-VM: 7 services: service-5 restart failed, service-2 down, service-3 down, \
         service-4 down, service-6 down, service-7 down, service-1 …"
    );
    assert_eq!(letter.ids().len(), 10);
    assert!(!letter.has("References"));
    let text = &letter.text;
    assert!(
        text.contains("\n== r-42-VM: service-1 down, restarted ==\n"),
        "{text}"
    );
    assert!(
        text.contains("\n== r-42-VM: service-5 down, restart failed ==\n"),
        "{text}"
    );
    assert!(text.contains("  | <b>no</b>\n"), "{text}");
    for number in 1..=7 {
        assert!(
            text.contains(&format!("Outage: outage-of-service-{number}\n")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn beyond_the_rate_whatever_comes_at_once_is_one_mail() {
    let exim = Exim::started();
    let section = format!(
        "{}rate = {{ mails = 3, within = \"1h\" }}\n",
        exim.section()
    );
    let mut sink = sink(&section, exim.folder());
    assert_eq!(sink.gathers_for(), Duration::ZERO);
    let batch = |from: u64| {
        [
            event(from, &format!("service-{from}"), down()),
            event(from + 1, &format!("service-{}", from + 1), down()),
        ]
    };
    sink.deliver(&batch(1)).await.unwrap();
    exim.wait_for(2);
    sink.deliver(&batch(3)).await.unwrap();
    exim.wait_for(3);
    // Now events gather for longer, and whatever is handed over is one mail.
    assert_eq!(sink.gathers_for(), Duration::from_mins(20));
    sink.deliver(&batch(5)).await.unwrap();
    let letters = exim.wait_for(4);
    let mut told: Vec<_> = letters
        .iter()
        .map(|letter| letter.ids().join(" "))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "id000001",
            "id000002",
            "id000003 id000004",
            "id000005 id000006"
        ]
    );
}
