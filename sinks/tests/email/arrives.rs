//! Mails arrive through every way in, and say what they are to say.

use crate::events::{down, event, later, outage, restarted, sink};
use crate::exim::{Exim, PASSWORD};

#[tokio::test]
async fn an_outage_arrives_over_starttls_and_over_tls_from_the_start() {
    for (scheme, protocol) in [("smtp", "esmtpsa"), ("smtps", "esmtpsa")] {
        let exim = Exim::started();
        let section = exim.section_with(scheme, PASSWORD, &["ops@example", "Dev <dev@example>"]);
        sink(&section, exim.folder())
            .deliver(&outage())
            .await
            .unwrap();
        let letters = exim.wait_for(2);
        let mut recipients: Vec<_> = letters.iter().map(|it| it.header("Envelope-to")).collect();
        recipients.sort_unstable();
        assert_eq!(recipients, ["dev@example", "ops@example"]);
        for letter in &letters {
            assert!(letter.header("Received").contains(protocol), "{letter:#?}");
            assert_eq!(
                letter.subject(),
                "[vrwatch] r-42-VM: haproxy down, restart failed"
            );
            assert_eq!(letter.header("From"), "Wächter <vrwatch@example>");
            assert_eq!(letter.header("To"), "ops@example, Dev <dev@example>");
            assert_eq!(letter.header("Return-path"), "<vrwatch@example>");
            assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
            assert_eq!(letter.ids(), ["id000001", "id000002", "id000003"]);
            let text = &letter.text;
            assert!(
                text.starts_with("r-42-VM: haproxy down, restart failed\n"),
                "{text}"
            );
            assert!(
                text.contains("is down: process 812 is gone (ended by SIGKILL)"),
                "{text}"
            );
            assert!(text.contains("Why the restart failed: the command failed (exit 1)"));
            assert!(text.contains("  | parsing [haproxy.cfg:7]\n  | unknown <keyword> naïve\n"));
            assert!(text.contains("Outage: outage-of-haproxy\nEvents: id000001 id000002 id000003"));
            let html = &letter.html;
            assert!(
                html.contains("unknown &lt;keyword&gt; naïve\n</pre>"),
                "{html}"
            );
            assert!(html.contains("id000001 id000002 id000003"), "{html}");
        }
    }
}

#[tokio::test]
async fn an_outage_is_one_thread_also_when_vrwatch_was_restarted_in_it() {
    let exim = Exim::started();
    let section = exim.section();
    sink(&section, exim.folder())
        .deliver(&outage())
        .await
        .unwrap();
    exim.wait_for(1);
    let over = [
        event(4, "haproxy", restarted()),
        event(5, "dnsmasq", down()),
    ];
    sink(&section, exim.folder()).deliver(&over).await.unwrap();
    let letters = exim.wait_for(3);
    let find = |subject: &str| letters.iter().find(|it| it.subject() == subject).unwrap();
    let opening = find("[vrwatch] r-42-VM: haproxy down, restart failed");
    let following = find("[vrwatch] r-42-VM: haproxy restarted");
    let other = find("[vrwatch] r-42-VM: dnsmasq down");
    assert_eq!(
        following.header("In-Reply-To"),
        opening.header("Message-ID")
    );
    assert_eq!(following.header("References"), opening.header("Message-ID"));
    for letter in [opening, other] {
        assert!(!letter.has("In-Reply-To") && !letter.has("References"));
    }
    assert_ne!(opening.header("Message-ID"), other.header("Message-ID"));
}

#[tokio::test]
async fn a_server_that_is_away_and_returns_gets_what_it_missed_once() {
    let mut exim = Exim::new();
    let mut sink = sink(&exim.section(), exim.folder());
    let words = later(sink.as_mut(), &outage()).await;
    assert!(
        words.contains("connecting failed: Connection refused"),
        "{words}"
    );
    exim.start();
    sink.deliver(&outage()).await.unwrap();
    exim.wait_for(1);
    exim.stop();
    let next = [event(4, "haproxy", restarted())];
    later(sink.as_mut(), &next).await;
    exim.start();
    sink.deliver(&next).await.unwrap();
    exim.wait_for(2);
}

#[tokio::test]
async fn a_batch_that_comes_again_after_a_restart_with_more_in_it_repeats_nothing() {
    let exim = Exim::started();
    let section = exim.section();
    let mut batch = outage();
    sink(&section, exim.folder()).deliver(&batch).await.unwrap();
    // vrwatch was killed before the answer counted.
    batch.push(event(4, "haproxy", restarted()));
    sink(&section, exim.folder()).deliver(&batch).await.unwrap();
    let mut told: Vec<_> = exim
        .wait_for(2)
        .iter()
        .flat_map(|letter| {
            letter
                .ids()
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, ["id000001", "id000002", "id000003", "id000004"]);
}

#[tokio::test]
async fn whatever_an_event_holds_a_mail_stays_one_mail() {
    let hostile = "\r\nBcc: evil@example\r\n\r\n<script>alert(1)</script>\r\n.\r\nQUIT\r\n=?utf-8?q?=0D=0AX-Evil:_1?= \u{202e}\u{1b}[31m é";
    let exim = Exim::started();
    let mut event = event(1, "haproxy", crate::events::failed(hostile));
    event.router = format!("r-42{hostile}");
    event.service = Some(hostile.into());
    event.process = Some(hostile.into());
    event.outage = Some(hostile.into());
    event.id = format!("id{hostile}");
    let mut sink = sink(&exim.section(), exim.folder());
    sink.deliver(std::slice::from_ref(&event)).await.unwrap();
    sink.deliver(&outage()).await.unwrap();
    let letters = exim.wait_for(2);
    let hostile = letters
        .iter()
        .find(|it| it.subject().contains("evil"))
        .unwrap();
    let harmless = letters
        .iter()
        .find(|it| !it.subject().contains("evil"))
        .unwrap();
    let mut names = harmless.header_names();
    names.extend(["In-Reply-To", "References"]);
    names.sort_unstable();
    assert_eq!(hostile.header_names(), names);
    assert!(!hostile.html.contains("<script"), "{}", hostile.html);
    assert!(
        !hostile.subject().contains('\u{1b}'),
        "{}",
        hostile.subject()
    );
    let same = ["Envelope-to", "To", "Auto-Submitted"];
    assert!(
        same.iter()
            .all(|name| hostile.header(name) == harmless.header(name))
    );
}
