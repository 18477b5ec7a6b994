//! Adds a sink as `README.md` says, its folder and its line, to a copy of everything: the contract
//! kit tries it along with the others, and the daemon takes it without any other change.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a build needs.
const PARTS: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "sinks",
    "config",
    "tests",
];
/// The new kind.
const FOLDER: &str = "sinks/tests/adding/pigeon";
/// The whole change to what was there: in this file these lines become those.
const LIST: &str = "sinks/src/lib.rs";
const CHANGES: [(&str, &str); 2] = [
    ("mod poll;\n", "mod pigeon;\nmod poll;\n"),
    ("    poll::KIND,\n", "    poll::KIND,\n    pigeon::KIND,\n"),
];

/// A copy of the sources in which the new kind is. It is kept, so that only the first run has to
/// build everything.
struct Copy {
    folder: PathBuf,
}

impl Copy {
    fn made() -> Self {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let copy = Self {
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("adding-a-sink"),
        };
        let mut kept = BTreeSet::new();
        for part in PARTS {
            copy.take(&sources.join(part), Path::new(part), &mut kept);
        }
        copy.take(
            &sources.join(FOLDER),
            Path::new("sinks/src/pigeon"),
            &mut kept,
        );
        for part in PARTS {
            remove_others(&copy.folder.join(part), &kept);
        }
        copy
    }

    /// Copies a file or a folder; what is there already keeps its time, which is what cargo sees.
    fn take(&self, from: &Path, to: &Path, kept: &mut BTreeSet<PathBuf>) {
        if from.is_dir() {
            for entry in fs::read_dir(from).unwrap() {
                let name = entry.unwrap().file_name();
                self.take(&from.join(&name), &to.join(&name), kept);
            }
            return;
        }
        let mut content = fs::read(from).unwrap();
        if to == Path::new(LIST) {
            content = with_the_line(String::from_utf8(content).unwrap()).into_bytes();
        }
        let to = self.folder.join(to);
        if fs::read(&to).ok().as_ref() != Some(&content) {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(&to, content).unwrap();
        }
        kept.insert(to);
    }

    /// A command of cargo in the copy, with nothing from the network.
    fn cargo(&self, command: &[&str]) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo
            .current_dir(&self.folder)
            .args(command)
            .args(["--offline", "--locked", "--quiet", "--target-dir", "target"])
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO_BUILD_TARGET_DIR");
        cargo
    }

    /// Runs the contract kit.
    fn kit(&self) -> Command {
        let mut kit = self.cargo(&["test", "-p", "sinks", "--lib"]);
        kit.args(["--", "kit::"]);
        kit
    }
}

fn with_the_line(mut list: String) -> String {
    for (lines, become_these) in CHANGES {
        assert_eq!(
            list.matches(lines).count(),
            1,
            "{LIST} is not as README.md has it"
        );
        list = list.replace(lines, become_these);
    }
    list
}

/// Removes what is no longer among the sources.
fn remove_others(path: &Path, kept: &BTreeSet<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            remove_others(&entry.unwrap().path(), kept);
        }
    } else if !kept.contains(path) {
        fs::remove_file(path).unwrap();
    }
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn a_sink_is_added_by_its_folder_and_its_line_alone() {
    let copy = Copy::made();
    let tried = copy.kit().output().unwrap();
    assert!(tried.status.success(), "{}", said(&tried));

    // It was among those that were tried: a pigeon that is no good fails.
    let tried = copy.kit().env("PIGEON_FORGETS", "1").output().unwrap();
    assert!(!tried.status.success(), "{}", said(&tried));
    assert!(
        said(&tried).contains("pigeon: ") && said(&tried).contains(" came 0 times"),
        "{}",
        said(&tried)
    );

    let config = copy.folder.join("target/vrwatch.toml");
    let text = "monitor.services = \"/nonexistent\"\n\
                [[service]]\nname = \"a\"\nprocess = \"a\"\npidfile = \"/run/a.pid\"\n\
                [sink.local.syslog]\ntarget = \"unix:/dev/log\"\n\
                [sink.coop.pigeon]\nloft = \"127.0.0.1:1\"\ntimeout = \"1s\"\nkinds = [\"restarted\"]\n";
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let command = ["run", "-p", "vrwatch"];
    let mut check = copy.cargo(&command);
    let checked = check
        .args(["--", "--config", config, "check-config"])
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", said(&checked));
    assert!(said(&checked).contains("pigeon"), "{}", said(&checked));
    let mut cargo = copy.cargo(&command);
    cargo.args(["--", "--config", config, "test-alert", "--sink", "coop"]);
    let tested = said(&cargo.output().unwrap());
    assert!(tested.contains("coop (pigeon): NOT delivered"), "{tested}");
    assert!(
        tested.contains("the pigeon got lost: Connection refused"),
        "{tested}"
    );
}
