//! How much went over each network interface since it came up, as the kernel counts it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use serde::Serialize;

/// Counters of every interface but the loopback.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Usage {
    /// Changes when the machine boots, and with it all counters start from zero.
    boot: Option<String>,
    interfaces: BTreeMap<String, Counters>,
}

/// Since the interface came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Counters {
    received_bytes: u64,
    received_packets: u64,
    sent_bytes: u64,
    sent_packets: u64,
}

/// The most that is read of a file in `/proc`, in bytes: some thousand interfaces.
const LARGEST: u64 = 1 << 20;

impl Usage {
    /// What the kernel says now; empty where it does not say.
    ///
    /// Source: `/proc/net/dev` and `/proc/sys/kernel/random/boot_id`, proc(5), random(4).
    pub(super) fn now() -> Self {
        Self {
            boot: read("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()),
            interfaces: read("/proc/net/dev").map_or_else(BTreeMap::new, |text| parse(&text)),
        }
    }
}

fn read(path: &str) -> Option<String> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(LARGEST)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

/// Two lines of headings, then `NAME: ` and sixteen numbers: eight received, eight sent.
fn parse(text: &str) -> BTreeMap<String, Counters> {
    text.lines()
        .filter_map(|line| {
            // A name may hold a colon (an alias), a number does not.
            let (name, numbers) = line.rsplit_once(':')?;
            let mut numbers = numbers.split_ascii_whitespace().map(str::parse::<u64>);
            let mut number = |skip| numbers.nth(skip)?.ok();
            let counters = Counters {
                received_bytes: number(0)?,
                received_packets: number(0)?,
                sent_bytes: number(6)?,
                sent_packets: number(0)?,
            };
            let name = name.trim();
            (name != "lo").then(|| (name.to_owned(), counters))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read_column_by_column() {
        let text = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    9036      90    0    0    0     0          0         0     9036      90    0    0    0     0       0          0
  eth0: 18446744073709551615 11 1 2 3 4 5 6 7000 13 0 0 0 0 0 0
eth0:1:1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0
broken: 1 2 3
";
        let found = parse(text);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["eth0", "eth0:1"]);
        assert_eq!(
            found["eth0"],
            Counters {
                received_bytes: u64::MAX,
                received_packets: 11,
                sent_bytes: 7000,
                sent_packets: 13,
            }
        );
        assert_eq!(found["eth0:1"].sent_bytes, 3);
    }

    #[test]
    fn this_machine_has_been_booted() {
        let usage = Usage::now();
        assert_eq!(usage.boot.map(|id| id.len()), Some(36));
    }
}
