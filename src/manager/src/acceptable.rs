//! Which events of routers are taken, whichever way they come: what a router says is bounded before
//! it gets near a header, a page or the database.

use contract::{Event, Fact};

/// The longest name of a router, service or process; bytes.
const LONGEST_NAME: usize = 255;
/// The longest id of an event or outage; bytes.
const LONGEST_ID: usize = 128;

/// What the ids of the manager's own events and outages begin with, and no others.
pub(crate) const OWN_IDS: &str = "manager.";
/// The longest event, as JSON; bytes. Ours stay below a third of it: a command's output is cut to
/// 4 KiB and the detail of an unknown kind to 16 KiB before they are sent.
pub(crate) const LARGEST_EVENT: usize = 64 << 10;
/// The most values in one event: numbers, texts, lists, objects. Ours have about thirty.
const MOST_VALUES: usize = 1000;
/// The most that the events which come in at once may weigh, see [`weight`].
pub(crate) const HEAVIEST: usize = 8 << 20;
/// What a value takes in memory beside its own bytes, and an object with its first field.
const A_VALUE: usize = 64;
const AN_OBJECT: usize = 704;

/// About how many bytes of memory JSON takes once it is read into a tree, at most.
pub(crate) fn weight(json: &str) -> usize {
    let count = |is: fn(u8) -> bool| json.bytes().filter(|byte| is(*byte)).count();
    let values = count(|byte| matches!(byte, b',' | b'['));
    json.len() + values * A_VALUE + count(|byte| byte == b'{') * AN_OBJECT
}

/// The same for an event that was read from this JSON: only what is kept of it as a tree counts.
pub(crate) fn weight_of(event: &Event, json: &str) -> usize {
    match &event.fact {
        Fact::Unknown { .. } => weight(json),
        _ => json.len(),
    }
}

/// Why an event is not even to be read from its JSON; `None`: it may be.
pub(crate) fn too_large(json: &str) -> Option<String> {
    if json.len() > LARGEST_EVENT {
        return Some(format!("it has more than {LARGEST_EVENT} bytes"));
    }
    // Values are not fewer than bytes; most events need no second look.
    (json.len() > MOST_VALUES && values(json) > MOST_VALUES)
        .then(|| format!("it is made of more than {MOST_VALUES} values"))
}

/// How many values JSON is made of, give or take one for each empty list or object.
fn values(json: &str) -> usize {
    let (mut values, mut in_text, mut escaped) = (1, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    values
}

/// Whether it can be an id: visible ASCII.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether it can be a name: text of bounded length without control characters.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

/// What is wrong with an event, besides whose it is; `None`: nothing.
pub(crate) fn problem(event: &Event) -> Option<&'static str> {
    if !is_id(&event.id) || !event.outage.as_deref().is_none_or(is_id) {
        return Some("an id is empty, too long, or holds more than visible ASCII");
    }
    if event.id.starts_with(OWN_IDS)
        || event
            .outage
            .as_deref()
            .is_some_and(|outage| outage.starts_with(OWN_IDS))
    {
        return Some("an id begins with `manager.`, as only the manager's own do");
    }
    if matches!(
        event.fact,
        Fact::RouterUnreachable { .. } | Fact::RouterReachable { .. }
    ) {
        return Some("its kind is one that only the manager may tell");
    }
    let names = [&event.service, &event.process];
    if !names.into_iter().flatten().all(|name| is_name(name)) {
        return Some("a name is too long or holds control characters");
    }
    if event.fact.is_about_a_zone() {
        return Some("only the management server tells of whole zones");
    }
    if let Fact::Unknown { kind, .. } = &event.fact
        && !is_id(kind)
    {
        return Some("its `kind` is empty, too long, or holds more than visible ASCII");
    }
    if i64::try_from(event.seq).is_err() {
        return Some("its `seq` is too large");
    }
    if !(0..=9999).contains(&event.time.to_utc().year()) {
        return Some("its `time` is out of all bounds");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_texts() {
        for (json, count) in [
            ("0", 1),
            ("[0,0]", 3),
            (r#"{"a":[1,2],"b":{}}"#, 6),
            (r#"",,[{\",,\\""#, 1),
            (r#"["\\\"[,",0]"#, 3),
        ] {
            assert_eq!(values(json), count, "{json}");
        }
    }

    #[test]
    fn an_event_of_many_values_is_too_large_and_one_with_a_long_text_is_not() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count));
        assert_eq!(too_large(&list(900)), None);
        assert!(too_large(&list(1000)).unwrap().contains("1000 values"));
        let text = |count: usize| format!("[\"{}\"]", ",[{".repeat(count));
        assert_eq!(too_large(&text(20_000)), None);
        assert!(too_large(&text(22_000)).unwrap().contains("65536 bytes"));
        assert!(weight(&list(900)) > 900 * A_VALUE);
        assert!(weight(&text(1)) > AN_OBJECT);
    }
}
