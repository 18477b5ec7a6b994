//! A list to its end, page by page. Bounded: in pages, in items, and in what one page may hold.

use std::collections::BTreeMap;

use contract::clean;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sinks::cloudstack::Api;

use super::ImportError;

/// What CloudStack allows unless it was told otherwise (`default.page.size`).
const PAGE: usize = 500;
/// The largest answer; bytes. A router with all its interfaces has some 4 kB.
const LARGEST: usize = 16 * 1024 * 1024;
/// The most of a kind.
const MOST: usize = 100_000;
/// How often a list is read anew when things come and go while it is read.
const ATTEMPTS: usize = 3;

/// What a list is made of.
pub(super) trait Item: DeserializeOwned {
    /// The name of the list in the answer.
    const LIST: &'static str;

    /// CloudStack's UUID; empty when it is missing.
    fn id(&self) -> &str;
}

/// All items that a command lists, none twice.
pub(super) async fn all<I: Item>(
    api: &Api,
    command: &'static str,
    parameters: &[(&'static str, &str)],
) -> Result<Vec<I>, ImportError> {
    let mut attempt = 1;
    loop {
        match once(api, command, parameters).await {
            Err(ImportError::NotWhole { .. } | ImportError::Unsettled { .. })
                if attempt < ATTEMPTS =>
            {
                attempt += 1;
            }
            other => return other,
        }
    }
}

async fn once<I: Item>(
    api: &Api,
    command: &'static str,
    parameters: &[(&'static str, &str)],
) -> Result<Vec<I>, ImportError> {
    let mut items: Vec<I> = Vec::new();
    // On which page each was.
    let mut seen = BTreeMap::new();
    let mut count = None;
    let mut listed = 0;
    for page in 1.. {
        let (number, size) = (page.to_string(), PAGE.to_string());
        let mut all = parameters.to_vec();
        all.extend([("page", number.as_str()), ("pagesize", size.as_str())]);
        let called = api.call(command, &all, LARGEST).await;
        let answer = called.map_err(|source| ImportError::Call {
            command,
            page,
            source,
        })?;
        let read = Page::<I>::read(answer).map_err(|words| ImportError::Answer {
            command,
            page,
            words,
        })?;
        let got = read.items.len();
        listed += got;
        for item in read.items {
            let id = item.id().to_owned();
            match seen.get(&id) {
                // It moved from one page to the next.
                Some(before) if *before != page => return Err(ImportError::Unsettled { command }),
                Some(_) => {}
                None => {
                    if !id.is_empty() {
                        seen.insert(id, page);
                    }
                    items.push(item);
                }
            }
        }
        // Where one went, another moved to a page that was read already. Behind the end there may
        // be no count.
        if page == 1 {
            count = read.count;
        } else if got > 0 && read.count != count {
            return Err(ImportError::Unsettled { command });
        }
        if listed > MOST || page > MOST / PAGE {
            let most = MOST;
            return Err(ImportError::TooMany { command, most });
        }
        match count {
            // Old commands do not count: a page that is not full is the last.
            None if got < PAGE => return Ok(items),
            Some(count) if listed >= count => return Ok(items),
            Some(count) if got == 0 => {
                let got = listed;
                return Err(ImportError::NotWhole {
                    command,
                    count,
                    got,
                });
            }
            _ => {}
        }
    }
    Ok(items)
}

struct Page<I> {
    count: Option<usize>,
    items: Vec<I>,
}

impl<I: Item> Page<I> {
    /// Reads `{"count": 2, "router": [{…}, {…}]}`, or `{}` when there are none.
    fn read(mut answer: Value) -> Result<Self, String> {
        let Some(fields) = answer.as_object_mut() else {
            return Err("it is no object".into());
        };
        let list = fields.remove(I::LIST);
        let count = match fields.get("count").filter(|count| !count.is_null()) {
            None => list.is_none().then_some(0),
            Some(count) => {
                let count = count.as_u64().and_then(|count| usize::try_from(count).ok());
                Some(count.ok_or("`count` is no number")?)
            }
        };
        let Some(list) = list.filter(|list| !list.is_null()) else {
            let items = Vec::new();
            return Ok(Self { count, items });
        };
        let items = Vec::<I>::deserialize(list).map_err(|error| {
            let words = clean::line(&error.to_string());
            format!(
                "`{}`: {}",
                I::LIST,
                words.chars().take(200).collect::<String>()
            )
        })?;
        Ok(Self { count, items })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Thing {
        id: String,
    }

    impl Item for Thing {
        const LIST: &'static str = "thing";

        fn id(&self) -> &str {
            &self.id
        }
    }

    #[test]
    fn a_page_is_read_in_every_shape() {
        for (text, count, items) in [
            ("{}", Some(0), 0),
            (r#"{"count":0}"#, Some(0), 0),
            (
                r#"{"count":3,"thing":[{"id":"a","more":{}},{"id":"b"}]}"#,
                Some(3),
                2,
            ),
            (r#"{"thing":[{"id":"a"}]}"#, None, 1),
            (r#"{"count":null,"thing":null}"#, None, 0),
        ] {
            let page = Page::<Thing>::read(serde_json::from_str(text).unwrap()).unwrap();
            assert_eq!((page.count, page.items.len()), (count, items), "{text}");
        }
        for text in [
            "[]",
            "7",
            r#"{"count":-1}"#,
            r#"{"count":"x","thing":[]}"#,
            r#"{"thing":{}}"#,
            r#"{"thing":[{"id":7}]}"#,
        ] {
            assert!(
                Page::<Thing>::read(serde_json::from_str(text).unwrap()).is_err(),
                "{text}"
            );
        }
    }
}
