//! What the kernel tells of a process: the processor time that it took, and its memory.

use std::time::Duration;

use anyhow::{Context, Result};

/// How many ticks a second of processor time has in `/proc`: 100 on every Linux that there is, whatever its kernel runs at.
const TICKS_PER_SECOND: u32 = 100;

/// The processor time that a process has taken so far, of all its threads, in user and kernel mode.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| format!("{path} can't be read"))?;
    parse_cpu_time(&stat).with_context(|| format!("{path} is in another form"))
}

/// `utime` and `stime`, the 14th and 15th field. The second is a name in parentheses, which may hold anything.
fn parse_cpu_time(stat: &str) -> Option<Duration> {
    let (_, behind_name) = stat.rsplit_once(") ")?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let ticks: u32 = fields.next()?.parse::<u32>().ok()?.checked_add(fields.next()?.parse().ok()?)?;
    Some(Duration::from_secs(ticks.into()) / TICKS_PER_SECOND)
}

/// What a process has resident, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("{path} can't be read"))?;
    parse_resident_bytes(&status).with_context(|| format!("{path} is in another form"))
}

fn parse_resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_user_and_kernel() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 3 0 100 1000 200";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_secs(3)));
        assert_eq!(parse_cpu_time("42 (x"), None);
    }

    #[test]
    fn memory_is_what_is_resident() {
        assert_eq!(parse_resident_bytes("VmSize:\t 9 kB\nVmRSS:\t   20480 kB\n"), Some(20 << 20));
        assert_eq!(parse_resident_bytes("VmSize:\t 9 kB\n"), None);
    }

    #[test]
    fn this_process_is_accounted_for() {
        let pid = std::process::id();
        assert!(cpu_time(pid).is_ok() && resident_bytes(pid).unwrap() > 0);
    }
}
