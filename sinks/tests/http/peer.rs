//! A peer that answers each request as a test says, octet by octet, and keeps what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    requests: Requests,
    task: JoinHandle<()>,
}

impl Peer {
    /// Answers with what `answer` makes of the request's number, from 0, and its head; then closes.
    pub(crate) async fn answering(
        answer: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Requests::default();
        let kept = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some((head, body)) = request(&mut stream).await else {
                    continue;
                };
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push((head.clone(), body));
                    kept.len() - 1
                };
                let _ = stream.write_all(&answer(number, &head)).await;
                let _ = stream.shutdown().await;
            }
        });
        Self {
            address,
            requests,
            task,
        }
    }

    /// Answers everything with this text.
    pub(crate) async fn always(answer: &'static str) -> Self {
        Self::answering(move |_, _| answer.as_bytes().to_vec()).await
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|(head, _)| head.clone()).collect()
    }

    /// The bodies of the requests so far.
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|(_, body)| body.clone()).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one request; `None` when it ends before it is whole.
pub(crate) async fn request(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> Option<(String, Vec<u8>)> {
    let mut all = Vec::new();
    loop {
        let end = all.windows(4).position(|part| part == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if all.len() - end - 4 >= length {
                let head = String::from_utf8_lossy(&all[..end]).into_owned();
                return Some((head, all[end + 4..].to_vec()));
            }
        }
        if stream.read_buf(&mut all).await.ok()? == 0 {
            return None;
        }
    }
}
