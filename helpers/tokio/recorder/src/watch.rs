//! The future that watches a future: each poll is stamped, each wake is noted, its end is observed.
//!
//! This needs no unstable part of Tokio. A future sees its runtime through three doors, and the
//! wrapper stands in each: `poll` (somebody took the card up), the `Waker` (somebody made it ready
//! again), and `drop` (the card is thrown away, finished or not).

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::clock;
use crate::log::{self, By, Cancel, Kind, PollResult, TaskLog, Woken};

thread_local! {
    /// Who is about to wake somebody on this thread, where it is not the task being polled.
    static WAKER: Cell<Option<By>> = const { Cell::new(None) };
}

pub struct Watched<F: Future> {
    inner: Option<Pin<Box<F>>>,
    log: Option<TaskLog>,
    bell: Arc<Bell>,
    waker: Waker,
}

impl<F: Future> Watched<F> {
    pub fn new(name: impl Into<String>, kind: Kind, future: F) -> Watched<F> {
        let log = TaskLog::new(name.into(), kind);
        let rings = Mutex::new(Rings { outer: None, wakes: Vec::with_capacity(2) });
        let bell = Arc::new(Bell { task: log.id, branch: kind == Kind::Branch, rings });
        let waker = Waker::from(bell.clone());
        Watched { inner: Some(Box::pin(future)), log: Some(log), bell, waker }
    }

    pub fn id(&self) -> u32 {
        self.bell.task
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        this.bell.forward_to(context.waker());
        let inner = this.inner.as_mut().expect("a finished future is not polled again");
        let mut polling = Polling::start(this.log.as_mut().expect("it is kept until the drop"));
        let result = inner.as_mut().poll(&mut Context::from_waker(&this.waker));
        polling.result = if result.is_ready() { PollResult::Ready } else { PollResult::Pending };
        result
    }
}

impl<F: Future> Drop for Watched<F> {
    fn drop(&mut self) {
        let mut log = self.log.take().expect("a future is dropped once");
        // What the future owns goes with it: a channel's end, say, whose drop wakes somebody.
        let before = log::set_current(Some(log.id));
        if log.ended.is_none() {
            // A future that did not come to its end is cancelled, and this is the moment of it. By
            // the task that is being polled, or with the runtime; an abort was noted before.
            let by = before.map(By::Task).or(log::is_over().then_some(By::Return));
            log.cancel = by.map(|by| Cancel { at: clock::stamp(), by: Some(by) });
        }
        self.inner = None;
        log::set_current(before);
        log.ended.get_or_insert_with(clock::stamp);
        log.wakes = self.bell.take_wakes();
        log.file();
    }
}

/// One poll, from its start to its end. A panic leaves by way of `drop` too, and is what it was
/// unless somebody said otherwise.
pub struct Polling<'a> {
    log: &'a mut TaskLog,
    start: clock::Stamp,
    before: Option<u32>,
    pub result: PollResult,
}

impl Polling<'_> {
    pub fn start(log: &mut TaskLog) -> Polling<'_> {
        let before = log::set_current(Some(log.id));
        Polling { start: clock::stamp(), before, log, result: PollResult::Panic }
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let (start, end, lane) = (self.start, clock::stamp(), log::lane());
        self.log.polls.push(log::Poll { start, end, lane, result: self.result });
        if self.result != PollResult::Pending {
            self.log.ended = Some(clock::stamp());
            // The end of a task is the end of its last poll, to the nanosecond.
            self.log.ended.as_mut().unwrap().nanos = end.nanos;
        }
        if self.result == PollResult::Panic {
            self.log.error = log::take_panic();
        }
        log::set_current(self.before);
    }
}

/// The waker of one task: notes who rang and when, then rings the bell behind it.
struct Bell {
    task: u32,
    branch: bool,
    rings: Mutex<Rings>,
}

struct Rings {
    outer: Option<Waker>,
    wakes: Vec<Woken>,
}

impl Bell {
    fn forward_to(&self, outer: &Waker) {
        let mut rings = self.rings.lock().unwrap();
        if !rings.outer.as_ref().is_some_and(|known| known.will_wake(outer)) {
            rings.outer = Some(outer.clone());
        }
    }

    /// Takes the wakes out; a wake that comes later wakes nobody and is not kept.
    fn take_wakes(&self) -> Vec<Woken> {
        let mut rings = self.rings.lock().unwrap();
        rings.outer = None;
        std::mem::take(&mut rings.wakes)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut rings = self.rings.lock().unwrap();
        let Some(outer) = rings.outer.clone() else { return };
        rings.wakes.push(Woken { at: clock::stamp(), by: waking(), lane: log::lane() });
        drop(rings);
        if self.branch {
            // A branch has no card of its own: the runtime knows its parent only.
            ring(&outer, By::Task(self.task));
        } else {
            outer.wake();
        }
    }
}

/// Who wakes: the one that said so, or the task that this thread is polling. Where there is none,
/// it is the runtime's driver; and these programs have no sockets, so all it knows is timers.
fn waking() -> Option<By> {
    WAKER.with(Cell::get).or(log::current().map(By::Task)).or(Some(By::Timer(None)))
}

fn ring(outer: &Waker, by: By) {
    let before = WAKER.with(|waker| waker.replace(Some(by)));
    outer.wake_by_ref();
    WAKER.with(|waker| waker.set(before));
}

/// A future whose wakes are known to come from `by`, because they come when no task is being polled
/// that could be asked: a task's end rings after its last poll, a timer from the driver.
pub struct WokenBy<F> {
    pub inner: F,
    by: By,
    label: Option<(Arc<Label>, Waker)>,
}

struct Label {
    by: By,
    outer: Waker,
}

impl Wake for Label {
    fn wake(self: Arc<Self>) {
        ring(&self.outer, self.by);
    }
}

impl<F> WokenBy<F> {
    pub fn new(by: By, inner: F) -> WokenBy<F> {
        WokenBy { inner, by, label: None }
    }
}

impl<F: Future + Unpin> Future for WokenBy<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let outer = context.waker();
        if !this.label.as_ref().is_some_and(|(label, _)| label.outer.will_wake(outer)) {
            let label = Arc::new(Label { by: this.by, outer: outer.clone() });
            this.label = Some((label.clone(), Waker::from(label)));
        }
        let (_, waker) = this.label.as_ref().unwrap();
        Pin::new(&mut this.inner).poll(&mut Context::from_waker(waker))
    }
}
