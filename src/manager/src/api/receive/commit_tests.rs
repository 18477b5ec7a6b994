//! Group commit beside a store whose transactions are held up.

use super::*;
use crate::api::trial::{Memory, event, eventually};
use crate::store::Via;

fn batch(ids: &[&str]) -> Batch {
    let router = "r-42-VM";
    Batch {
        router: router.into(),
        events: ids.iter().map(|id| event(router, id)).collect(),
        via: Via::Http,
    }
}

fn begun() -> (Arc<Memory>, Arc<Metrics>, Committer, JoinHandle<()>) {
    let memory = Arc::new(Memory::default());
    memory.set_keys("r-42-VM", &[[7; 32]]);
    let metrics = Arc::new(Metrics::default());
    let (committer, task) = Committer::start(Arc::clone(&memory) as _, Arc::clone(&metrics));
    (memory, metrics, committer, task)
}

#[tokio::test]
async fn what_waits_is_stored_in_one_transaction_and_nobody_is_answered_before() {
    let (memory, metrics, committer, task) = begun();
    let closed = memory.gate.lock().await;
    let mut answers = Vec::new();
    for number in 0..50 {
        let committer = committer.clone();
        answers.push(tokio::spawn(async move {
            let id = format!("e-{number}");
            committer.store(batch(&[&id]), 500).await
        }));
        if number == 0 {
            eventually("the first is being stored", || memory.is_storing()).await;
        }
    }
    eventually("the others wait", || metrics.snapshot().queue_highest == 49).await;
    assert!(answers.iter().all(|answer| !answer.is_finished()));
    // One of them loses patience; what it brought is stored all the same.
    answers.pop().unwrap().abort();
    drop(closed);
    for answer in answers {
        assert_eq!(answer.await.unwrap().unwrap(), Stored { new: 1, known: 0 });
    }
    assert_eq!(*memory.commits.lock().unwrap(), [1, 49]);
    assert_eq!(memory.ids().len(), 50);
    // Once nobody can hand in anything any more, the task ends.
    drop(committer);
    task.await.unwrap();
}

#[tokio::test]
async fn a_transaction_has_its_bounds() {
    let (memory, metrics, committer, _task) = begun();
    let closed = memory.gate.lock().await;
    let ids: Vec<String> = (0..900).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut answers = Vec::new();
    for _ in 0..5 {
        let (committer, batch) = (committer.clone(), batch(&ids));
        answers.push(tokio::spawn(async move { committer.store(batch, 1).await }));
        eventually("the first is being stored", || memory.is_storing()).await;
    }
    eventually("the others wait", || metrics.snapshot().queue_highest >= 4).await;
    drop(closed);
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    let commits = memory.commits.lock().unwrap();
    assert!(
        commits.iter().all(|count| *count <= MOST_EVENTS),
        "{commits:?}"
    );
    assert_eq!(commits.iter().sum::<usize>(), 4500);
}

#[tokio::test]
async fn too_many_bytes_or_batches_at_a_time_are_to_come_again() {
    let (memory, _metrics, committer, _task) = begun();
    let closed = memory.gate.lock().await;
    let all = MOST_UNITS * UNIT;
    let other = committer.clone();
    let first = tokio::spawn(async move { other.store(batch(&["e-1"]), all).await });
    eventually("the first waits", || {
        committer.units.available_permits() == 0
    })
    .await;
    let error = committer.store(batch(&["e-2"]), 1).await.unwrap_err();
    assert!(matches!(error, CommitError::Full));
    drop(closed);
    first.await.unwrap().unwrap();
    eventually("there is room again", || {
        committer.units.available_permits() == MOST_UNITS
    })
    .await;
    committer.store(batch(&["e-2"]), 1).await.unwrap();
}

#[tokio::test]
async fn a_batch_that_cannot_be_stored_fails_alone_and_in_its_place() {
    let (memory, metrics, committer, _task) = begun();
    memory.poison("e-13");
    let closed = memory.gate.lock().await;
    let mut answers = Vec::new();
    for number in 0..20 {
        let (committer, id) = (committer.clone(), format!("e-{number}"));
        let mut batch = batch(&[&id]);
        if number == 7 {
            batch.router = "r-99-VM".into();
        }
        answers.push(tokio::spawn(async move { committer.store(batch, 1).await }));
        eventually("it is handed in", || number > 0 || memory.is_storing()).await;
    }
    eventually("all wait", || metrics.snapshot().queue_highest == 19).await;
    drop(closed);
    for (number, answer) in answers.into_iter().enumerate() {
        let failed = match answer.await.unwrap() {
            Ok(_) => None,
            Err(CommitError::Store(error)) => Some(error.to_string()),
            Err(other) => panic!("{other}"),
        };
        let expected = match number {
            7 => Some("there is no router r-99-VM"),
            13 => Some("poison"),
            _ => None,
        };
        assert_eq!(failed.as_deref(), expected, "{number}");
    }
    assert_eq!(memory.ids().len(), 18);
}
