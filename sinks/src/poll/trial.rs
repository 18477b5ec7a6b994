//! What the contract kit needs to try the poll sink: a log in a folder. It calls nobody.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::kit;

#[derive(Debug)]
pub(super) struct Trial;

pub(super) const TRIAL: Trial = Trial;

struct Receiver(PathBuf);

#[async_trait]
impl kit::Trial for Trial {
    fn section(&self, _: SocketAddr, _: &Path) -> Option<String> {
        None
    }

    async fn receiver(&self, folder: &Path) -> Box<dyn kit::Receiver> {
        Box::new(Receiver(folder.join("routerServiceMonitor.log")))
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[]
    }

    fn tells_once(&self) -> bool {
        true
    }
}

#[async_trait]
impl kit::Receiver for Receiver {
    fn section(&self) -> String {
        format!("log = {:?}\ninfo = true", self.0)
    }

    async fn heard(&mut self) -> Vec<u8> {
        std::fs::read(&self.0).unwrap()
    }
}
