//! What a piece of work costs: time, processor time, and what was read from the device.

use serde::{Deserialize, Serialize};
use std::time::Instant;
use surgdb::Result;

/// What a piece of work cost this process, all of its threads together.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Wall time.
    pub seconds: f64,
    /// Processor time, of user and system.
    pub cpu_seconds: f64,
    /// Bytes that the system fetched from the device for it; none where it does not say.
    pub device_bytes: Option<u64>,
}

/// Does the work and says what it cost.
///
/// # Errors
/// Those of the work.
pub fn cost<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Cost)> {
    let (device, cpu, start) = (device_bytes(), cpu_seconds(), Instant::now());
    let done = work()?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu_seconds = cpu_seconds() - cpu;
    let device_bytes = device_bytes().zip(device).map(|(after, before)| after.saturating_sub(before));
    Ok((done, Cost { seconds, cpu_seconds, device_bytes }))
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Bytes that this process has made the system fetch from a device, read-ahead included.
fn device_bytes() -> Option<u64> {
    proc_field("/proc/self/io", "read_bytes:")
}

/// Bytes of memory that belong to this process alone: not files, not what is shared.
pub fn anonymous_bytes() -> Option<u64> {
    proc_field("/proc/self/status", "RssAnon:").map(|kilobytes| kilobytes * 1024)
}

/// The number behind a name in a file of `/proc`.
fn proc_field(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    match (values.get(values.len() / 2), values.get(values.len().saturating_sub(1) / 2)) {
        (Some(high), Some(low)) => (high + low) / 2.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!([median([]), median([3.0]), median([9.0, 1.0, 2.0]), median([4.0, 2.0])], [0.0, 3.0, 2.0, 3.0]);
    }

    #[test]
    fn work_costs_time() {
        let busy = || Ok((0..1_000_000u64).fold(0, |sum, x| std::hint::black_box(sum ^ x)));
        let (_, cost) = cost(busy).unwrap();
        assert!(cost.seconds > 0.0 && cost.cpu_seconds > 0.0);
    }
}
