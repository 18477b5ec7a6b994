//! The files of one push on the router: what was there, what was written beside, what was renamed.
//! Keeps the books, so that what is left can be taken away and what was replaced can be put back.

use super::config::Push;
use super::outcome::{PushError, words};
use crate::routers::shell::{Answer, ReachError, Shell};

/// What a file was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Old {
    /// Not there.
    Absent,
    /// This.
    Is(Vec<u8>),
    /// There, but not to be read, or more than is taken; says why. It is replaced, but cannot be put
    /// back.
    Unread(String),
}

/// The files of a push.
#[derive(Debug, Default)]
pub(super) struct Placed(Vec<File>);

#[derive(Debug)]
struct File {
    path: String,
    old: Old,
    is_renamed: bool,
}

impl File {
    fn beside(&self) -> String {
        beside(&self.path)
    }
}

/// Where the new file is written.
pub(super) fn beside(path: &str) -> String {
    format!("{path}.vrwatch-new")
}

/// Takes away what a push has left beside that did not come to its end. One push at a time is under
/// way to a router, so that it is nobody's.
///
/// # Errors
/// When the router cannot be asked.
pub(super) async fn sweep(
    shell: &mut dyn Shell,
    settings: &Push,
    paths: [&str; 2],
) -> Result<(), ReachError> {
    let left = paths.map(beside);
    let arguments = ["-f", "--", left[0].as_str(), left[1].as_str()];
    let answer = run(shell, settings, "rm", &arguments, &[]).await?;
    if !answer.is_well() {
        let said = contract::clean::line(&String::from_utf8_lossy(&answer.errors));
        tracing::debug!(
            said,
            "what an earlier push wrote beside is left on the router"
        );
    }
    Ok(())
}

