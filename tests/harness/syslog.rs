//! A real rsyslogd in the box, which takes lines from `/dev/log`, UDP, TCP and TLS and writes them
//! to one file, from which a story reads them back.

use crate::harness::{Router, eventually};

/// Where it listens, beside `/dev/log`: UDP and TCP.
pub(crate) const PORT: u16 = 514;
/// Where it listens with TLS.
pub(crate) const TLS_PORT: u16 = 6514;
/// Where it takes RFC 5424 over a local socket; on `/dev/log` it expects the older format.
pub(crate) const SOCKET_5424: &str = "/run/log5424";
/// The certificate of the authority that signed its own.
pub(crate) const AUTHORITY: &str = "/etc/rsyslog.d/authority.pem";
/// Its own certificate, for 127.0.0.1, `localhost` and [`ADDRESS`]; other receivers of the box show
/// it too.
pub(crate) const CERTIFICATE: &str = "/etc/rsyslog.d/server.pem";
/// Where a box can be reached that others reach.
pub(crate) const ADDRESS: &str = "192.0.2.1";
/// The key to it.
pub(crate) const KEY: &str = "/etc/rsyslog.d/server.key";

const CONFIG: &str = "/etc/rsyslog.conf";
const PID_FILE: &str = "/run/rsyslogd.pid";
const COLLECTED: &str = "/var/log/collected";

/// The syslog server of a box; it ends with the box.
pub(crate) struct Syslog<'router> {
    router: &'router Router,
}

impl<'router> Syslog<'router> {
    /// Starts it and waits until it takes lines.
    #[track_caller]
    pub(crate) fn start(router: &'router Router) -> Self {
        install_certificates(router);
        router.write(
            CONFIG,
            &format!(
                r#"
                global(workDirectory="/tmp" defaultNetstreamDriverCAFile="{AUTHORITY}"
                    defaultNetstreamDriverCertFile="{CERTIFICATE}"
                    defaultNetstreamDriverKeyFile="{KEY}")
                module(load="imuxsock" sysSock.unlink="on" sysSock.rateLimit.interval="0")
                input(type="imuxsock" socket="{SOCKET_5424}" unlink="on" rateLimit.interval="0"
                    useSpecialParser="off")
                module(load="imudp")
                module(load="imtcp")
                input(type="imudp" address="127.0.0.1" port="{PORT}")
                input(type="imtcp" address="127.0.0.1" port="{PORT}")
                input(type="imtcp" address="127.0.0.1" port="{TLS_PORT}" streamDriver.name="gtls"
                    streamDriver.mode="1" streamDriver.authMode="anon")
                template(name="line" type="string"
                    string="%inputname%|%syslogseverity-text%|%app-name%|%structured-data%|%msg%\n")
                action(type="omfile" file="{COLLECTED}" template="line" flushOnTXEnd="on")
                "#
            ),
        );
        let syslog = Self { router };
        syslog.start_again();
        syslog
    }

    /// The one that was started in a box before.
    pub(crate) const fn of(router: &'router Router) -> Self {
        Self { router }
    }

    /// Starts it after [`Self::stop`].
    #[track_caller]
    pub(crate) fn start_again(&self) {
        let start = self.router.run(["rsyslogd", "-f", CONFIG, "-i", PID_FILE]);
        assert!(start.status.success(), "{start:#?}");
        let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{TLS_PORT}");
        eventually(
            "rsyslogd listens",
            || {
                let listens = self.router.run(["bash", "-c", &connect]).status.success();
                (listens && self.router.path("/dev/log").exists()).then_some(())
            },
            || format!("{start:#?}\n{}", self.router.processes()),
        );
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.router.read(PID_FILE).trim().parse().unwrap()
    }

    /// Ends it; what it has taken by then is in its file.
    #[track_caller]
    pub(crate) fn stop(&self) {
        let pid = self.pid();
        self.router.signal(pid, "TERM");
        eventually(
            "rsyslogd ends",
            || (!self.router.is_alive(pid)).then_some(()),
            || self.router.processes(),
        );
    }

    /// Every line so far: `input|severity|tag|structured data|message`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = self.router.read(COLLECTED);
        text.lines().map(str::to_owned).collect()
    }

    /// The ids of the events in the lines so far, in order; RFC 5424's data alone has them.
    pub(crate) fn ids(&self) -> Vec<String> {
        let lines = self.lines();
        let ids = lines.iter().filter_map(|line| {
            let (_, rest) = line.split_once(" id=\"")?;
            Some(rest.split('"').next()?.to_owned())
        });
        ids.collect()
    }

    /// Waits until that many lines contain a text; returns them.
    #[track_caller]
    pub(crate) fn until(&self, count: usize, text: &str) -> Vec<String> {
        eventually(
            &format!("{count} lines with `{text}`"),
            || {
                let mut lines = self.lines();
                lines.retain(|line| line.contains(text));
                (lines.len() >= count).then_some(lines)
            },
            || self.lines().join("\n"),
        )
    }
}

/// An authority of the box's own, and a certificate of it.
fn install_certificates(router: &Router) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::default();
    // Two certificates of one subject would look like one that signed itself.
    authority.distinguished_name = rcgen::DistinguishedName::new();
    let name = "the stories' authority";
    authority
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = ["127.0.0.1", "localhost", ADDRESS].map(str::to_owned);
    let server = rcgen::CertificateParams::new(names).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    router.write(AUTHORITY, &authority_certificate.pem());
    router.write(CERTIFICATE, &certificate.pem());
    router.write_secret(KEY, &key.serialize_pem());
}
