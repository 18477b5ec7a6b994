//! How long whoever guessed wrong has to wait: longer each time, for this user from this address (of
//! IPv6: from its network), and for the address whatever users it names; and who goes first. Pure: the
//! time is given. Bounded: of too many, the one that waits least is forgotten.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::server::neighbourhood;

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
/// How long an address is known from which somebody logged in, and how many are.
const KNOWN_FOR: Duration = Duration::from_hours(30 * 24);
const MOST_KNOWN: usize = 1000;

/// Who guessed wrong.
#[derive(Debug, Default)]
pub struct Throttle {
    guesses: HashMap<(IpAddr, Option<String>), Guesses>,
    /// When somebody logged in from there last.
    known: HashMap<IpAddr, Instant>,
}

/// In which queue a password waits to be checked: whoever guesses from hundreds of addresses waits
/// behind them, and not in the way of those who know their password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// From an address from which somebody logged in already.
    Known,
    /// From one that has not guessed wrong.
    Clean,
    /// From one that has, within the hour.
    Failed,
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

    /// In which queue a log-in from there waits; asked before the guess counts.
    #[must_use]
    pub fn lane(&self, from: IpAddr, now: Instant) -> Lane {
        let from = neighbourhood(from);
        let within = |then: Instant, long| now.saturating_duration_since(then) <= long;
        if self
            .known
            .get(&from)
            .is_some_and(|then| within(*then, KNOWN_FOR))
        {
            return Lane::Known;
        }
        match self.guesses.get(&(from, None)) {
            Some(guesses) if guesses.wrong > 0 && within(guesses.last, FORGOTTEN) => Lane::Failed,
            _ => Lane::Clean,
        }
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
    pub fn was_right(&mut self, user: &str, from: IpAddr, now: Instant) {
        let place = neighbourhood(from);
        if self.known.len() >= MOST_KNOWN && !self.known.contains_key(&place) {
            let oldest = self.known.iter().min_by_key(|(_, then)| **then);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                self.known.remove(&oldest);
            }
        }
        self.known.insert(place, now);
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
    let from = neighbourhood(from);
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
        throttle.was_right("admin", HERE, now);
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
    fn a_network_of_ipv6_is_one_guesser() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        let from = |last: u128| IpAddr::from((0x2001_0db8_u128 << 96 | last).to_be_bytes());
        for number in 0..4 {
            throttle.guessed("admin", from(number), now);
        }
        assert!(throttle.wait("admin", from(99), now).is_some());
        assert_eq!(throttle.wait("admin", from(1 << 64), now), None);
    }

    #[test]
    fn those_who_know_their_password_do_not_queue_behind_those_who_guess() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        assert_eq!(throttle.lane(HERE, now), Lane::Clean);
        throttle.guessed("admin", HERE, now);
        assert_eq!(throttle.lane(HERE, now), Lane::Failed);
        assert_eq!(throttle.lane(HERE, now + FORGOTTEN * 2), Lane::Clean);
        assert_eq!(throttle.lane(THERE, now), Lane::Clean);
        throttle.was_right("admin", HERE, now);
        throttle.guessed("admin", HERE, now);
        assert_eq!(throttle.lane(HERE, now), Lane::Known);
        for number in 0..2000_u32 {
            let from = IpAddr::from((0x0a00_0000 | number).to_be_bytes());
            throttle.was_right("admin", from, now + Duration::from_secs(1));
        }
        assert_eq!(throttle.known.len(), MOST_KNOWN);
        assert_ne!(throttle.lane(HERE, now), Lane::Known);
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
