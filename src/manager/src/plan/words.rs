//! Says in words how two parts of an inventory differ: `address 169.254.1.9 → 169.254.1.10`.

use std::collections::BTreeSet;

use contract::clean;
use serde::Serialize;
use serde_json::{Map, Value};

/// The most of one value that is told; characters.
const MOST: usize = 200;

/// `router r-42-VM: …`, as one harmless line.
pub(super) fn line(kind: &str, name: &str, what: &str) -> String {
    clean::line(&format!("{kind} {name}: {what}"))
}

/// The fields in which two parts differ, each with what it was and what it becomes.
pub(super) fn difference<P: Serialize>(before: &P, after: &P) -> String {
    let (before, after) = (fields(before), fields(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let told = |name: &&String| {
        let (before, after) = (before.get(*name), after.get(*name));
        (before != after).then(|| format!("{name} {} → {}", said(before), said(after)))
    };
    names.iter().filter_map(told).collect::<Vec<_>>().join(", ")
}

fn fields<P: Serialize>(part: &P) -> Map<String, Value> {
    match serde_json::to_value(part) {
        Ok(Value::Object(fields)) => fields,
        // A part is a struct of plain values: it is always an object.
        _ => Map::new(),
    }
}

fn said(value: Option<&Value>) -> String {
    let words = value.map_or_else(|| "none".into(), plain);
    if words.chars().count() <= MOST {
        return words;
    }
    let mut short: String = words.chars().take(MOST - 1).collect();
    short.push('…');
    short
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" + "),
        Value::Object(fields) => {
            let one = |(name, value): (&String, &Value)| format!("{name}={}", plain(value));
            format!("({})", fields.iter().map(one).collect::<Vec<_>>().join(" "))
        }
    }
}
