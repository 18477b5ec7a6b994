//! Engines that change: the receiver's, which informs must find again, and ours, whose traps are
//! heard only while its count of starts never falls.

use std::fs;
use std::path::Path;

use contract::Sink;

use crate::events::{delivered, engine_file, later, sink, test_event, wait_for};
use crate::snmptrapd::{OUR_ENGINE, Snmptrapd, USUAL};

/// Our engine and how often it has started, as its file says.
fn engine(folder: &Path) -> (String, u32) {
    let content = fs::read_to_string(engine_file(folder)).unwrap();
    let fields: Vec<_> = content.split_whitespace().collect();
    (fields[1].into(), fields[2].parse().unwrap())
}

async fn arrives(sink: &mut dyn Sink, snmptrapd: &Snmptrapd, seq: u64) {
    let before = snmptrapd.received().len();
    delivered(sink, &[test_event(seq)]).await;
    let received = snmptrapd.wait_for(before + 1);
    let last = received.last().unwrap();
    assert_eq!(last.value("VRWATCH-MIB::vrwatchSeq.0"), seq.to_string());
}

#[tokio::test]
async fn informs_find_a_receiver_that_has_become_another_engine() {
    let mut snmptrapd = Snmptrapd::started();
    let mut sink = sink(&snmptrapd.v3("inform", USUAL), snmptrapd.folder());
    arrives(sink.as_mut(), &snmptrapd, 1).await;
    for seq in [2, 4] {
        snmptrapd.stop();
        let words = later(sink.as_mut(), &[test_event(seq)]).await;
        assert!(words.contains("nobody listens on udp:127."), "{words}");
        snmptrapd.forget_engine();
        snmptrapd.start();
        arrives(sink.as_mut(), &snmptrapd, seq).await;
        arrives(sink.as_mut(), &snmptrapd, seq + 1).await;
    }
}

#[tokio::test]
async fn informs_find_a_receiver_that_has_restarted_as_the_same_engine() {
    let mut snmptrapd = Snmptrapd::started();
    let mut sink = sink(&snmptrapd.v3("inform", USUAL), snmptrapd.folder());
    for seq in 1..=3 {
        arrives(sink.as_mut(), &snmptrapd, seq).await;
        snmptrapd.stop();
        snmptrapd.start();
    }
    arrives(sink.as_mut(), &snmptrapd, 4).await;
}

#[tokio::test]
async fn informs_need_no_engine_of_ours_and_write_nothing() {
    let snmptrapd = Snmptrapd::started();
    let mut sink = sink(&snmptrapd.v3("inform", USUAL), snmptrapd.folder());
    arrives(sink.as_mut(), &snmptrapd, 1).await;
    assert!(!engine_file(snmptrapd.folder()).exists());
}

#[tokio::test]
async fn traps_are_heard_after_every_restart_of_ours_because_the_count_has_risen() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v3("trap", USUAL) + &Snmptrapd::our_engine();
    let mut last = 0;
    for seq in 1..=5 {
        let mut sink = sink(&section, snmptrapd.folder());
        arrives(sink.as_mut(), &snmptrapd, seq).await;
        let (id, boots) = engine(snmptrapd.folder());
        assert_eq!(id, OUR_ENGINE);
        assert!(boots > last);
        last = boots;
        // As after kill -9: nothing of it is told that it ends.
        std::mem::forget(sink);
    }
}

#[tokio::test]
async fn a_lower_count_is_not_heard_and_says_nothing() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v3("trap", USUAL) + &Snmptrapd::our_engine();
    arrives(sink(&section, snmptrapd.folder()).as_mut(), &snmptrapd, 1).await;
    let old = fs::read(engine_file(snmptrapd.folder())).unwrap();
    for seq in 2..=5 {
        arrives(sink(&section, snmptrapd.folder()).as_mut(), &snmptrapd, seq).await;
    }
    // This is why the file is on disk before a trap is sent. If net-snmp ever hears it, the care
    // that the sink takes is no longer needed.
    fs::write(engine_file(snmptrapd.folder()), old).unwrap();
    delivered(
        sink(&section, snmptrapd.folder()).as_mut(),
        &[test_event(6)],
    )
    .await;
    let marker = snmptrapd.v2c("inform");
    arrives(sink(&marker, snmptrapd.folder()).as_mut(), &snmptrapd, 7).await;
    assert_eq!(snmptrapd.received().len(), 6);
}

