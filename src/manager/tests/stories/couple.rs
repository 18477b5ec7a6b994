//! Two managers that serve from one database, each of which can be killed, and what both together
//! have said about whose turn it is to forward.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use manager::store::Store;

use crate::program::{Program, Server};

/// What a manager says when it begins to forward.
const TURN: &str = "this manager forwards what is stored";
/// Longer than any lease lasts.
const LIMIT: Duration = Duration::from_mins(3);

/// Two managers, of which each may run or not.
pub(crate) struct Couple {
    pub(crate) programs: [Program; 2],
    servers: [Option<Server>; 2],
    /// What they had said before they were killed: whose turns those were, by their numbers.
    turns: Vec<(u64, usize)>,
}

impl Couple {
    /// Starts both, the first one first; they listen on these addresses. `PLACE` in `more` is a folder of each one's own.
    pub(crate) fn start(url: &str, listen: [SocketAddr; 2], more: &str) -> Self {
        let mut shared = None;
        let programs = listen.map(|address| {
            Program::written(|place| {
                let key = shared.get_or_insert_with(|| format!("{place}/sealing.key"));
                format!(
                    "[http]\nlisten = \"{address}\"\ninsecure = true\n\
                     [database]\nurl = \"{url}\"\n[secrets]\nkey_file = \"{key}\"\n\
                     [state]\ndirectory = \"{place}\"\n{more}"
                )
                .replace("PLACE", place)
            })
        });
        let mut couple = Self {
            programs,
            servers: [None, None],
            turns: Vec::new(),
        };
        couple.start_again(0);
        couple.next_turn(0);
        couple.start_again(1);
        couple
    }

    /// The database, as a third one sees it.
    pub(crate) async fn store(&self, url: &str) -> Store {
        Store::open(url, &self.programs[0].path("sealing.key"))
            .await
            .unwrap()
    }

    /// What both keep their routers' keys sealed with, and a folder for the test.
    pub(crate) fn folder(&self) -> PathBuf {
        self.programs[0].path("")
    }

    pub(crate) fn start_again(&mut self, which: usize) {
        assert!(self.servers[which].is_none(), "it runs");
        self.servers[which] = Some(self.programs[which].serve());
    }

    /// kill -9.
    pub(crate) fn kill(&mut self, which: usize) {
        self.listen();
        self.servers[which] = None;
    }

    pub(crate) fn server(&mut self, which: usize) -> &mut Server {
        self.servers[which].as_mut().expect("it runs")
    }

    /// Every turn to forward so far: its number, and whose it was.
    pub(crate) fn turns(&mut self) -> &[(u64, usize)] {
        self.listen();
        &self.turns
    }

    /// Waits for a turn after this one; whose it is, and its number.
    #[track_caller]
    pub(crate) fn next_turn(&mut self, after: u64) -> (u64, usize) {
        let (couple, start) = (self, Instant::now());
        loop {
            if let Some(turn) = couple.turns().last()
                && turn.0 > after
            {
                return *turn;
            }
            assert!(
                start.elapsed() < LIMIT,
                "nobody forwards: {}",
                couple.said()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn listen(&mut self) {
        for (which, server) in self.servers.iter_mut().enumerate() {
            let Some(server) = server else { continue };
            let told = server.heard().iter().filter(|line| line.contains(TURN));
            for line in told {
                let number = line.split("epoch=").nth(1).unwrap();
                let turn = (number.trim().parse().unwrap(), which);
                if !self.turns.contains(&turn) {
                    self.turns.push(turn);
                }
            }
        }
        self.turns.sort_unstable();
        assert!(
            self.turns.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "two had the same turn: {:?}",
            self.turns
        );
    }

    /// What there is to know when a story fails.
    pub(crate) fn said(&mut self) -> String {
        let logs = self.servers.iter_mut().map(|server| match server {
            Some(server) => server.heard().join("\n"),
            None => "it is dead".to_owned(),
        });
        logs.collect::<Vec<_>>().join("\n----\n")
    }
}

/// Looks again and again, for longer than any lease lasts.
pub(crate) async fn in_the_end<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(start.elapsed() < LIMIT, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Until every sink has all that is stored.
pub(crate) async fn until_all_is_forwarded(store: &Store) {
    in_the_end("all is forwarded", async || {
        // Nothing is left that waits for a number, or for a sink.
        let counts = store.counts().await.ok()?;
        (counts.waiting == 0 && counts.outgoing == 0).then_some(())
    })
    .await;
}

/// The section of a sink that posts each alert by itself to this port, where somebody counts.
pub(crate) fn counted_at(port: u16) -> String {
    format!(
        "[sink.count.http]\nurl = \"http://127.0.0.1:{port}/told\"\ncompress = \"none\"\n\
         timeout = \"5s\"\nflood = false\n"
    )
}

/// How often each is there.
pub(crate) fn times(ids: &[String]) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for id in ids {
        *times.entry(id.clone()).or_default() += 1;
    }
    times
}
