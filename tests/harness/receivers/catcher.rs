//! A webhook without TLS that takes whatever is posted and remembers it before it answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use contract::Event;
use serde_json::Value;

use crate::harness::{Router, Server};

/// Remembers what it is told, also while it is away.
pub(crate) struct Catcher<'router> {
    router: &'router Router,
    port: u16,
    bodies: Arc<Mutex<Vec<String>>>,
    answer: Arc<dyn Fn(&str) -> String + Send + Sync>,
    server: Option<Server>,
}

impl<'router> Catcher<'router> {
    /// Answers 204.
    #[track_caller]
    pub(crate) fn start(router: &'router Router, port: u16) -> Self {
        Self::answering(router, port, |_| "204 No Content\r\n\r\n".to_owned())
    }

    /// Answers what `answer` makes of a body: a status and all that follows it.
    #[track_caller]
    pub(crate) fn answering(
        router: &'router Router,
        port: u16,
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        let mut catcher = Self {
            router,
            port,
            bodies: Arc::default(),
            answer: Arc::new(answer),
            server: None,
        };
        catcher.come_back();
        catcher
    }

    pub(crate) fn go_away(&mut self) {
        self.server = None;
    }

    #[track_caller]
    pub(crate) fn come_back(&mut self) {
        let (bodies, answer) = (Arc::clone(&self.bodies), Arc::clone(&self.answer));
        let serve = move |stream: TcpStream| {
            // A request whose sender was killed is none.
            if let Some(body) = read(&stream) {
                let answer = answer(&body);
                bodies.lock().unwrap().push(body);
                let _ = write!(&stream, "HTTP/1.1 {answer}");
            }
        };
        self.server = Some(Server::start(self.router, self.port, serve));
    }

    /// The bodies so far.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    /// The events so far, in the order in which they came.
    pub(crate) fn events(&self) -> Vec<Event> {
        let bodies = self.bodies();
        let batches = bodies
            .iter()
            .map(|body| serde_json::from_str::<Vec<Value>>(body).unwrap());
        batches
            .flatten()
            .map(|event| serde_json::from_value(event["data"].clone()).unwrap())
            .collect()
    }

    /// Their ids.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.events().into_iter().map(|event| event.id).collect()
    }
}

/// The body of a request, if it comes as a whole.
fn read(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}
