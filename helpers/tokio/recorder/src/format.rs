//! Turns what was kept into JSON Lines: a line `meta`, then the events in the order of time.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::clock::Stamp;
use crate::log::{By, Cancel, Kind, Mark, Notes, PollResult, TaskLog, Woken};
use crate::runtime::Flavor;

/// One recording as text. Times are seconds from the start of the run; `unit` is the nanoseconds
/// that they are cut to: 1, or 1000 where a recording would be too big otherwise.
pub fn recording(scenario: &str, flavor: Flavor, notes: &Notes, unit: u64) -> String {
    let mut events: Vec<(Stamp, String)> = Vec::new();
    let lines = Lines { lanes: &notes.lanes, unit };
    for task in &notes.tasks {
        lines.task(task, &mut events);
    }
    events.extend(notes.aborts.iter().map(|(id, abort)| (abort.at, lines.cancel(*id, abort))));
    events.extend(notes.marks.iter().map(|mark| (mark.at, lines.mark(mark))));
    events.sort_by_key(|(at, _)| *at);
    let mut text = meta(scenario, flavor, events.len());
    for (_, event) in events {
        text.push_str(&event);
        text.push('\n');
    }
    text
}

fn meta(scenario: &str, flavor: Flavor, events: usize) -> String {
    let runtime = if flavor.workers() == 1 { "current_thread" } else { "multi_thread" };
    let clock = if flavor.paused() { "virtual" } else { "real" };
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    format!(
        "{{\"event\":\"meta\",\"format\":\"task-cards-trace\",\"version\":1,\"source\":\"tokio\",\
         \"scenario\":\"{scenario}\",\"runtime\":\"{runtime}\",\"workers\":{},\"clock\":\"{clock}\",\
         \"tokio\":\"{}\",\"rustc\":\"{}\",\"date\":\"{}\",\"cores\":{cores},\"events\":{events}}}\n",
        flavor.workers(),
        env!("RECORDER_TOKIO"),
        env!("RECORDER_RUSTC"),
        today(),
    )
}

struct Lines<'a> {
    lanes: &'a [String],
    unit: u64,
}

impl Lines<'_> {
    /// A poll stands where it starts, so that what happened in it follows it.
    fn task(&self, task: &TaskLog, events: &mut Vec<(Stamp, String)>) {
        events.push((task.spawned, self.spawn(task)));
        events.extend(task.wakes.iter().map(|wake| (wake.at, self.wake(task.id, wake))));
        for poll in &task.polls {
            let (start, end) = (self.time(poll.start), self.time(poll.end));
            let line = format!(
                "{{\"event\":\"poll\",\"task\":{},\"start\":{start},\"end\":{end},\
                 \"thread\":{},\"result\":\"{}\"}}",
                task.id,
                self.lane(poll.lane),
                match poll.result {
                    PollResult::Pending => "pending",
                    PollResult::Ready => "ready",
                    PollResult::Panic => "panic",
                }
            );
            events.push((poll.start, line));
        }
        events.extend(task.cancel.iter().map(|cancel| (cancel.at, self.cancel(task.id, cancel))));
        if let Some(ended) = task.ended {
            events.push((ended, self.end(task, ended)));
        }
    }

    fn spawn(&self, task: &TaskLog) -> String {
        let kind = match task.kind {
            Kind::Task => "task",
            Kind::Branch => "branch",
            Kind::Blocking => "blocking",
        };
        let (name, at) = (quoted(&task.name), self.time(task.spawned));
        format!(
            "{{\"event\":\"spawn\",\"task\":{},\"name\":{name},\"parent\":{},\"t\":{at},\
             \"kind\":\"{kind}\"}}",
            task.id,
            or_null(task.parent),
        )
    }

    fn wake(&self, task: u32, wake: &Woken) -> String {
        let (at, by, thread) = (self.time(wake.at), said(wake.by), self.lane(wake.lane));
        let due = match wake.by {
            Some(By::Timer(Some(due))) if due != wake.at.nanos => {
                format!(",\"due\":{}", self.seconds(due))
            }
            _ => String::new(),
        };
        format!(
            "{{\"event\":\"wake\",\"task\":{task},\"t\":{at},\"by\":{by}{due},\"thread\":{thread}}}"
        )
    }

    fn cancel(&self, task: u32, cancel: &Cancel) -> String {
        let (at, by) = (self.time(cancel.at), said(cancel.by));
        format!("{{\"event\":\"cancel\",\"task\":{task},\"t\":{at},\"by\":{by}}}")
    }

    fn end(&self, task: &TaskLog, ended: Stamp) -> String {
        let outcome = match task.polls.last().map(|poll| poll.result) {
            Some(PollResult::Ready) => "returned",
            Some(PollResult::Panic) => "raised",
            _ => "cancelled",
        };
        let (id, at) = (task.id, self.time(ended));
        let error = task
            .error
            .as_ref()
            .map_or(String::new(), |said| format!(",\"error\":{}", quoted(said)));
        format!("{{\"event\":\"end\",\"task\":{id},\"t\":{at},\"outcome\":\"{outcome}\"{error}}}")
    }

    fn mark(&self, mark: &Mark) -> String {
        let (at, task, text) = (self.time(mark.at), or_null(mark.task), quoted(&mark.text));
        format!("{{\"event\":\"mark\",\"t\":{at},\"task\":{task},\"text\":{text}}}")
    }

    fn lane(&self, lane: u16) -> String {
        quoted(&self.lanes[lane as usize])
    }

    fn time(&self, at: Stamp) -> String {
        self.seconds(at.nanos)
    }

    /// `1_500_000` -> "0.0015"
    fn seconds(&self, nanos: u64) -> String {
        let nanos = nanos / self.unit * self.unit;
        let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
        let text = text.trim_end_matches('0');
        if text.ends_with('.') {
            format!("{text}0")
        } else {
            text.to_owned()
        }
    }
}

fn said(by: Option<By>) -> String {
    match by {
        Some(By::Task(id)) => id.to_string(),
        Some(By::Timer(_)) => "\"timer\"".to_owned(),
        Some(By::Return) => "\"main's return\"".to_owned(),
        None => "null".to_owned(),
    }
}

fn or_null(id: Option<u32>) -> String {
    id.map_or("null".to_owned(), |id| id.to_string())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter < ' ' => write!(quoted, "\\u{:04x}", letter as u32).unwrap(),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// Today in UTC as "2026-11-24": the days since 1970, in Gregorian years that start in March, so
/// that the day which comes and goes is a year's last.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, after) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + after)
}
