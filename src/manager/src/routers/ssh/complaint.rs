//! What ssh's complaints mean: whether to try again, or to call a person. ssh has one exit code for
//! all of them, so its words decide; what is not known counts as "may heal".

use std::time::Duration;

use crate::routers::shell::ReachError;

/// The longest excerpt that is handed on, in characters.
const EXCERPT: usize = 500;

/// Words of ssh that a person must look at: the log-in.
const LOG_IN: [&str; 5] = [
    "Permission denied",
    "Too many authentication failures",
    "UNPROTECTED PRIVATE KEY FILE",
    "no such identity",
    "Load key",
];

/// Words of ssh that say that time ran out.
const TIME: [&str; 3] = [
    "Connection timed out",
    "Operation timed out",
    "timed out during banner exchange",
];

/// What it means that ssh gave up and said this.
pub(super) fn meaning(said: &str, name: &str, known_hosts: &str, limit: Duration) -> ReachError {
    let excerpt = excerpt(said);
    if said.contains("HOST IDENTIFICATION HAS CHANGED") || said.contains(" has changed and ") {
        let whose = whose(said, name);
        ReachError::Refused(format!(
            "{whose} has another host key than it had; if it was made anew, forget the old key (vrwatch-manager router forget-host-key {whose}): {excerpt}"
        ))
    } else if said.contains("Host key verification failed") || said.contains("host key is known") {
        ReachError::Refused(format!(
            "the host key of {} is not known, and first_contact says that it must be; put it in {known_hosts}: {excerpt}",
            whose(said, name)
        ))
    } else if LOG_IN.iter().any(|words| said.contains(words)) {
        ReachError::Refused(format!("{name} does not let the manager in: {excerpt}"))
    } else if TIME.iter().any(|words| said.contains(words)) {
        ReachError::TimedOut(limit)
    } else if excerpt.is_empty() {
        ReachError::Away(format!("ssh to {name} ended without a word"))
    } else {
        ReachError::Away(format!("{name} cannot be reached: {excerpt}"))
    }
}

/// Whether these are words of an ssh that did not get through, rather than of a program beyond it.
pub(super) fn is_of_ssh(said: &str) -> bool {
    const STARTS: [&str; 8] = [
        "ssh: ",
        "Connection ",
        "kex_exchange_identification",
        "Host key verification failed",
        "banner exchange",
        "Received disconnect",
        "Timeout, server",
        "client_loop: ",
    ];
    said.lines().any(|line| {
        STARTS.iter().any(|start| line.starts_with(start))
            || line.contains("Permission denied (")
            || line.contains("host key is known for ")
            || line.contains("HOST IDENTIFICATION HAS CHANGED")
            || (line.contains("dentity file") && line.contains("not accessible"))
    })
}

/// Whose host key ssh speaks of: on a way through a host it may be either's.
fn whose<'a>(said: &'a str, name: &'a str) -> &'a str {
    let between = |start: &str, end: &str| {
        let (_, rest) = said.split_once(start)?;
        let (found, _) = rest.split_once(end)?;
        (found.len() <= 255 && !found.contains(char::is_whitespace)).then_some(found)
    };
    between("Host key for ", " has changed")
        .or_else(|| between("host key is known for ", " and"))
        .filter(|found| !found.eq_ignore_ascii_case(name))
        .unwrap_or(name)
}

/// The last of what was said, in one line: the reason comes last.
fn excerpt(said: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| {
            !line.is_empty() && !line.starts_with('@') && !line.starts_with("Warning: Perm")
        })
        .collect();
    let text = contract::clean::line(&lines.join("; "));
    let skipped = text.chars().count().saturating_sub(EXCERPT);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{is_of_ssh, meaning};
    use crate::routers::shell::ReachError;

    fn of(said: &str) -> ReachError {
        meaning(said, "r-1-VM", "/var/known_hosts", Duration::from_secs(10))
    }

    #[test]
    fn a_changed_key_and_a_refused_log_in_call_a_person_and_the_rest_may_heal() {
        let changed = "@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key for r-1-VM has changed and you have requested strict checking.\nHost key verification failed.\n";
        assert!(
            matches!(of(changed), ReachError::Refused(words) if words.starts_with("r-1-VM has another host key") && words.contains("forget-host-key r-1-VM)"))
        );
        let unknown = "No ED25519 host key is known for 10.0.0.1 and you have requested strict checking.\nHost key verification failed.";
        assert!(
            matches!(of(unknown), ReachError::Refused(words) if words.contains("host key of 10.0.0.1 is not known"))
        );
        assert!(matches!(
            of("root@10.1.1.1: Permission denied (publickey)."),
            ReachError::Refused(_)
        ));
        assert!(matches!(
            of("ssh: connect to host 10.1.1.1 port 3922: Connection refused"),
            ReachError::Away(_)
        ));
        assert_eq!(
            of("ssh: connect to host 10.1.1.1 port 3922: Connection timed out"),
            ReachError::TimedOut(Duration::from_secs(10))
        );
        assert!(matches!(of(""), ReachError::Away(words) if words.contains("without a word")));
    }

    #[test]
    fn words_of_a_program_are_not_taken_for_words_of_ssh() {
        assert!(!is_of_ssh("iptables: no chain by that name"));
        assert!(is_of_ssh(
            "ssh: connect to host 169.254.1.2 port 3922: No route to host"
        ));
        assert!(is_of_ssh(
            "root@169.254.1.2: Permission denied (publickey)."
        ));
    }
}
