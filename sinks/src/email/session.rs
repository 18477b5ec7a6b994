//! One conversation with a mail server: connect, TLS, log in, then one mail after the other. Each
//! recipient is asked for alone, so that one who is refused costs the others nothing.

use std::io;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use tokio::time::{Instant, timeout_at};

use super::config::Config;
use super::connect::{self, Limit};
use super::errors::{Answer, SessionError, Step, Why, bare_code, words};
use super::login::{Login, Secrets};
use crate::resolve::Resolver;
use crate::tls;

/// How long a server may take to say good-bye.
const GOOD_BYE: Duration = Duration::from_secs(2);

/// A conversation in which mails can be sent.
pub(super) struct Session<'config> {
    config: &'config Config,
    connection: AsyncSmtpConnection,
    secrets: Secrets,
    limit: Limit,
}

/// What a server said to a mail, recipient by recipient.
#[derive(Debug, Default)]
pub(super) struct Outcome<'mail> {
    /// The server owns the mail for these.
    pub(super) taken: Vec<&'mail Address>,
    pub(super) deferred: Vec<(&'mail Address, String)>,
    pub(super) refused: Vec<(&'mail Address, String)>,
    /// Whether it is the content that was refused.
    pub(super) content: bool,
}

impl<'config> Session<'config> {
    /// Opens one. `router` is what we are called where that is a full host name.
    pub(super) async fn open(
        config: &'config Config,
        resolver: &mut Resolver,
        router: &str,
    ) -> Result<Self, SessionError> {
        let limit = Limit {
            whole: config.timeout,
            end: Instant::now() + config.timeout,
        };
        let opened = async {
            let stream = connect::connect(config, resolver, limit).await?;
            let hello = connect::hello(config, router, &stream);
            let stream = connect::prepared(config, stream, &hello, limit).await?;
            let secrets = Secrets::default();
            let greeting = AsyncSmtpConnection::connect_with_transport(stream, &hello);
            let connection = limit
                .smtp(Step::Greet, greeting)
                .await?
                .map_err(|error| failed(config, Step::Greet, &error, &secrets))?;
            let mut session = Self {
                config,
                connection,
                secrets,
                limit,
            };
            if let Some(login) = &config.login {
                session.log_in(login).await?;
            }
            Ok(session)
        };
        opened.await.map_err(|why| error(config, why))
    }

    async fn log_in(&mut self, login: &Login) -> Result<(), Why> {
        let reading = {
            let login = login.clone();
            tokio::task::spawn_blocking(move || login.password())
        };
        let password = reading.await.map_err(|error| Why::Io {
            step: Step::LogIn,
            source: io::Error::other(error),
        })??;
        self.secrets = login.secrets(&password);
        let credentials = login.credentials(&password);
        let offered = self.connection.server_info();
        if offered.get_auth_mechanism(login.mechanisms).is_none() {
            let wanted: Vec<String> = login.mechanisms.iter().map(ToString::to_string).collect();
            let words = format!(
                "the server does not offer AUTH {} here",
                wanted.join(" or ")
            );
            return Err(Why::Smtp {
                step: Step::LogIn,
                words,
            });
        }
        let work = self.connection.auth(login.mechanisms, &credentials);
        match self.limit.smtp(Step::LogIn, work).await? {
            Ok(_) => Ok(()),
            Err(error) if error.status().is_some() => Err(Why::Smtp {
                step: Step::LogIn,
                words: format!(
                    "{}; check `user` and `password_file`",
                    bare_code(&words(&error, &Secrets::default()))
                ),
            }),
            Err(error) => Err(failed(self.config, Step::LogIn, &error, &self.secrets)),
        }
    }

    /// Hands over one mail for these recipients.
    ///
    /// # Errors
    /// Where the conversation is over; nobody knows then whether the server took the mail.
    pub(super) async fn send<'mail>(
        &mut self,
        to: &[&'mail Address],
        message: &[u8],
    ) -> Result<Outcome<'mail>, SessionError> {
        let mut outcome = Outcome::default();
        let sent = self.exchange(to, message, &mut outcome).await;
        match sent {
            Ok(()) => Ok(outcome),
            Err(why) => Err(error(self.config, why)),
        }
    }

    async fn exchange<'mail>(
        &mut self,
        to: &[&'mail Address],
        message: &[u8],
        outcome: &mut Outcome<'mail>,
    ) -> Result<(), Why> {
        let from = self.config.from.address().clone();
        let mail = Mail::new(Some(from), Vec::new());
        let answer = self
            .limit
            .smtp(Step::Envelope, self.connection.command(mail));
        if let Err(no) = answer.await? {
            self.everybody(&no, to, Step::Envelope, outcome)?;
            return self.reset().await;
        }
        let mut accepted = Vec::new();
        for address in to {
            let recipient = Rcpt::new((*address).clone(), Vec::new());
            let answer = self
                .limit
                .smtp(Step::Envelope, self.connection.command(recipient));
            match answer.await? {
                Ok(_) => accepted.push(*address),
                Err(no) => self.everybody(&no, &[*address], Step::Envelope, outcome)?,
            }
        }
        if accepted.is_empty() {
            return self.reset().await;
        }
        let answer = self.limit.smtp(Step::Send, self.connection.command(Data));
        if let Err(no) = answer.await? {
            self.everybody(&no, &accepted, Step::Send, outcome)?;
            return self.reset().await;
        }
        let answer = self
            .limit
            .smtp(Step::Send, self.connection.message(message));
        match answer.await? {
            Ok(_) => outcome.taken = accepted,
            Err(no) => {
                self.everybody(&no, &accepted, Step::Send, outcome)?;
                outcome.content = true;
            }
        }
        Ok(())
    }

    /// The same "no" for several recipients.
    fn everybody<'mail>(
        &self,
        no: &SmtpError,
        to: &[&'mail Address],
        step: Step,
        outcome: &mut Outcome<'mail>,
    ) -> Result<(), Why> {
        let (list, words) = match Answer::new(no, &self.secrets) {
            Answer::Later(words) => (&mut outcome.deferred, words),
            Answer::Never(words) => (&mut outcome.refused, words),
            Answer::Over(_) => return Err(failed(self.config, step, no, &self.secrets)),
        };
        list.extend(to.iter().map(|address| (*address, words.clone())));
        Ok(())
    }

    /// Forgets what was begun, so that another mail can follow.
    async fn reset(&mut self) -> Result<(), Why> {
        let answer = self
            .limit
            .smtp(Step::Envelope, self.connection.command(Rset));
        answer
            .await?
            .map(drop)
            .map_err(|error| failed(self.config, Step::Envelope, &error, &self.secrets))
    }

    /// Says good-bye. What was taken is taken, whatever the answer.
    pub(super) async fn close(mut self) {
        let end = self.limit.end.min(Instant::now() + GOOD_BYE);
        let _ = timeout_at(end, self.connection.quit()).await;
    }
}

/// A step of SMTP that ended the conversation. With TLS 1.3 a server says only after the handshake
/// what it thinks of our certificate.
fn failed(config: &Config, step: Step, error: &SmtpError, secrets: &Secrets) -> Why {
    let explained = config
        .tls
        .as_ref()
        .and_then(|tls| tls::explain(error, &tls.settings, &tls.server_name.to_str()));
    match explained {
        Some(words) => Why::Tls(words),
        None => Why::Smtp {
            step,
            words: words(error, secrets),
        },
    }
}

fn error(config: &Config, why: Why) -> SessionError {
    SessionError {
        server: config.server.clone(),
        why,
    }
}
