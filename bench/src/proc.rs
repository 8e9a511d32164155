//! What the kernel knows of processes: CPU time and memory, from /proc. On another system than Linux there is nothing to read.
use std::{collections::HashMap, fs, time::Duration};

/// The kernel counts CPU time in hundredths of a second for every program that reads /proc, whatever it uses itself.
const TICK: Duration = Duration::from_millis(10);

struct Stat {
    parent: u32,
    name: String,
    /// User and system time of the process, and of children that have ended and were waited for.
    ticks: u64,
}

/// CPU time of the process and its descendants, those that have ended included.
pub fn cpu_of_tree(root: u32) -> Duration {
    let all = processes();
    let in_tree = |mut pid: u32| {
        while pid != root {
            match all.get(&pid) {
                Some(stat) => pid = stat.parent,
                None => return false,
            }
        }
        true
    };
    let ticks: u64 = all.iter().filter(|(pid, _)| in_tree(**pid)).map(|(_, stat)| stat.ticks).sum();
    times(ticks)
}

/// CPU time of the process alone, with the children that it has waited for.
pub fn cpu_of(pid: u32) -> Duration {
    times(stat(pid).map_or(0, |stat| stat.ticks))
}

/// CPU time that all processors together have spent on something, since the machine started.
pub fn cpu_of_machine() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let numbers = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let numbers: Vec<u64> = numbers.map_while(|number| number.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq
    times([0, 1, 2, 5, 6].iter().filter_map(|at| numbers.get(*at)).sum())
}

/// The parent of a process with this name.
pub fn parent_of(pid: u32, name: &str) -> Option<u32> {
    stat(pid).filter(|stat| stat.name == name).map(|stat| stat.parent)
}

/// Memory in MB, now and at the highest.
pub fn memory_mb(pid: u32) -> Option<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    Some((kilobytes("VmRSS:")? / 1024.0, kilobytes("VmHWM:")? / 1024.0))
}

fn times(ticks: u64) -> Duration {
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

fn processes() -> HashMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?))).collect()
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `PID (NAME) STATE PPID …`, where the name may hold spaces and parentheses.
fn parse(line: &str) -> Option<Stat> {
    let (before, after) = line.rsplit_once(") ")?;
    let name = before.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = after.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // Fields 14 to 17 of the manual; the state is field 3.
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, name, ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_moves_no_field() {
        let line = "42 (a) b (c) S 7 42 42 0 -1 4 1 2 3 4 10 20 300 4000 20 0 1";
        let stat = parse(line).unwrap();
        assert_eq!((stat.parent, stat.name.as_str(), stat.ticks), (7, "a) b (c", 4330));
        assert!(parse("nonsense").is_none());
    }

    #[test]
    fn this_process_has_memory_and_is_in_the_tree_of_its_parent() {
        let own = std::process::id();
        let (now, peak) = memory_mb(own).unwrap();
        assert!(now > 0.5 && peak >= now, "{now} {peak}");
        let mine = stat(own).unwrap();
        assert!(parent_of(own, &mine.name).is_some() && parent_of(own, "another").is_none());
        assert!(cpu_of_tree(mine.parent) >= cpu_of_tree(own));
        assert!(cpu_of_machine() > Duration::ZERO);
    }
}
