//! A sink that waits for a file which its section names: one that is away, is no longer what it has
//! to be, or may be read by others. The rest goes on meanwhile, the sink's status says why it does
//! not, and once the file is mended the sink works without a word from anybody.

use std::pin::Pin;
use std::time::Duration;

use contract::{DeliverError, Event, Sink};
use tokio::task::JoinHandle;

use super::sink::{SinkSpec, Unmade};

/// How soon it is tried first; then the channel's back-off decides.
const SOON: Duration = Duration::from_secs(1);

type Making = JoinHandle<Result<Box<dyn Sink>, Unmade>>;
type Answer<'future> = Pin<Box<dyn Future<Output = Result<(), DeliverError>> + Send + 'future>>;

/// Makes the sink when it is to do something.
pub(crate) struct Waiting {
    spec: SinkSpec,
    sink: Option<Box<dyn Sink>>,
    /// A try that goes on although whoever asked has gone: disks can hang.
    making: Option<Making>,
    /// What the sink is reminded of once it is there.
    open: Vec<Event>,
}

impl Waiting {
    pub(crate) const fn new(spec: SinkSpec) -> Self {
        Self {
            spec,
            sink: None,
            making: None,
            open: Vec::new(),
        }
    }

    async fn sink(&mut self) -> Result<&mut dyn Sink, DeliverError> {
        let sink = match self.sink.take() {
            Some(sink) => sink,
            None => self.make().await?,
        };
        Ok(self.sink.insert(sink).as_mut())
    }

    async fn make(&mut self) -> Result<Box<dyn Sink>, DeliverError> {
        let making = self.making.get_or_insert_with(|| {
            let spec = self.spec.clone();
            tokio::task::spawn_blocking(move || spec.make())
        });
        let made = making.await;
        self.making = None;
        let later = |cause| DeliverError::Later { cause, wait: None };
        let mut sink = made
            .map_err(|problem| later(problem.to_string()))?
            .map_err(|unmade| match unmade {
                Unmade::Text(problem) | Unmade::File(problem) => later(problem.to_string()),
            })?;
        sink.recall(&std::mem::take(&mut self.open));
        Ok(sink)
    }
}

// What `#[async_trait]` makes of the trait's methods.
impl Sink for Waiting {
    fn deliver<'sink, 'batch, 'future>(&'sink mut self, batch: &'batch [Event]) -> Answer<'future>
    where
        'sink: 'future,
        'batch: 'future,
        Self: 'future,
    {
        Box::pin(async move { self.sink().await?.deliver(batch).await })
    }

    fn gathers_for(&self) -> Duration {
        self.sink
            .as_ref()
            .map_or(Duration::ZERO, |sink| sink.gathers_for())
    }

    fn refreshes_every(&self) -> Option<Duration> {
        self.sink
            .as_ref()
            .map_or(Some(SOON), |sink| sink.refreshes_every())
    }

    fn refresh<'sink, 'future>(&'sink mut self) -> Answer<'future>
    where
        'sink: 'future,
        Self: 'future,
    {
        Box::pin(async move { self.sink().await?.refresh().await })
    }

    fn confirms(&self) -> bool {
        self.sink.as_ref().is_none_or(|sink| sink.confirms())
    }

    fn recall(&mut self, open: &[Event]) {
        match &mut self.sink {
            Some(sink) => sink.recall(open),
            None => self.open = open.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests;
