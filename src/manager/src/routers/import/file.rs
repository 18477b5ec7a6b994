//! The inventory from a file, TOML or JSON by its ending. A mistake is told with file, line and key;
//! what refers to nothing is told all at once.

use std::path::Path;

use contract::human;
use document::file::ReadError;
use document::{Document, List, Problem, Problems};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use toml::de::DeValue;

use super::{Found, check};
use crate::plan::changes::{Settings, Spoken};
use crate::plan::inventory::Inventory;

/// The largest file that is read: ten thousand routers with their networks take some 10 MB.
const LARGEST: human::Size = human::Size(64 * 1024 * 1024);
const TABLES: [&str; 4] = ["zones", "offerings", "networks", "routers"];

/// The line of each part: of each table, in [`TABLES`]' order.
type Lines = [Vec<u32>; 4];

/// Reads an inventory, which may refer to what is `known` already.
///
/// # Errors
/// All that is wrong with it; nothing of a file that is wrong anywhere is taken.
pub fn read_file(path: &Path, known: &Inventory) -> Result<Found, Problems> {
    let one = |problem| Problems(vec![problem]);
    let json = match path.extension().and_then(|ending| ending.to_str()) {
        Some("toml") => false,
        Some("json") => true,
        _ => {
            let problem = Problem::of_file(path, "its name does not say what it is");
            return Err(one(problem.hint("end it in .toml or .json")));
        }
    };
    let contents = document::file::read_within(path, LARGEST.0).map_err(|error| {
        one(match error {
            ReadError::Absent => Problem::of_file(path, "there is no such file"),
            ReadError::Unusable(problem) => problem,
        })
    })?;
    let text = document::text(path, &contents.bytes).map_err(one)?;
    let (inventory, lines) = if json {
        (from_json(path, text).map_err(one)?, Lines::default())
    } else {
        from_toml(path, text)?
    };
    let seen: Seen = if json {
        from_json(path, text).map_err(one)?
    } else {
        toml::from_str(text).map_err(|error| one(Problem::of_file(path, error.to_string())))?
    };
    let doubts = check::problems(&inventory, known);
    if !doubts.is_empty() {
        let at_its_line = |doubt: &check::Doubt| {
            let table = TABLES.iter().position(|table| *table == doubt.table);
            match table.and_then(|table| lines[table].get(doubt.place)) {
                Some(line) => Problem::at(path, *line, doubt.to_string()),
                None => Problem::of_file(path, doubt.to_string()),
            }
        };
        return Err(Problems(doubts.iter().map(at_its_line).collect()));
    }
    // Two files of one name in two folders are two sources.
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    Ok(Found {
        inventory,
        source: format!("file {}", whole.display()),
        settings: Settings::Given(seen.spoken()),
        warnings: contents.warning.iter().map(ToString::to_string).collect(),
        left_out: Vec::new(),
    })
}

/// Which of the operator's settings are written down, whatever they are.
#[derive(Deserialize)]
struct Seen {
    #[serde(default)]
    zones: Vec<SeenPart>,
    #[serde(default)]
    networks: Vec<SeenPart>,
    #[serde(default)]
    routers: Vec<SeenPart>,
}

#[derive(Deserialize)]
struct SeenPart {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, deserialize_with = "is_there")]
    monitoring: bool,
    #[serde(default, deserialize_with = "is_there")]
    excluded: bool,
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl Seen {
    fn spoken(&self) -> Spoken {
        let mut spoken = Spoken::default();
        for (kind, parts) in [
            ("zone", &self.zones),
            ("network", &self.networks),
            ("router", &self.routers),
        ] {
            for part in parts {
                let key = if kind == "router" {
                    &part.name
                } else {
                    &part.id
                };
                let Some(key) = key else { continue };
                if part.monitoring {
                    spoken.add(kind, key, "monitoring");
                }
                if part.excluded {
                    spoken.add(kind, key, "excluded");
                }
            }
        }
        spoken
    }
}

fn from_json<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
        Problem::at(path, line, error.to_string())
    })
}

fn from_toml(path: &Path, text: &str) -> Result<(Inventory, Lines), Problems> {
    let document = Document::parse(path, text).map_err(|problem| Problems(vec![problem]))?;
    let mut problems = List::default();
    document.check_tables(&TABLES, &[], &mut problems);
    let [zones, offerings, networks, routers] = TABLES;
    let (zones, of_zones) = parts(&document, zones, &mut problems);
    let (offerings, of_offerings) = parts(&document, offerings, &mut problems);
    let (networks, of_networks) = parts(&document, networks, &mut problems);
    let (routers, of_routers) = parts(&document, routers, &mut problems);
    if !problems.is_empty() {
        return Err(Problems(problems.into_vec()));
    }
    let inventory = Inventory {
        zones,
        offerings,
        networks,
        routers,
    };
    Ok((inventory, [of_zones, of_offerings, of_networks, of_routers]))
}

