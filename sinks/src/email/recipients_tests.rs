//! Who is waited for, and for how long.

use lettre::Address;

use super::*;
use crate::email::plan;
use crate::examples::{event, restarted, service_down};

const WORDS: &str = "451 greylisted";

fn mail() -> Mail {
    let events = [event(1, service_down()), event(2, restarted())];
    plan::mails(&events.iter().collect::<Vec<_>>(), 10, true).remove(0)
}

fn people() -> (Address, Address) {
    ("a@example".parse().unwrap(), "b@example".parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn who_is_put_off_is_waited_for_a_while_and_then_only_tried() {
    let (a, b) = people();
    let mut recipients = Recipients::default();
    let put_off = || Outcome {
        deferred: vec![(&b, WORDS.into())],
        ..Outcome::default()
    };
    let mut first = mail();
    let outcome = Outcome {
        taken: vec![&a],
        ..put_off()
    };
    let words = recipients.settle(&mut first, &outcome, 0).unwrap();
    assert_eq!(words, "not taken for b@example yet: 451 greylisted");
    assert_eq!(first.settled, ["a@example"]);
    tokio::time::advance(Duration::from_mins(9)).await;
    assert!(recipients.settle(&mut first, &put_off(), 0).is_some());
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(recipients.settle(&mut first, &put_off(), 0), None);
    assert_eq!(first.end, Some(End::Sent));
    recipients.done_waiting();

    let mut second = mail();
    assert_eq!(recipients.settle(&mut second, &outcome, 0), None);
    assert_eq!(second.end, Some(End::Sent));
    assert_eq!(
        recipients.refused().unwrap(),
        "refused for b@example: 451 greylisted"
    );
    let both = Outcome {
        taken: vec![&a, &b],
        ..Outcome::default()
    };
    recipients.settle(&mut mail(), &both, 0);
    assert_eq!(recipients.refused(), None);
    assert!(recipients.settle(&mut mail(), &outcome, 0).is_some());
}

#[tokio::test]
async fn who_is_refused_costs_the_others_nothing() {
    let (a, b) = people();
    let mut recipients = Recipients::default();
    let mut mail = mail();
    let outcome = Outcome {
        taken: vec![&a],
        refused: vec![(&b, "550 unknown".into())],
        ..Outcome::default()
    };
    assert_eq!(recipients.settle(&mut mail, &outcome, 0), None);
    assert_eq!(mail.end, Some(End::Sent));
    assert_eq!(mail.settled, ["a@example", "b@example"]);
}

#[tokio::test]
async fn a_mail_that_nobody_gets_comes_again_or_has_ended() {
    let (a, b) = people();
    let mut recipients = Recipients::default();
    let mut waits = mail();
    let outcome = Outcome {
        deferred: vec![(&a, WORDS.into())],
        refused: vec![(&b, "550 unknown".into())],
        ..Outcome::default()
    };
    assert!(recipients.settle(&mut waits, &outcome, 0).is_some());
    assert!(waits.settled.is_empty());

    let mut refused = mail();
    let mut outcome = Outcome {
        refused: vec![(&a, "550 unknown".into()), (&b, "550 unknown".into())],
        ..Outcome::default()
    };
    assert_eq!(recipients.settle(&mut refused, &outcome, 0), None);
    let words = "refused for a@example: 550 unknown".to_owned();
    assert_eq!(refused.end, Some(End::Refused(words)));

    outcome.content = true;
    let mut unwanted = mail();
    assert_eq!(recipients.settle(&mut unwanted, &outcome, 0), None);
    assert_eq!(unwanted.end, Some(End::Apart));
    unwanted.events.pop();
    recipients.settle(&mut unwanted, &outcome, 0);
    let words = "the server does not want the mail: 550 unknown".to_owned();
    assert_eq!(unwanted.end, Some(End::Refused(words)));
}
