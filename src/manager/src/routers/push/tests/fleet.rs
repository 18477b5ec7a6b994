//! A thousand pretended routers in pretended time, some of them dead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::config::Push;
use super::super::{Files, Job, Outcome, PushError, Record, push_all};
use crate::plan::inventory::{Hypervisor, Router};
use crate::routers::shell::{Answer, Reach, ReachError, Shell};

/// How long one call takes.
const CALL: Duration = Duration::from_millis(200);
/// How long it takes to see that a router is dead.
const DEAD: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Fleet {
    opened: Mutex<Vec<usize>>,
    open: AtomicUsize,
    most: AtomicUsize,
    recorded: Mutex<Vec<(String, bool)>>,
}

fn number(router: &Router) -> usize {
    router.name[2..].parse().unwrap()
}

/// Three in a hundred are dead, two more let the manager in and say nothing.
fn is_dead(number: usize) -> bool {
    number.is_multiple_of(33)
}

fn is_mute(number: usize) -> bool {
    number % 50 == 1
}

struct Pretended {
    fleet: Arc<Fleet>,
    is_mute: bool,
}

struct Reached(Arc<Fleet>);

#[async_trait::async_trait]
impl Reach for Reached {
    async fn open(&self, router: &Router) -> Result<Box<dyn Shell>, ReachError> {
        let number = number(router);
        self.0.opened.lock().unwrap().push(number);
        if is_dead(number) {
            sleep(DEAD).await;
            return Err(ReachError::Away("dead".to_owned()));
        }
        sleep(CALL).await;
        let open = self.0.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.most.fetch_max(open, Ordering::Relaxed);
        Ok(Box::new(Pretended {
            fleet: Arc::clone(&self.0),
            is_mute: is_mute(number),
        }))
    }
}

#[async_trait::async_trait]
impl Shell for Pretended {
    async fn run(
        &mut self,
        program: &str,
        _: &[&str],
        _: &[u8],
        limit: Duration,
    ) -> Result<Answer, ReachError> {
        if self.is_mute {
            sleep(limit).await;
            return Err(ReachError::TimedOut(limit));
        }
        sleep(CALL).await;
        let exit = match program {
            "cat" | "test" => 1,
            "vrwatch" => 127,
            _ => 0,
        };
        Ok(Answer {
            exit: Some(exit),
            output: Vec::new(),
            errors: Vec::new(),
        })
    }

    async fn close(self: Box<Self>) {}
}

impl Drop for Pretended {
    fn drop(&mut self) {
        self.fleet.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait::async_trait]
impl Record for Fleet {
    async fn record(&self, router: &Router, result: Result<Outcome, PushError>) {
        let mut recorded = self.recorded.lock().unwrap();
        recorded.push((router.name.clone(), result.is_ok()));
    }
}

fn job(number: usize) -> Job {
    Job {
        router: Router {
            name: format!("r-{number}"),
            hypervisor: Hypervisor::Other,
            ..serde_json::from_str(r#"{"name":"","zone":"z","hypervisor":"other"}"#).unwrap()
        },
        files: Files {
            services: Some("[one]\n".to_owned()),
            monitorservice: None,
        },
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_routers_do_not_wait_for_the_dead_ones_in_turn() {
    let fleet = Arc::new(Fleet::default());
    let jobs: Vec<Job> = (0..1000).map(job).collect();
    let start = Instant::now();
    let reach = Arc::new(Reached(Arc::clone(&fleet)));
    push_all(jobs, reach, Arc::new(Push::default()), fleet.clone()).await;
    let took = start.elapsed();
    // Five calls each in 64 places are 15 s; the fifty-odd dead ones in turn would be 25 minutes.
    assert!(took < Duration::from_secs(90), "{took:?}");
    let mut recorded = fleet.recorded.lock().unwrap().clone();
    recorded.sort();
    recorded.dedup();
    assert_eq!(recorded.len(), 1000);
    for (name, is_well) in recorded {
        let number = name[2..].parse().unwrap();
        assert_eq!(is_well, !is_dead(number) && !is_mute(number), "{name}");
    }
    let opened = fleet.opened.lock().unwrap();
    assert!(opened.is_sorted(), "each gets its turn");
    assert!(fleet.most.load(Ordering::Relaxed) <= 64);
    assert_eq!(fleet.open.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_never_comes_about_costs_its_own_time_only() {
    let fleet = Arc::new(Fleet::default());
    let settings: Push = toml::from_str("limit = \"10s\"\nconcurrency = 1").unwrap();
    let start = Instant::now();
    let reach = Arc::new(Reached(Arc::clone(&fleet)));
    push_all(
        vec![job(0), job(2)],
        reach,
        Arc::new(settings),
        fleet.clone(),
    )
    .await;
    assert!(start.elapsed() < Duration::from_secs(12));
    let expected = [("r-0".to_owned(), false), ("r-2".to_owned(), true)];
    assert_eq!(*fleet.recorded.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn given_up_it_leaves_no_session_open() {
    let fleet = Arc::new(Fleet::default());
    let reach = Arc::new(Reached(Arc::clone(&fleet)));
    let jobs = (0..1000).map(job).collect();
    let all = push_all(jobs, reach, Arc::new(Push::default()), fleet.clone());
    assert!(
        tokio::time::timeout(Duration::from_secs(2), all)
            .await
            .is_err()
    );
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fleet.open.load(Ordering::Relaxed), 0);
    let so_far = fleet.recorded.lock().unwrap().len();
    sleep(Duration::from_mins(1)).await;
    assert_eq!(fleet.recorded.lock().unwrap().len(), so_far);
}
