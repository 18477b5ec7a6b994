//! The Python for receivers that check what arrives with somebody else's library: the system's
//! interpreter, in an environment of its own under the target folder, made once and shared by all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PYTHON: &str = "/usr/bin/python3";
const REQUIREMENTS: &str = include_str!("../http/peers/requirements.txt");

/// The interpreter of the environment.
pub(crate) fn interpreter() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let interpreter = folder.join("bin/python");
    let done = folder.join("installed.txt");
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if fs::read_to_string(&done).is_ok_and(|installed| installed == REQUIREMENTS) {
        return interpreter;
    }
    let wanted = folder.with_extension("requirements");
    fs::write(&wanted, REQUIREMENTS).unwrap();
    run(Command::new(PYTHON)
        .args(["-m", "venv", "--clear"])
        .arg(&folder));
    run(Command::new(&interpreter)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&wanted));
    fs::write(&done, REQUIREMENTS).unwrap();
    interpreter
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; run tests/all"));
    assert!(
        output.status.success(),
        "{command:?}, {}: {}\n(tests/all installs Debian's python3 and python3-venv; pip needs PyPI or a mirror of it)",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