/// The parts of a table, and the line of each. A part with mistakes is left out, and they are told.
fn parts<P: DeserializeOwned>(
    document: &Document<'_>,
    table: &str,
    problems: &mut List,
) -> (Vec<P>, Vec<u32>) {
    let Some(value) = document.get(table) else {
        return (Vec::new(), Vec::new());
    };
    let span = value.span();
    let DeValue::Array(items) = value.into_inner() else {
        let problem = document.at(&span, "this must be an array of tables");
        problems.push(problem.hint(format!("write [[{table}]]")));
        return (Vec::new(), Vec::new());
    };
    let mut read = (Vec::new(), Vec::new());
    for item in items {
        let line = document.line(item.span().start);
        if let Some(part) = document.read(item, problems) {
            read.0.push(part);
            read.1.push(line);
        }
        if problems.is_full() {
            break;
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::plan::examples::{cloud, default_services, offering};
    use crate::plan::inventory::NetworkKind;
    use crate::plan::{Plan, Policy};

    fn written(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn told(name: &str, text: &str) -> String {
        let (folder, path) = written(name, text);
        let words = read_file(&path, &Inventory::default())
            .unwrap_err()
            .to_string();
        words.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn what_is_written_as_toml_or_json_reads_back() {
        let inventory = cloud(
            NetworkKind::VpcTier,
            offering("o", &[("Dhcp", "VpcVirtualRouter")]),
        );
        for (name, text) in [
            ("a.toml", toml::to_string(&inventory).unwrap()),
            ("a.json", serde_json::to_string(&inventory).unwrap()),
        ] {
            let (_folder, path) = written(name, &text);
            let found = read_file(&path, &Inventory::default()).unwrap();
            assert_eq!(found.inventory, inventory);
            let whole = path.canonicalize().unwrap();
            assert_eq!(found.source, format!("file {}", whole.display()));
            let nothing = Settings::Given(Spoken::default());
            assert_eq!(found.scope(true).settings, nothing);
        }
    }

    #[test]
    fn a_setting_is_spoken_of_where_it_is_written_and_be_it_empty() {
        let mut inventory = cloud(NetworkKind::AdvancedIsolated, offering("o", &[]));
        let json = {
            let mut json = serde_json::to_value(&inventory).unwrap();
            json["routers"][0]["excluded"] = serde_json::json!([]);
            json["zones"][0]["monitoring"] = serde_json::Value::Null;
            json.to_string()
        };
        let mut spoken = Spoken::default();
        spoken.add("router", "r", "excluded");
        spoken.add("zone", "z", "monitoring");
        let (_folder, path) = written("a.json", &json);
        let found = read_file(&path, &Inventory::default()).unwrap();
        assert_eq!(found.settings, Settings::Given(spoken));
        inventory.networks[0].excluded.insert("ssh".into());
        let mut spoken = Spoken::default();
        spoken.add("network", "n", "excluded");
        let (_folder, path) = written("a.toml", &toml::to_string(&inventory).unwrap());
        let found = read_file(&path, &Inventory::default()).unwrap();
        assert_eq!(found.settings, Settings::Given(spoken));
    }

    #[test]
    fn the_sample_loads_and_every_router_in_it_has_a_plan() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/inventory.sample.toml");
        let found = read_file(&path, &Inventory::default()).unwrap();
        let routers = &found.inventory.routers;
        assert!(routers.len() >= 4, "{routers:?}");
        for router in routers {
            Plan::of(
                &found.inventory,
                &default_services(),
                &router.name,
                Policy::default(),
            )
            .unwrap();
        }
        let kinds: std::collections::BTreeSet<_> = found
            .inventory
            .networks
            .iter()
            .map(|it| format!("{:?}", it.kind))
            .collect();
        assert_eq!(kinds.len(), 4, "the sample shows every kind of network");
    }

    #[test]
    fn every_mistake_is_told_with_file_line_and_key() {
        let toml = "[[zones]]\nid = \"z\"\nname = \"z\"\nnetwork_type = \"flat\"\n\n[[zones]]\nid = 3\nnam = \"z\"\n\n[[router]]\n";
        for (name, text, expected) in [
            (
                "a.toml",
                toml,
                "a.toml:10: router: there is no such table; did you mean `routers`?\n\
                 a.toml:4: zones.network_type: `flat` is not possible here; possible are `basic` and `advanced`\n\
                 a.toml:7: zones.id: invalid type: integer `3`, expected a string\n\
                 a.toml:8: zones.nam: there is no such key; did you mean `name`?",
            ),
            (
                "a.toml",
                "zones = 1\n",
                "a.toml:1: zones: this must be an array of tables; write [[zones]]",
            ),
            ("a.toml", "x\n", "a.toml:1: key with no value, expected `=`"),
            (
                "a.json",
                "{\n\"zones\": [\n{\"id\": 1}]}",
                "a.json:3: invalid type: integer `1`, expected a string at line 3 column 8",
            ),
            (
                "a.yaml",
                "",
                "a.yaml: its name does not say what it is; end it in .toml or .json",
            ),
            (
                "a.toml",
                "\n[[networks]]\nid = \"n\"\nname = \"\"\nzone = \"z\"\noffering = \"o\"\nkind = \"basic_shared\"\n",
                "a.toml:2: network n: there is no offering o\na.toml:2: network n: there is no zone z",
            ),
            (
                "a.json",
                "{\"routers\": [{\"name\": \"r\", \"zone\": \"z\", \"hypervisor\": \"kvm\"}]}",
                "a.json: router r: there is no zone z",
            ),
        ] {
            assert_eq!(told(name, text), expected);
        }
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.toml");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        let huge = folder.path().join("huge.json");
        fs::File::create(&huge)
            .unwrap()
            .set_len(LARGEST.0 + 1)
            .unwrap();
        for (path, expected) in [
            (pipe, "is a FIFO, not a regular file"),
            (huge, "no more than 64MiB is read"),
            (folder.path().join("no.json"), "there is no such file"),
        ] {
            let words = read_file(&path, &Inventory::default())
                .unwrap_err()
                .to_string();
            assert!(words.ends_with(expected), "{words}");
        }
    }
}
