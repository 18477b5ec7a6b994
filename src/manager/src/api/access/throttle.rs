//! How long whoever guessed wrong has to wait: longer each time, for this user from this address,
//! and for the address whatever users it names. Pure: the time is given. Bounded: of too many, the
//! one that waits least is forgotten.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// The wrong guesses that cost nothing: of one user, and of an address in all.
const FREE: u32 = 3;
const FREE_OF_ADDRESS: u32 = 20;
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(15);
/// After so long without a wrong guess all is forgotten.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// How many are remembered.
const MOST: usize = 10_000;
/// The longest name that is told apart, in bytes.
const LONGEST_NAME: usize = 255;

/// Who guessed wrong.
#[derive(Debug, Default)]
pub struct Throttle {
    guesses: HashMap<(IpAddr, Option<String>), Guesses>,
}

#[derive(Clone, Copy, Debug)]
struct Guesses {
    wrong: u32,
    last: Instant,
    until: Instant,
}

impl Throttle {
    /// How long a log-in of this user from there has to wait; `None`: it may be tried.
    #[must_use]
    pub fn wait(&self, user: &str, from: IpAddr, now: Instant) -> Option<Duration> {
        keys(user, from)
            .iter()
            .filter_map(|(key, _)| self.guesses.get(key))
            .map(|guesses| guesses.until.saturating_duration_since(now))
            .max()
            .filter(|wait| !wait.is_zero())
    }

    /// A guess has begun: it counts as wrong until it is known to be right, so that many at the same
    /// moment are no way around the wait.
    pub fn guessed(&mut self, user: &str, from: IpAddr, now: Instant) {
        for (key, free) in keys(user, from) {
            if self.guesses.len() >= MOST && !self.guesses.contains_key(&key) {
                self.make_place(now);
            }
            let guesses = self.guesses.entry(key).or_insert(Guesses {
                wrong: 0,
                last: now,
                until: now,
            });
            if now.saturating_duration_since(guesses.last) > FORGOTTEN {
                guesses.wrong = 0;
            }
            guesses.wrong = guesses.wrong.saturating_add(1);
            guesses.last = now;
            let over = guesses.wrong.saturating_sub(free);
            if over > 0 {
                let wait = Duration::from_secs(1) * 2_u32.pow((over - 1).min(10));
                guesses.until = now + wait.min(LONGEST);
            }
        }
    }

    /// It was right.
    pub fn was_right(&mut self, user: &str, from: IpAddr) {
        let [(of_user, _), (of_address, _)] = keys(user, from);
        self.guesses.remove(&of_user);
        if let Some(guesses) = self.guesses.get_mut(&of_address) {
            // The address has one wrong guess less, not none: it may have guessed at others.
            guesses.wrong = guesses.wrong.saturating_sub(1);
        }
    }

    fn make_place(&mut self, now: Instant) {
        self.guesses
            .retain(|_, guesses| now.saturating_duration_since(guesses.last) <= FORGOTTEN);
        if self.guesses.len() < MOST {
            return;
        }
        let least = self.guesses.iter().min_by_key(|(_, guesses)| guesses.until);
        if let Some(key) = least.map(|(key, _)| key.clone()) {
            self.guesses.remove(&key);
        }
    }
}

fn keys(user: &str, from: IpAddr) -> [((IpAddr, Option<String>), u32); 2] {
    let name = user[..user.floor_char_boundary(LONGEST_NAME)].to_owned();
    [((from, Some(name)), FREE), ((from, None), FREE_OF_ADDRESS)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn each_wrong_guess_after_the_third_waits_twice_as_long() {
        let mut throttle = Throttle::default();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..16 {
            throttle.guessed("admin", HERE, now);
            let wait = throttle.wait("admin", HERE, now).unwrap_or_default();
            waits.push(wait.as_secs());
            now += wait;
        }
        assert_eq!(
            waits,
            [
                0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900
            ]
        );
        assert_eq!(throttle.wait("admin", THERE, now), None);
        assert_eq!(throttle.wait("other", HERE, now), None);
        throttle.was_right("admin", HERE);
        assert_eq!(throttle.wait("admin", HERE, now), None);
    }

    #[test]
    fn an_address_that_names_ever_other_users_waits_too() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        for number in 0..21 {
            throttle.guessed(&format!("user-{number}"), HERE, now);
        }
        assert!(throttle.wait("new", HERE, now).is_some());
        assert_eq!(throttle.wait("new", THERE, now), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_after_an_hour() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        for number in 0..=u16::MAX {
            let from = IpAddr::from([10, 0, number.to_be_bytes()[0], number.to_be_bytes()[1]]);
            if number % 8 == 0 {
                throttle.guessed(&"x".repeat(300), from, now);
            }
        }
        assert!(throttle.guesses.len() <= MOST);
        let later = now + FORGOTTEN + Duration::from_secs(1);
        throttle.make_place(later);
        assert!(throttle.guesses.is_empty());
    }
}
