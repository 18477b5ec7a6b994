//! What is put in the place of a configuration file is broken: the old configuration stays in force,
//! nothing is forgotten, and it is said why until it is mended.

use super::*;

#[track_caller]
fn until_refused(vrwatch: &Vrwatch<'_>, why: &str) {
    eventually(
        &format!("the status and the log say `{why}`"),
        || {
            let told = vrwatch.status()?["config_error"].as_str()?.contains(why);
            (told && vrwatch.stderr().contains(why)).then_some(())
        },
        || vrwatch.failure(),
    );
}

#[track_caller]
fn until_accepted(vrwatch: &Vrwatch<'_>) {
    eventually(
        "the configuration is in force",
        || vrwatch.status()?["config_error"].is_null().then_some(()),
        || vrwatch.failure(),
    );
}

/// Puts something broken in the file's place: the old configuration stays at work and it is said
/// why; put right, the file takes effect.
#[track_caller]
fn it_changes_nothing_and_says_why(file: &str, right: &str, broken: &[(&str, &str)]) {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one"]);
    router.write(file, right);
    let vrwatch = watching(&router, &["one"]);
    let right = router.read(file);
    for (outages, (make, why)) in (1..).zip(broken) {
        let spoil = format!("rm -rf {file}.new; {make}; rm -rf {file}; mv {file}.new {file}");
        router
            .run(["sh", "-c", &spoil.replace("NEW", &format!("{file}.new"))])
            .expect_success();
        until_refused(&vrwatch, why);
        let text = vrwatch.ask(&["status"]);
        assert!(text.stdout.contains(why), "people see it too: {text:#?}");
        sleepers.until_it_lives("one");
        sleepers.kill9("one");
        vrwatch.until_told("one", &BACK.repeat(outages));
        router.run(["rm", "-rf", file]).expect_success();
        router.write(file, &right);
        until_accepted(&vrwatch);
        until_watched(&vrwatch, &["one"]);
    }
}

#[test]
fn a_broken_vrwatch_toml_changes_nothing_and_says_why() {
    it_changes_nothing_and_says_why(
        CONFIG,
        "",
        &[
            (
                "printf '[monitor]\\nservces = \"/etc/monitor.conf\"\\n' >NEW",
                "vrwatch.toml:2: monitor.servces: ",
            ),
            ("printf '# \\377\\n' >NEW", "byte 3 is no UTF-8"),
            ("truncate -s 100M NEW", "is 104857600 bytes long"),
            ("mkdir NEW", "is a directory, not a regular file"),
            ("mkfifo NEW", "is a FIFO, not a regular file"),
            (": >NEW", "syslog"),
        ],
    );
}

#[test]
fn a_list_of_services_that_cannot_be_read_changes_nothing_and_says_why() {
    it_changes_nothing_and_says_why(
        MONITOR_CONF,
        "",
        &[
            ("mkdir NEW", "is a directory, not a regular file"),
            ("truncate -s 100M NEW", "is 104857600 bytes long"),
            ("mkfifo NEW", "is a FIFO, not a regular file"),
            ("ln -s /etc/monitor.conf NEW", "cannot be opened"),
        ],
    );
}

#[test]
fn a_list_that_cannot_be_read_at_the_start_costs_no_hold_off_and_takes_effect_once_mended() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one", "own", "stuck"]);
    router.write(MONITOR_CONF, &Sleepers::monitor_conf(&["one", "stuck"]));
    let config = config().and(&Sleepers::tables(&["own"]));
    let mut vrwatch = Vrwatch::start_over(&router, &config);
    sleepers.spoil("stuck");
    sleepers.kill9("stuck");
    vrwatch.until_told("stuck", &GIVEN_UP);
    let outage = vrwatch.status_of("stuck").unwrap()["outage"].clone();
    assert!(vrwatch.term().success());

    std::fs::remove_file(router.path(MONITOR_CONF)).unwrap();
    std::fs::create_dir(router.path(MONITOR_CONF)).unwrap();
    router
        .run(["vrwatch", "--config", CONFIG, "once"])
        .expect_success();
    vrwatch.start_again();
    until_watched(&vrwatch, &["own"]);
    until_refused(&vrwatch, "is a directory, not a regular file");
    std::fs::remove_dir(router.path(MONITOR_CONF)).unwrap();
    list(&router, &["one", "stuck"]);
    until_watched(&vrwatch, &["one", "own", "stuck"]);
    until_accepted(&vrwatch);
    let stuck = vrwatch.status_of("stuck").unwrap();
    assert_eq!(stuck["state"], "held_off", "{stuck}");
    assert_eq!(stuck["outage"], outage);
    sleepers.kill_and_see_it_back(&vrwatch, "one");
    assert_eq!(kinds(&vrwatch.told_in_all("stuck")), GIVEN_UP);
}

#[test]
fn lines_that_are_no_text_are_told_and_hide_no_other_service() {
    let router = Router::boot();
    let sleepers = Sleepers::start(&router, &["one", "two"]);
    let vrwatch = watching(&router, &["one"]);
    let mut bytes = b"[bad]\nprocessname=\xff\xfe\npidfile=/run/bad.pid\n".to_vec();
    bytes.extend(Sleepers::monitor_conf(&["one", "two"]).into_bytes());
    std::fs::write(router.path(MONITOR_CONF), bytes).unwrap();
    until_watched(&vrwatch, &["one", "two"]);
    assert!(
        vrwatch.stderr().contains("monitor.conf:2:"),
        "{}",
        vrwatch.stderr()
    );
    sleepers.kill9("two");
    vrwatch.until_told("two", &BACK);
}
