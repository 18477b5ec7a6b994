//! CloudStack's `monitorservice.json`: of all it says, only the switch that turns monitoring off is
//! honoured here.

use std::path::Path;

use document::file::{self, ReadError};
use document::{List, Problem};
use serde_json::Value;

/// Whether CloudStack has switched the monitoring of this router off. Without the file: no.
pub(crate) fn switched_off(path: &Path, problems: &mut List) -> bool {
    let contents = match file::read(path) {
        Ok(contents) => contents,
        Err(ReadError::Absent) => return false,
        Err(ReadError::Unusable(problem)) => {
            problems.push(problem.hint("monitoring stays on"));
            return false;
        }
    };
    if let Some(warning) = contents.warning {
        problems.push(warning);
    }
    match serde_json::from_slice::<Value>(&contents.bytes) {
        Ok(value) => value.get("disable_monitoring").is_some_and(says_yes),
        Err(error) => {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
            let problem = Problem::at(path, line, format!("is no JSON: {error}"));
            problems.push(problem.hint("it is passed over and monitoring stays on"));
            false
        }
    }
}

/// CloudStack's parts write booleans in each of these ways.
fn says_yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::String(text) => text.trim().eq_ignore_ascii_case("true") || text.trim() == "1",
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (bool, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitorservice.json");
        std::fs::write(&path, text).unwrap();
        let mut problems = List::default();
        let off = switched_off(&path, &mut problems);
        let prefix = format!("{}:", path.display());
        let told = problems
            .into_vec()
            .iter()
            .map(|problem| problem.to_string().replace(&prefix, "f:"))
            .collect();
        (off, told)
    }

    #[test]
    fn every_spelling_of_yes_switches_monitoring_off() {
        for (text, off) in [
            (r#"{"disable_monitoring": true}"#, true),
            (
                r#"{"type":"monitorservice","disable_monitoring":"true"}"#,
                true,
            ),
            (r#"{"disable_monitoring": "True"}"#, true),
            (r#"{"disable_monitoring": 1}"#, true),
            (r#"{"disable_monitoring": "1"}"#, true),
            (r#"{"disable_monitoring": false}"#, false),
            (r#"{"disable_monitoring": "no"}"#, false),
            (r#"{"disable_monitoring": null}"#, false),
            (r#"{"config": "[dhcp]:processname=dnsmasq:"}"#, false),
            ("[1, 2]", false),
            ("null", false),
        ] {
            assert_eq!(read(text), (off, vec![]), "{text}");
        }
    }

    #[test]
    fn a_broken_file_is_told_and_passed_over() {
        let (off, told) = read("{\n\"disable_monitoring\": tru");
        assert!(!off);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("f:2: is no JSON: "), "{told:?}");
        assert!(told[0].ends_with("; it is passed over and monitoring stays on"));
    }

    #[test]
    fn an_absent_file_says_nothing() {
        let mut problems = List::default();
        assert!(!switched_off(Path::new("/nonexistent"), &mut problems));
        assert!(problems.is_empty());
    }
}
