//! Finds the key that was probably meant.

/// The candidate closest to `written`, when it is close enough to be what was meant: at most a
/// third of its letters differ, and at least one is allowed to.
pub fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if written.chars().count() > 64 {
        return None;
    }
    let plain = plain(written);
    candidates
        .into_iter()
        .map(|candidate| (distance(&plain, &self::plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case and word separators are what people get wrong without noticing.
fn plain(text: &str) -> Vec<char> {
    text.chars()
        .filter(|letter| !matches!(letter, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// How many letters must be put in, left out, replaced, or swapped with their neighbour.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let mut best = (previous[column] + usize::from(letter != other))
                .min(previous[column + 1] + 1)
                .min(current[column] + 1);
            if row > 0 && column > 0 && *letter == right[column - 1] && left[row - 1] == *other {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = [
        "hold_off",
        "sweep_every",
        "recheck",
        "crash_loop",
        "services",
    ];

    #[test]
    fn the_key_that_was_meant_is_found() {
        for (written, meant) in [
            ("holdoff", "hold_off"),
            ("hold-off", "hold_off"),
            ("Hold_Off", "hold_off"),
            ("hold_of", "hold_off"),
            ("sweep_evrey", "sweep_every"),
            ("re_check", "recheck"),
            ("service", "services"),
        ] {
            assert_eq!(nearest(written, KEYS), Some(meant), "{written}");
        }
    }

    #[test]
    fn nothing_is_suggested_for_what_is_far_from_every_key() {
        for written in ["", "colour", "x", &"hold_off".repeat(1000)] {
            assert_eq!(nearest(written, KEYS), None, "{written}");
        }
    }
}