/// What is there now.
///
/// # Errors
/// When the router cannot be asked.
pub(super) async fn read(
    shell: &mut dyn Shell,
    settings: &Push,
    path: &str,
) -> Result<Old, ReachError> {
    match run(shell, settings, "cat", &["--", path], &[]).await {
        Ok(answer) if answer.is_well() => Ok(Old::Is(answer.output)),
        Ok(answer) => {
            // A link counts, whatever it leads to: it is what would be replaced.
            let arguments = ["-e", path, "-o", "-L", path];
            let there = run(shell, settings, "test", &arguments, &[]).await?;
            Ok(match there.exit {
                Some(1) => Old::Absent,
                _ => Old::Unread(words(&answer.errors)),
            })
        }
        Err(error @ ReachError::TooMuch(_)) => Ok(Old::Unread(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Runs a program within the time of one call.
pub(super) async fn run(
    shell: &mut dyn Shell,
    settings: &Push,
    program: &str,
    arguments: &[&str],
    input: &[u8],
) -> Result<Answer, ReachError> {
    shell
        .run(program, arguments, input, settings.call_timeout.get())
        .await
}

impl Placed {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where the new file lies, when `path` has one.
    pub(super) fn new_file(&self, path: &str) -> Option<String> {
        let file = self.0.iter().find(|file| file.path == path)?;
        Some(file.beside())
    }

    /// Writes a new file beside the old one, down to the disk.
    pub(super) async fn write(
        &mut self,
        shell: &mut dyn Shell,
        settings: &Push,
        path: &str,
        text: &str,
        old: Old,
    ) -> Result<(), PushError> {
        let file = File {
            path: path.to_owned(),
            old,
            is_renamed: false,
        };
        let beside = file.beside();
        // On the books first: a write that is cut leaves a part.
        self.0.push(file);
        write_to(shell, settings, &beside, text.as_bytes()).await
    }

    /// Gives the new files the names of the old ones.
    pub(super) async fn rename(
        &mut self,
        shell: &mut dyn Shell,
        settings: &Push,
    ) -> Result<(), PushError> {
        for place in 0..self.0.len() {
            if let Err(error) = self.rename_one(place, shell, settings).await {
                let back = self.put_back(shell, settings).await;
                return Err(error.and(back));
            }
        }
        Ok(())
    }

    async fn rename_one(
        &mut self,
        place: usize,
        shell: &mut dyn Shell,
        settings: &Push,
    ) -> Result<(), PushError> {
        let Some(file) = self.0.get_mut(place) else {
            return Ok(());
        };
        let beside = file.beside();
        let arguments = ["-f", "-T", "--", beside.as_str(), file.path.as_str()];
        let answer = run(shell, settings, "mv", &arguments, &[]).await?;
        if !answer.is_well() {
            return Err(PushError::failed(
                format!("renaming {beside}"),
                &answer.errors,
            ));
        }
        file.is_renamed = true;
        Ok(())
    }

    /// The paths of what was sent.
    pub(super) fn done(&self) -> Vec<String> {
        self.0.iter().map(|file| file.path.clone()).collect()
    }

    /// Takes away what was written beside. What was renamed is checked and whole, and stays.
    pub(super) async fn tidy(&mut self, shell: &mut dyn Shell, settings: &Push) {
        let left: Vec<String> = self
            .0
            .iter()
            .filter(|file| !file.is_renamed)
            .map(File::beside)
            .collect();
        if left.is_empty() {
            return;
        }
        let mut arguments = vec!["-f", "--"];
        arguments.extend(left.iter().map(String::as_str));
        if let Err(error) = run(shell, settings, "rm", &arguments, &[]).await {
            tracing::debug!(%error, "what was written beside is left on the router");
        }
    }

    /// Puts back what was replaced, the last first. Says what became of each.
    pub(super) async fn put_back(&mut self, shell: &mut dyn Shell, settings: &Push) -> Vec<String> {
        let mut told = Vec::new();
        for file in self.0.iter_mut().rev().filter(|file| file.is_renamed) {
            let path = &file.path;
            let back = match &file.old {
                Old::Absent => remove(shell, settings, path)
                    .await
                    .map(|()| format!("{path}, which was not there before, was removed")),
                Old::Is(bytes) => replace(shell, settings, &file.beside(), path, bytes)
                    .await
                    .map(|()| format!("the old {path} was put back")),
                Old::Unread(why) => {
                    told.push(format!(
                        "the new {path} stays, for the old one could not be read before: {why}"
                    ));
                    continue;
                }
            };
            match back {
                Ok(words) => {
                    file.is_renamed = false;
                    told.push(words);
                }
                Err(error) => {
                    tracing::warn!(path, %error, "the old file could not be put back");
                    told.push(format!(
                        "the new {path} stays, for the old one could not be put back: {error}"
                    ));
                }
            }
        }
        told
    }
}

async fn remove(shell: &mut dyn Shell, settings: &Push, path: &str) -> Result<(), PushError> {
    let answer = run(shell, settings, "rm", &["-f", "--", path], &[]).await?;
    if answer.is_well() {
        Ok(())
    } else {
        Err(PushError::failed(
            format!("removing {path}"),
            &answer.errors,
        ))
    }
}

async fn replace(
    shell: &mut dyn Shell,
    settings: &Push,
    beside: &str,
    path: &str,
    bytes: &[u8],
) -> Result<(), PushError> {
    write_to(shell, settings, beside, bytes).await?;
    let answer = run(
        shell,
        settings,
        "mv",
        &["-f", "-T", "--", beside, path],
        &[],
    )
    .await?;
    if answer.is_well() {
        Ok(())
    } else {
        Err(PushError::failed(
            format!("putting {path} back"),
            &answer.errors,
        ))
    }
}

async fn write_to(
    shell: &mut dyn Shell,
    settings: &Push,
    path: &str,
    bytes: &[u8],
) -> Result<(), PushError> {
    let target = format!("of={path}");
    let arguments = [target.as_str(), "conv=fsync", "status=none"];
    let answer = run(shell, settings, "dd", &arguments, bytes).await?;
    if answer.is_well() {
        Ok(())
    } else {
        Err(PushError::failed(format!("writing {path}"), &answer.errors))
    }
}
