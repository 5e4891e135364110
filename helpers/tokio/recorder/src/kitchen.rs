//! What the programs use: Tokio's own `spawn`, `spawn_blocking`, `sleep` and `yield_now`, watched.
//!
//! Everything else in the programs (`timeout`, `select!`, channels) is Tokio's, as it is.

use std::future::Future;
use std::pin::{pin, Pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};

use crate::clock;
use crate::log::{self, By, Kind, PollResult, TaskLog};
use crate::watch::{Polling, Watched, WokenBy};

pub use crate::log::mark;
pub use crate::work::{blocking_sleep, busy};

/// `tokio::spawn`, with a name.
pub fn spawn<F>(name: impl Into<String>, future: F) -> Handle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let watched = Watched::new(name, Kind::Task, future);
    Handle::new(watched.id(), tokio::spawn(watched))
}

/// `tokio::task::spawn_blocking`, with a name.
pub fn spawn_blocking<T, F>(name: impl Into<String>, work: F) -> Handle<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let mut task = TaskLog::new(name.into(), Kind::Blocking);
    let id = task.id;
    let watched = move || {
        let mut polling = Polling::start(&mut task);
        let value = work();
        polling.result = PollResult::Ready;
        drop(polling);
        task.file();
        value
    };
    Handle::new(id, tokio::task::spawn_blocking(watched))
}

/// A future that is polled inside its parent, with a name of its own: what `timeout` wraps, an arm
/// of `select!`. It is no task, and never runs beside its parent.
pub fn branch<F: Future>(name: impl Into<String>, future: F) -> Watched<F> {
    Watched::new(name, Kind::Branch, future)
}

/// `tokio::task::yield_now`: ready again once the queue is empty, so that others get their turn.
pub async fn yield_now() {
    let myself = log::current().expect("a task that yields is being polled");
    WokenBy::new(By::Task(myself), pin!(tokio::task::yield_now())).await;
}

/// `tokio::time::sleep`, which also tells the log when it is due: a chef who is held sees it late.
/// The time counts from the first poll.
pub async fn sleep(length: Duration) {
    let timer = pin!(tokio::time::sleep(length));
    let due = clock::nanos_at(timer.deadline());
    WokenBy::new(By::Timer(Some(due)), timer).await;
}

/// `Duration::from_millis`, as short as it is read.
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Tokio's `JoinHandle`: awaited for the task's result, and dropped without harm to the task.
pub struct Handle<T> {
    task: u32,
    join: WokenBy<JoinHandle<T>>,
}

impl<T> Handle<T> {
    fn new(task: u32, join: JoinHandle<T>) -> Handle<T> {
        Handle { task, join: WokenBy::new(By::Task(task), join) }
    }

    /// `JoinHandle::abort`: the task is dropped where it waits, as soon as its worker gets to it.
    pub fn abort(&self) {
        log::abort(self.task);
        self.join.inner.abort();
    }
}

impl<T> Future for Handle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.join).poll(context)
    }
}