#[tokio::test]
async fn traps_of_a_configured_engine_are_heard_after_its_file_is_lost_or_damaged() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v3("trap", USUAL) + &Snmptrapd::our_engine();
    arrives(sink(&section, snmptrapd.folder()).as_mut(), &snmptrapd, 1).await;
    let (_, boots) = engine(snmptrapd.folder());
    // Within the same second the clock gives the same count; a router that is made anew takes longer.
    wait_for("the next second", || {
        (seconds_since_2020() > boots).then_some(())
    });
    fs::write(engine_file(snmptrapd.folder()), "rubbish").unwrap();
    arrives(sink(&section, snmptrapd.folder()).as_mut(), &snmptrapd, 2).await;
    assert!(engine(snmptrapd.folder()).1 > boots);
}

fn seconds_since_2020() -> u32 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    u32::try_from(since.as_secs() - 1_577_836_800).unwrap()
}

#[tokio::test]
async fn an_engine_of_our_making_is_heard_once_the_receiver_knows_it_and_is_another_once_lost() {
    let mut snmptrapd = Snmptrapd::new();
    let section = snmptrapd.v3("trap", USUAL);
    let folder = snmptrapd.folder().to_owned();
    // Nobody listens yet, but it is on disk before anything is sent.
    later(sink(&section, &folder).as_mut(), &[test_event(1)]).await;
    let (first, boots) = engine(&folder);
    assert_eq!(boots, 1);
    snmptrapd.trust_engine(&first);
    snmptrapd.start();
    arrives(sink(&section, &folder).as_mut(), &snmptrapd, 2).await;
    assert_eq!(engine(&folder), (first.clone(), 2));

    fs::remove_file(engine_file(&folder)).unwrap();
    delivered(sink(&section, &folder).as_mut(), &[test_event(3)]).await;
    let (second, boots) = engine(&folder);
    assert_ne!(second, first);
    assert_eq!(boots, 1);
    snmptrapd.stop();
    snmptrapd.trust_engine(&second);
    snmptrapd.start();
    arrives(sink(&section, &folder).as_mut(), &snmptrapd, 4).await;
}

#[tokio::test]
async fn two_that_share_an_engine_are_both_heard() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v3("trap", USUAL) + &Snmptrapd::our_engine();
    let mut daemon = sink(&section, snmptrapd.folder());
    arrives(daemon.as_mut(), &snmptrapd, 1).await;
    // `vrwatch test-alert` beside the running daemon.
    let mut beside = sink(&section, snmptrapd.folder());
    arrives(beside.as_mut(), &snmptrapd, 2).await;
    arrives(daemon.as_mut(), &snmptrapd, 3).await;
    arrives(beside.as_mut(), &snmptrapd, 4).await;
    let (_, boots) = engine(snmptrapd.folder());
    arrives(beside.as_mut(), &snmptrapd, 5).await;
    assert_eq!(
        engine(snmptrapd.folder()).1,
        boots,
        "it starts only when it must"
    );
}

#[tokio::test]
async fn a_running_engine_goes_on_when_its_file_is_removed() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v3("trap", USUAL) + &Snmptrapd::our_engine();
    let mut sink = sink(&section, snmptrapd.folder());
    arrives(sink.as_mut(), &snmptrapd, 1).await;
    fs::remove_dir_all(engine_file(snmptrapd.folder()).parent().unwrap()).unwrap();
    arrives(sink.as_mut(), &snmptrapd, 2).await;
    assert!(engine_file(snmptrapd.folder()).exists());
}

#[tokio::test]
async fn without_a_place_for_its_count_no_trap_is_sent() {
    let snmptrapd = Snmptrapd::started();
    let section = snmptrapd.v3("trap", USUAL) + &Snmptrapd::our_engine();
    fs::write(snmptrapd.folder().join("sinks"), "a file, not a folder").unwrap();
    let mut sink = sink(&section, snmptrapd.folder());
    let words = later(sink.as_mut(), &[test_event(1)]).await;
    assert!(words.contains("nms.engine"), "{words}");
    fs::remove_file(snmptrapd.folder().join("sinks")).unwrap();
    arrives(sink.as_mut(), &snmptrapd, 2).await;
    assert_eq!(snmptrapd.received().len(), 1);
}
