//! What must be true of every day, whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::book::Book;
use super::story::{Happening, Story, happening};
use super::{ROUTERS, at};

/// The alerts that were told of each outage, in the order in which they were told.
fn told_of_each(book: &Book) -> BTreeMap<(&'static str, String), Vec<usize>> {
    let mut told: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for number in &book.told {
        told.entry(book.alerts[*number].key())
            .or_default()
            .push(*number);
    }
    told
}

/// What the manual says of silences, alert by alert.
#[derive(Default)]
struct Manual {
    told: BTreeSet<usize>,
    /// Outages of which somebody was told.
    begun: BTreeSet<(&'static str, String)>,
    /// What is held of each outage; nothing more when that is withheld for good.
    held: BTreeMap<(&'static str, String), Vec<usize>>,
}

impl Manual {
    fn is_silent(book: &Book, number: usize) -> bool {
        let alert = &book.alerts[number];
        book.silences.iter().any(|one| {
            let of = &one.silence;
            let same = |wanted: &Option<String>, is: &str| {
                wanted.as_ref().is_none_or(|wanted| wanted == is)
            };
            of.starts <= at(book.now)
                && at(book.now) < of.ends
                && same(&of.zone, alert.zone)
                && same(&of.router, alert.router)
                && same(
                    &of.service,
                    alert.event.service.as_deref().unwrap_or_default(),
                )
        })
    }

    fn time_passes(&mut self, book: &Book) {
        for (outage, held) in &mut self.held {
            if held
                .first()
                .is_some_and(|number| !Self::is_silent(book, *number))
            {
                self.begun.insert(outage.clone());
                self.told.extend(std::mem::take(held));
            }
        }
    }

    fn comes(&mut self, book: &Book, number: usize) {
        let alert = &book.alerts[number];
        let outage = alert.key();
        let silent = Self::is_silent(book, number);
        if outage.1.is_empty() {
            self.told.extend((!silent).then_some(number));
        } else if alert.event.fact.ends_outage() {
            let withheld = self.held.remove(&outage).is_some();
            if self.begun.contains(&outage) || !withheld && !silent {
                self.told.insert(number);
            }
        } else if silent {
            self.held.entry(outage).or_default().push(number);
        } else {
            self.begun.insert(outage);
            self.told.insert(number);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    /// Whatever happens, clocks that jump and alerts that come late included: nothing is told twice
    /// or out of its outage's order, whoever was told that something began is told that it ended,
    /// nobody is told of an end alone, and when no silence is left everything is told that goes on.
    #[test]
    fn whoever_is_told_of_an_outage_is_told_of_its_end_and_what_goes_on_is_told_in_the_end(
        happenings in proptest::collection::vec((happening(true), any::<bool>()), 1..120),
        limit in 1..6_usize,
    ) {
        let mut story = Story::new();
        for (happening, steps) in happenings {
            story.happens(happening);
            if steps {
                story.book.step(limit);
            }
        }
        story.book.now = 10_000_000;
        story.book.settle(limit);
        let book = &story.book;
        prop_assert!(book.held.values().all(|(_, settled)| *settled));
        let told_once: BTreeSet<usize> = book.told.iter().copied().collect();
        prop_assert_eq!(told_once.len(), book.told.len());
        prop_assert_eq!(book.told.len() + book.held.len(), book.alerts.len());
        for (_, told) in told_of_each(book).into_iter().filter(|((_, outage), _)| !outage.is_empty()) {
            prop_assert!(told.is_sorted());
            let ends = |number: &usize| book.alerts[*number].event.fact.ends_outage();
            prop_assert!(!ends(&told[0]));
            let over = book.is_over(told[0]);
            prop_assert_eq!(ends(told.last().unwrap()), over);
        }
        let told = told_of_each(book);
        for ((router, _), outage) in &story.open {
            prop_assert!(told.contains_key(&(ROUTERS[*router].0, outage.clone())));
        }
    }

    /// Where each alert is looked at as it comes, the told ones are exactly those that the words of
    /// the manual say: all but those of silenced outages, until the silences are over.
    #[test]
    fn what_is_told_is_what_the_manual_says(
        happenings in proptest::collection::vec(happening(false), 1..120),
    ) {
        let mut story = Story::new();
        let mut manual = Manual::default();
        for happening in happenings {
            if matches!(happening, Happening::Lags(_)) {
                continue;
            }
            let known = story.book.alerts.len();
            story.happens(happening);
            // The manual knows no steps: silences that end at the same moment are over together.
            story.book.settle(1000);
            manual.time_passes(&story.book);
            for number in known..story.book.alerts.len() {
                manual.comes(&story.book, number);
            }
            let told: BTreeSet<usize> = story.book.told.iter().copied().collect();
            prop_assert_eq!(&told, &manual.told);
        }
    }
}
