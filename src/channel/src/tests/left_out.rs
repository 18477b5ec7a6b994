//! What another event tells is not told, not even as the end of what was.

use contract::{Cause, Ended};

use super::*;

/// A receiver for which one story is told by another.
struct Leaving {
    receiver: Box<dyn Sink>,
    service: &'static str,
}

#[async_trait]
impl Sink for Leaving {
    async fn deliver(&mut self, batch: &[Event]) -> Result<(), DeliverError> {
        self.receiver.deliver(batch).await
    }

    fn leaves_out(&self, event: &Event) -> bool {
        event.fact.ends_outage() && event.service.as_deref() == Some(self.service)
    }
}

fn of(service: &str, fact: Fact) -> Draft {
    Draft {
        service: Some(service.into()),
        outage: Some(format!("outage of {service}")),
        fact,
        ..draft("")
    }
}

#[tokio::test]
async fn an_end_that_another_event_tells_is_left_out_though_its_beginning_was_told() {
    let folder = folder();
    let (channel, _) = open(&folder);
    let (heard, receiver) = willing();
    let service = "dhcp";
    channel.start_sink("a", Box::new(Leaving { receiver, service }), ON_DISK);
    let down = Fact::ServiceDown {
        noticed: Timestamp::EPOCH,
        last_pid: None,
        cause: Cause::NoPidFile,
        ended: Ended::Unknown,
    };
    let up = Fact::Restarted {
        pid: 1,
        attempts: 1,
        downtime: Duration::ZERO,
    };
    channel.publish(Transaction {
        drafts: vec![
            of("dhcp", down.clone()),
            of("dns", down),
            of("dhcp", up.clone()),
            of("dns", up),
        ],
        notes: Vec::new(),
    });
    caught_up(&channel).await;
    assert_eq!(heard.seqs(), [1, 2, 4]);
    tokio::task::spawn_blocking(|| channel.close())
        .await
        .unwrap();
}
