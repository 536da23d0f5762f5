//! What each process costs: CPU from `/proc/<pid>/stat`, memory from `/proc/<pid>/status`. Empty where there is no `/proc`.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::time::{Duration, Instant};

/// Clock ticks a second in `/proc`: fixed by the kernel's interface to programs.
const TICKS: f64 = 100.0;

/// A part of what is measured.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) pid: u32,
    /// Whether its child processes count: each connection to Postgres is one.
    pub(crate) children: bool,
}

impl Part {
    pub(crate) const fn new(name: &'static str, pid: u32) -> Self {
        Self { name, pid, children: false }
    }

    /// The generator itself.
    pub(crate) fn ourselves() -> Self {
        Self::new("generator", std::process::id())
    }
}

/// CPU time used until now.
pub(crate) struct Reading {
    at: Instant,
    parts: Vec<(&'static str, u64)>,
    machine: u64,
}

impl Reading {
    pub(crate) fn take(parts: &[Part]) -> Self {
        let of = |part: &Part| {
            let own = Stat::read(part.pid);
            let ticks = own.as_ref().map_or(0, |stat| stat.own);
            let of_children = own.filter(|_| part.children).map_or(0, |stat| stat.ended_children + children(part.pid));
            (part.name, ticks + of_children)
        };
        Self { at: Instant::now(), parts: parts.iter().map(of).collect(), machine: machine() }
    }

    /// The share of one core that each part took since `before`, in percent, and what everything else on the machine took.
    pub(crate) fn since(&self, before: &Self) -> BTreeMap<String, f64> {
        let elapsed = (self.at - before.at).max(Duration::from_millis(1)).as_secs_f64();
        let percent = |ticks: u64| ticks as f64 / TICKS / elapsed * 100.0;
        let mut shares = BTreeMap::new();
        let mut ours = 0;
        for ((name, after), (_, before)) in self.parts.iter().zip(&before.parts) {
            let ticks = after.saturating_sub(*before);
            ours += ticks;
            *shares.entry((*name).to_owned()).or_default() += percent(ticks);
        }
        if self.machine > 0 {
            let other = self.machine.saturating_sub(before.machine).saturating_sub(ours);
            shares.insert("others".to_owned(), percent(other));
        }
        shares
    }
}

/// Ticks.
struct Stat {
    parent: u32,
    own: u64,
    ended_children: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name, in brackets, may hold anything: fields are counted after it.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            ended_children: ticks(13)? + ticks(14)?,
        })
    }
}

/// Of the children that live.
fn children(parent: u32) -> u64 {
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(Stat::read).filter(|stat| stat.parent == parent).map(|stat| stat.own).sum()
}

/// Ticks that the whole machine was busy.
fn machine() -> u64 {
    let text = read_to_string("/proc/stat").unwrap_or_default();
    let mut fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let mut next = || fields.next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    let (user, nice, system, _idle, _waiting) = (next(), next(), next(), next(), next());
    user + nice + system + next() + next() + next()
}

/// Resident memory in bytes.
pub(crate) fn resident(pid: u32) -> Option<u64> {
    let text = read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Waits until what is measured has come to rest: what one row left to do would cost the next.
pub(crate) async fn rest(parts: &[Part]) {
    const STEP: Duration = Duration::from_millis(250);
    for _ in 0..40 {
        let before = Reading::take(parts);
        tokio::time::sleep(STEP).await;
        let busy = Reading::take(parts).since(&before);
        if busy.iter().filter(|(name, _)| *name != "others").all(|(_, percent)| *percent < 8.0) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = Stat::parse("7 (a) b (c) S 3 7 7 0 -1 0 1 2 3 4 100 20 5 6 20 0 1 0 9 9 9").unwrap();
        assert_eq!((stat.parent, stat.own, stat.ended_children), (3, 120, 11));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn we_ourselves_use_memory_and_time() {
        let pid = std::process::id();
        assert!(resident(pid).unwrap() > 100_000);
        assert!(Stat::read(pid).is_some());
    }
}
