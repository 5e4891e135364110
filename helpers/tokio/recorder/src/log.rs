//! What is kept while a program runs: raw records per task, handed in when the task is over.
//!
//! Nothing is formatted before the run has ended, so that writing down changes little.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::Mutex;

use crate::clock::{self, Stamp};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A card of its own: what `spawn` gets, and main's root future.
    Task,
    /// A future that is polled inside its parent: what `timeout` wraps, an arm of `select!`.
    Branch,
    /// A closure on a thread of the blocking pool.
    Blocking,
}

/// Who made a task ready again.
#[derive(Clone, Copy)]
pub enum By {
    Task(u32),
    /// The runtime's driver, for a timer that was due at this nanosecond, where that is known.
    Timer(Option<u64>),
    /// The runtime, which is dropped when main has returned, and all its tasks with it.
    Return,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PollResult {
    Pending,
    Ready,
    Panic,
}

pub struct Poll {
    pub start: Stamp,
    pub end: Stamp,
    pub lane: u16,
    pub result: PollResult,
}

pub struct Woken {
    pub at: Stamp,
    pub by: Option<By>,
    pub lane: u16,
}

/// The whole life of one task.
pub struct TaskLog {
    pub id: u32,
    pub name: String,
    pub kind: Kind,
    pub parent: Option<u32>,
    pub spawned: Stamp,
    pub polls: Vec<Poll>,
    pub wakes: Vec<Woken>,
    pub cancel: Option<Cancel>,
    pub ended: Option<Stamp>,
    /// What a panic said.
    pub error: Option<String>,
}

/// Somebody asked a task to stop, or threw a branch away.
pub struct Cancel {
    pub at: Stamp,
    pub by: Option<By>,
}

pub struct Mark {
    pub at: Stamp,
    pub task: Option<u32>,
    pub text: String,
}

#[derive(Default)]
pub struct Notes {
    pub tasks: Vec<TaskLog>,
    pub marks: Vec<Mark>,
    /// `abort` was called: on this task.
    pub aborts: Vec<(u32, Cancel)>,
    /// Names of the threads, in the order in which they were first seen; a lane is an index here.
    pub lanes: Vec<String>,
}

static NOTES: Mutex<Notes> =
    Mutex::new(Notes { tasks: vec![], marks: vec![], aborts: vec![], lanes: vec![] });
static NEXT_ID: AtomicU32 = AtomicU32::new(0);
static OVER: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// What the panic said that this thread is unwinding from.
    static PANIC: Cell<Option<String>> = const { Cell::new(None) };
    /// The task that this thread is polling.
    static CURRENT: Cell<Option<u32>> = const { Cell::new(None) };
    static LANE: u16 = new_lane();
}

impl TaskLog {
    /// A task of the one that is being polled, with the next free number.
    pub fn new(name: String, kind: Kind) -> TaskLog {
        TaskLog {
            id: NEXT_ID.fetch_add(1, Relaxed),
            name,
            kind,
            parent: current(),
            spawned: clock::stamp(),
            polls: Vec::with_capacity(2),
            wakes: Vec::new(),
            cancel: None,
            ended: None,
            error: None,
        }
    }

    pub fn file(self) {
        NOTES.lock().unwrap().tasks.push(self);
    }
}

pub fn current() -> Option<u32> {
    CURRENT.with(Cell::get)
}

/// Says which task this thread is polling; gives back which one it was before.
pub fn set_current(task: Option<u32>) -> Option<u32> {
    CURRENT.with(|current| current.replace(task))
}

/// Says that main has returned: from here on, the runtime throws away what is left.
pub fn set_over() {
    OVER.store(true, Relaxed);
}

pub fn is_over() -> bool {
    OVER.load(Relaxed)
}

pub fn lane() -> u16 {
    LANE.with(|lane| *lane)
}

fn new_lane() -> u16 {
    let name = std::thread::current().name().unwrap_or("unnamed").to_owned();
    let mut notes = NOTES.lock().unwrap();
    notes.lanes.push(name);
    (notes.lanes.len() - 1) as u16
}

/// From here on a panic is kept for the task that panicked, and not printed.
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|info| {
        let said = info.payload().downcast_ref::<&str>().unwrap_or(&"");
        PANIC.with(|panic| panic.set(Some(format!("panic: {said}"))));
    }));
}

pub fn take_panic() -> Option<String> {
    PANIC.with(Cell::take)
}

/// Leaves a word at this moment of the run.
pub fn mark(text: impl Into<String>) {
    let mark = Mark { at: clock::stamp(), task: current(), text: text.into() };
    NOTES.lock().unwrap().marks.push(mark);
}

/// Notes that the task that is being polled asks `task` to stop.
pub fn abort(task: u32) {
    let cancel = Cancel { at: clock::stamp(), by: current().map(By::Task) };
    NOTES.lock().unwrap().aborts.push((task, cancel));
}

/// All that was written down. The runtime is gone by now, so nothing can be added.
pub fn take() -> Notes {
    std::mem::take(&mut *NOTES.lock().unwrap())
}
