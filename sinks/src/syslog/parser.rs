//! A strict reader of RFC 5424 lines, written from the RFC's grammar alone, to judge ours.

use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Line {
    pub(super) priority: u8,
    pub(super) id: String,
    pub(super) data: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) message: String,
}

struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn take(&mut self, expected: char) -> Result<(), String> {
        self.0 = self
            .0
            .strip_prefix(expected)
            .ok_or_else(|| format!("no `{expected}` before {:?}", self.0))?;
        Ok(())
    }

    fn until(&mut self, ends: &[char], limit: usize) -> Result<&'a str, String> {
        let end = self.0.find(ends).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        if word.is_empty() || word.len() > limit || !word.bytes().all(|it| it.is_ascii_graphic()) {
            return Err(format!("bad word {word:?}"));
        }
        Ok(word)
    }

    fn value(&mut self) -> Result<String, String> {
        self.take('"')?;
        let mut value = String::new();
        let mut letters = self.0.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Ok(value);
                }
                ']' => return Err("a bare `]` in a value".into()),
                '\\' => match letters.next() {
                    Some((_, escaped @ ('"' | '\\' | ']'))) => value.push(escaped),
                    other => return Err(format!("bad escape {other:?}")),
                },
                control if control.is_control() => return Err("a control character".into()),
                letter => value.push(letter),
            }
        }
        Err("a value without an end".into())
    }
}

pub(super) fn parse_5424(line: &[u8]) -> Result<Line, String> {
    let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    let mut rest = Reader(text);
    rest.take('<')?;
    let priority: u8 = rest.until(&['>'], 3)?.parse().map_err(|_| "no priority")?;
    rest.take('>')?;
    if priority > 191 || rest.until(&[' '], 3)? != "1" {
        return Err("bad priority or version".into());
    }
    rest.take(' ')?;
    let stamp = rest.until(&[' '], 32)?;
    if stamp.parse::<contract::Timestamp>().is_err() || !stamp.ends_with('Z') {
        return Err(format!("bad time stamp {stamp}"));
    }
    let mut id = "";
    // HOSTNAME, APP-NAME, PROCID, MSGID.
    for limit in [255, 48, 128, 32] {
        rest.take(' ')?;
        id = rest.until(&[' '], limit)?;
    }
    rest.take(' ')?;
    let mut data = BTreeMap::new();
    while rest.0.starts_with('[') {
        rest.take('[')?;
        let name = rest.until(&[' ', ']', '=', '"'], 32)?;
        let mut fields = BTreeMap::new();
        while rest.0.starts_with(' ') {
            rest.take(' ')?;
            let key = rest.until(&[' ', ']', '=', '"'], 32)?;
            rest.take('=')?;
            if fields.insert(key.to_owned(), rest.value()?).is_some() {
                return Err(format!("{key} twice"));
            }
        }
        rest.take(']')?;
        if data.insert(name.to_owned(), fields).is_some() {
            return Err(format!("{name} twice"));
        }
    }
    rest.take(' ')?;
    let message = rest.0.strip_prefix('\u{feff}').unwrap_or(rest.0);
    if message.len() == rest.0.len() && !message.is_ascii() {
        return Err("UTF-8 without a byte order mark".into());
    }
    Ok(Line {
        priority,
        id: id.to_owned(),
        data,
        message: message.to_owned(),
    })
}
