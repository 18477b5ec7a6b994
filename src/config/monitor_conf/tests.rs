//! CloudStack's file as both generations write it, and what their ways leave behind.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// A row of CloudStack's table, as it is sent: name, process, service, pid file.
type Row = [&'static str; 4];

const SSH: Row = ["ssh", "sshd", "ssh", "/var/run/sshd.pid"];
const DHCP: Row = ["dhcp", "dnsmasq", "dnsmasq", "/var/run/dnsmasq/dnsmasq.pid"];
const BALANCER: Row = [
    "loadbalancing",
    "haproxy",
    "haproxy",
    "/var/run/haproxy.pid",
];
const WEB: Row = [
    "webserver",
    "apache2",
    "apache2",
    "/var/run/apache2/apache2.pid",
];
const OLD_WEB: Row = ["webserver", "apache2", "apache2", "/var/run/apache2.pid"];

fn lines<T: std::fmt::Display>([name, process, service, pid_file]: &[T; 4]) -> [String; 4] {
    [
        format!("[{name}]"),
        format!("processname={process}"),
        format!("servicename={service}"),
        format!("pidfile={pid_file}"),
    ]
}

/// 4.3 to 4.5: the whole file anew.
fn rewritten(rows: &[Row]) -> String {
    let mut text = String::from("#Monitor services config\n");
    for row in rows {
        text.push_str(&lines(row).join("\n"));
        text.push('\n');
    }
    text
}

/// 4.6 and later: every line that is nowhere in the file yet goes to its end.
fn added<T: std::fmt::Display>(text: &mut String, rows: &[[T; 4]]) {
    for row in rows {
        for line in lines(row) {
            if !text.lines().any(|known| known.trim() == line) {
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
}

fn read_settled(text: &str, settled: &[&str]) -> Read {
    let settled = settled.iter().map(|name| (*name).to_owned()).collect();
    read(Path::new("f"), text.as_bytes(), &settled)
}

fn rows(read: &Read) -> Vec<[String; 4]> {
    read.services
        .iter()
        .map(|service| {
            [
                service.name.as_str().to_owned(),
                service.process.as_str().to_owned(),
                service.argument.as_str().to_owned(),
                service.pid_file.as_path().display().to_string(),
            ]
        })
        .collect()
}

fn told(read: Read) -> Vec<String> {
    read.problems
        .into_vec()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[track_caller]
fn expect(text: &str, watched: &[Row], words: &[&str]) {
    let read = read_settled(text, &[]);
    assert_eq!(rows(&read), watched, "{text}");
    assert_eq!(told(read), words, "{text}");
}

#[test]
fn both_generations_write_what_is_watched() {
    let all = [SSH, DHCP, BALANCER, WEB];
    expect(&rewritten(&all), &all, &[]);
    let mut text = String::new();
    added(&mut text, &all);
    expect(&text, &all, &[]);
    // Sent again, or once per tier of a VPC: nothing changes.
    added(&mut text, &all);
    expect(&text, &all, &[]);
    expect(&rewritten(&[SSH, SSH, DHCP]), &[SSH, DHCP], &[]);
}

#[test]
fn an_empty_list_of_services_is_no_service() {
    expect("", &[], &[]);
    expect("#Monitor services config\n", &[], &[]);
    expect(
        "#Monitor services config\nnull\nnull\nnull\nnull\n",
        &[],
        &[
            "f:2: `null` is what CloudStack writes when it has no services to watch; no service is read from such a line",
        ],
    );
}

#[test]
fn a_changed_pid_file_under_another_section_makes_its_owner_doubtful() {
    let mut text = String::new();
    added(&mut text, &[OLD_WEB, BALANCER]);
    added(&mut text, &[WEB, BALANCER]);
    expect(
        &text,
        &[BALANCER],
        &[
            "f:9: pidfile: `/var/run/apache2/apache2.pid` stands under another section, but seems to be the newer pid file of [webserver] (line 1), which is not watched; write a [[service]] of that name in vrwatch.toml to settle it",
            "f:9: pidfile: `/var/run/apache2/apache2.pid` does not belong under [loadbalancing], which has `/var/run/haproxy.pid` (line 8); passed over; CloudStack adds changed lines at the end of the file: move it to its section",
        ],
    );
}

#[test]
fn a_changed_pid_file_in_its_own_section_is_doubtful() {
    let mut text = String::new();
    added(&mut text, &[BALANCER, OLD_WEB]);
    added(&mut text, &[WEB]);
    expect(
        &text,
        &[BALANCER],
        &[
            "f:9: pidfile: [webserver] has more than one pidfile (`/var/run/apache2.pid` on line 8, `/var/run/apache2/apache2.pid` on line 9), so it is not watched; write a [[service]] of that name in vrwatch.toml to settle it",
        ],
    );
}

#[test]
fn a_changed_pid_file_is_taken_when_only_the_new_one_bears_the_name() {
    let old = ["webserver", "apache2", "apache2", "/var/run/httpd.pid"];
    let mut text = String::new();
    added(&mut text, &[old]);
    added(&mut text, &[WEB]);
    expect(
        &text,
        &[WEB],
        &[
            "f:4: pidfile: `/var/run/httpd.pid` does not belong under [webserver], which has `/var/run/apache2/apache2.pid` (line 5); passed over; CloudStack adds changed lines at the end of the file: move it to its section",
        ],
    );
}

#[test]
fn a_changed_process_name_lands_under_the_last_section_which_stays_watched() {
    let mut text = String::new();
    added(&mut text, &[SSH, BALANCER]);
    added(
        &mut text,
        &[["ssh", "sshd-new", "ssh", "/var/run/sshd.pid"]],
    );
    expect(
        &text,
        &[SSH, BALANCER],
        &[
            "f:9: processname: `sshd-new` does not belong under [loadbalancing], which has `haproxy` (line 6); passed over; CloudStack adds changed lines at the end of the file: move it to its section",
        ],
    );
}

#[test]
fn a_changed_service_name_lands_under_the_last_section_which_keeps_its_own() {
    let mut text = String::new();
    added(&mut text, &[SSH, BALANCER]);
    added(
        &mut text,
        &[["ssh", "sshd", "openssh", "/var/run/sshd.pid"]],
    );
    expect(
        &text,
        &[SSH, BALANCER],
        &[
            "f:9: servicename: `openssh` does not belong under [loadbalancing], which has `haproxy` (line 7); passed over; CloudStack adds changed lines at the end of the file: move it to its section",
        ],
    );
}

#[test]
fn a_line_that_two_services_share_is_missing_from_the_second() {
    let mut text = String::new();
    added(
        &mut text,
        &[SSH, ["ssh2", "sshd", "ssh2", "/run/sshd2.pid"]],
    );
    expect(
        &text,
        &[SSH],
        &[
            "f:5: processname: [ssh2] has no processname, so it is not watched; CloudStack leaves a line out that stands elsewhere in the file already: add it",
        ],
    );
    let mut text = String::new();
    added(
        &mut text,
        &[DHCP, ["dns", "named", "dnsmasq", "/run/named.pid"]],
    );
    expect(
        &text,
        &[DHCP, ["dns", "named", "named", "/run/named.pid"]],
        &[
            "f:5: servicename: [dns] has no servicename; `named` is restarted for it; add servicename=…",
        ],
    );
    let mut text = String::new();
    added(&mut text, &[DHCP, ["dns", "dnsmasq2", "dns", DHCP[3]]]);
    expect(
        &text,
        &[DHCP],
        &[
            "f:5: pidfile: [dns] has no pidfile, so it is not watched; CloudStack leaves a line out that stands elsewhere in the file already: add it",
        ],
    );
}

#[test]
fn a_name_below_the_pid_file_was_added_for_somebody_else() {
    // [ssh2] shares its process name with [ssh]; then another service changed its own.
    let mut text = String::new();
    added(
        &mut text,
        &[BALANCER, SSH, ["ssh2", "sshd", "ssh2", "/run/other.pid"]],
    );
    added(
        &mut text,
        &[["loadbalancing", "nginx", "haproxy", "/var/run/haproxy.pid"]],
    );
    expect(
        &text,
        &[BALANCER, SSH],
        &[
            "f:9: [ssh2] may have lines that belong to another section, so it is not watched; write a [[service]] of that name in vrwatch.toml to settle it",
        ],
    );
}

#[test]
fn duplicates_of_one_value_are_harmless() {
    expect(
        "[ssh]\nprocessname=sshd\nprocessname=sshd\nservicename=ssh\npidfile=/var/run/sshd.pid\npidfile=/run/sshd.pid\n[ssh]\nprocessname=sshd\n",
        &[SSH],
        &[],
    );
}

#[test]
fn of_two_services_with_one_pid_file_one_is_watched() {
    let first = ["a", "x", "x", "/var/run/q.pid"];
    expect(
        &rewritten(&[first, ["b", "y", "y", "/run/q.pid"]]),
        &[first],
        &[
            "f:6: pidfile: [b] has the pid file of [a], so it is not watched; write a [[service]] of that name in vrwatch.toml to settle it",
        ],
    );
    let first = ["a", "x", "x", "/var/run/x.pid"];
    expect(
        &rewritten(&[first, ["b", "y", "y", "/run/x.pid"]]),
        &[first],
        &[
            "f:6: [b] may have lines that belong to another section, so it is not watched; write a [[service]] of that name in vrwatch.toml to settle it",
        ],
    );
}

#[test]
fn what_cannot_be_a_service_is_not_watched_and_told() {
    for (text, words) in [
        (
            "[a b]\nprocessname=x\nservicename=x\npidfile=/run/x.pid\n",
            "f:1: `a b` is no service name: use 1 to 64 of A-Z a-z 0-9 . _ @ -; [a b] is not watched; repair the line",
        ),
        (
            "[a]\nprocessname=x\nservicename=x\npidfile=run/x.pid\n",
            "f:4: pidfile: `run/x.pid` is not absolute: write the whole path, from /; [a] is not watched; repair the line",
        ),
        (
            "[a]\nprocessname=x\nservicename=-x\npidfile=/run/x.pid\n",
            "f:3: servicename: `-x` cannot be given to the restart command: it would be taken for an option; [a] is not watched; repair the line",
        ),
        (
            "[a]\nprocessname=../x\nservicename=x\npidfile=/run/x.pid\n",
            "f:2: processname: `../x` is no process name: a path to a program must be absolute; [a] is not watched; repair the line",
        ),
        (
            "[a]\nprocessname=null\nservicename=x\npidfile=/run/x.pid\n",
            "f:1: processname: [a] has no processname, so it is not watched; CloudStack leaves a line out that stands elsewhere in the file already: add it",
        ),
        (
            "[a]\nprocessname=x\nservicename=x\npidfile=/run/%x.pid\n",
            "f:4: pidfile: a single % means a reference; write %% for the sign; [a] is not watched; repair the line",
        ),
        (
            "[a]\nprocessname=x\nservicename=x\n pidfile=/run/x.pid\n",
            "f:3: servicename: line 4 is indented, so it goes on with this value; [a] is not watched; repair the line",
        ),
        (
            "[a]\nprocessname=x\nservicename=x\npidfile=/run/x.pid[b]\nprocessname=y\nservicename=y\npidfile=/run/y.pid\n",
            "f:4: pidfile: a line break seems to be missing before the `[`; [a] is not watched; repair the line",
        ),
    ] {
        expect(text, &[], &[words]);
    }
}

#[test]
fn an_unknown_key_is_told_and_passed_over() {
    expect(
        "[a]\nprocessname=x\nservicename=x\npid_file=/run/y.pid\npidfile=/run/x.pid\ncolour=red\n",
        &[["a", "x", "x", "/run/x.pid"]],
        &[
            "f:4: `pid_file` is no key of a service; passed over; did you mean `pidfile`?",
            "f:6: `colour` is no key of a service; passed over; remove it",
        ],
    );
}

#[test]
fn defaults_and_references_count_for_every_section() {
    expect(
        "[DEFAULT]\nrun=/run\nservicename=all\n[a]\nprocessname=x\npidfile=%(run)s/x.pid\n",
        &[["a", "x", "all", "/run/x.pid"]],
        &[],
    );
}

#[test]
fn about_a_service_that_is_settled_elsewhere_nothing_is_told() {
    let mut text = String::new();
    added(&mut text, &[OLD_WEB, BALANCER]);
    added(&mut text, &[WEB]);
    let read = read_settled(&text, &["webserver"]);
    assert_eq!(rows(&read), [BALANCER]);
    assert_eq!(read.overridden, [("webserver".to_owned(), 1)]);
    assert_eq!(told(read).len(), 1);
}

#[test]
fn no_more_services_are_watched_than_there_may_be() {
    let mut text = String::new();
    for number in 0..5000 {
        writeln!(
            text,
            "[s{number}]\nprocessname=p\nservicename=s\npidfile=/run/{number}.pid"
        )
        .unwrap();
    }
    let read = read_settled(&text, &[]);
    assert_eq!(read.services.len(), 4096);
    assert_eq!(
        told(read),
        ["f:16385: more than 4096 services; the rest is not watched; remove some"]
    );
}

/// Rows as a management server may send them over the years: a service keeps its name and changes
/// any of the rest. Process and service names are shared between services; pid files are not, and
/// one that bears a process's name bears that of its own.
fn any_row() -> impl Strategy<Value = [String; 4]> {
    let processes = ["sshd", "dnsmasq", "haproxy", "apache2", "named"];
    (
        prop::sample::select(vec!["ssh", "dhcp", "lb", "web"]),
        prop::sample::select(processes.to_vec()),
        0..3_u8,
        any::<bool>(),
    )
        .prop_map(|(name, process, file, plain)| {
            let service = match (process, plain) {
                ("sshd", true) => "ssh",
                ("named", true) => "bind9",
                _ => process,
            };
            let pid_file = match file {
                0 => format!("/run/{process}-{name}.pid"),
                number => format!("/run/{name}/{number}.pid"),
            };
            [name, process, service, &pid_file].map(str::to_owned)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_cloudstack_adds_no_process_is_sought_in_anothers_pid_file(
        sent in prop::collection::vec(prop::collection::vec(any_row(), 0..5), 1..4)
    ) {
        let mut text = String::new();
        for rows in &sent {
            added(&mut text, rows);
        }
        let ever: Vec<&[String; 4]> = sent.iter().flatten().collect();
        for [_, process, _, pid_file] in rows(&read_settled(&text, &[])) {
            prop_assert!(
                ever.iter().any(|row| row[1] == process && row[3] == pid_file),
                "{process} was never to be sought in {pid_file}:\n{text}"
            );
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(\\[[a-c]\\]|(processname|servicename|pidfile)[=:](/run/)?[x-z%.]{0,3}(\\.pid)?|[a-z \\[\\]\u{0}]|\n){0,60}") {
        let read = read_settled(&text, &["a"]);
        let mut names: Vec<_> = rows(&read).into_iter().map(|row| row[0].clone()).collect();
        names.dedup();
        prop_assert_eq!(names.len(), read.services.len());
        told(read);
    }
}
