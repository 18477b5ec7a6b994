//! The four daemons of a `CloudStack` router, as Debian ships them: where their pid files, ports and
//! configuration are, and how their configuration can be spoiled and mended.

use crate::harness::Router;

/// One of the real daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// DNS and DHCP; a single process.
    Dnsmasq,
    /// The load balancer; a reload starts a new process that takes over.
    Haproxy,
    /// The SSH server, on `CloudStack`'s port.
    Sshd,
    /// The web server; a parent with several children that share its sockets.
    Apache2,
}

impl AsRef<str> for Peer {
    fn as_ref(&self) -> &str {
        self.section()
    }
}

impl Peer {
    /// All four, in the order of `CloudStack`'s table.
    pub(crate) const ALL: [Self; 4] = [Self::Sshd, Self::Dnsmasq, Self::Haproxy, Self::Apache2];

    /// `CloudStack`'s name for the service; the section in `monitor.conf`.
    pub(crate) const fn section(self) -> &'static str {
        match self {
            Self::Dnsmasq => "dhcp",
            Self::Haproxy => "loadbalancing",
            Self::Sshd => "ssh",
            Self::Apache2 => "webserver",
        }
    }

    /// The name of its process.
    pub(crate) const fn process(self) -> &'static str {
        match self {
            Self::Dnsmasq => "dnsmasq",
            Self::Haproxy => "haproxy",
            Self::Sshd => "sshd",
            Self::Apache2 => "apache2",
        }
    }

    /// Its name for `service`.
    pub(crate) const fn service(self) -> &'static str {
        match self {
            Self::Sshd => "ssh",
            other => other.process(),
        }
    }

    /// Its pid file.
    pub(crate) const fn pid_file(self) -> &'static str {
        match self {
            Self::Dnsmasq => "/run/dnsmasq/dnsmasq.pid",
            Self::Haproxy => "/run/haproxy.pid",
            Self::Sshd => "/run/sshd.pid",
            Self::Apache2 => "/run/apache2/apache2.pid",
        }
    }

    /// Its TCP port on 127.0.0.1.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Dnsmasq => 53,
            Self::Haproxy => 8080,
            Self::Sshd => 3922,
            Self::Apache2 => 80,
        }
    }

    /// Its section of `monitor.conf`, as `CloudStack` writes it.
    pub(crate) fn monitor_conf(self) -> String {
        format!(
            "[{}]\nprocessname={}\nservicename={}\npidfile=/var{}\n",
            self.section(),
            self.process(),
            self.service(),
            self.pid_file()
        )
    }

    /// Puts a small configuration of its own into the box.
    pub(crate) fn install(self, router: &Router) {
        router.write(self.config_file(), self.config());
        match self {
            Self::Sshd => {
                let make_key = "rm -f /etc/ssh/ssh_host_* && exec ssh-keygen -q -t ed25519 -N '' \
                                -f /etc/ssh/ssh_host_ed25519_key";
                router.run(["sh", "-c", make_key]).expect_success();
            }
            Self::Apache2 => router.write("/etc/apache2/ports.conf", "Listen 127.0.0.1:80\n"),
            Self::Dnsmasq | Self::Haproxy => {}
        }
    }

    /// Spoils the configuration, so that the daemon no longer starts.
    pub(crate) fn spoil(self, router: &Router) {
        let spoiled = format!("{}{}\n", self.config(), self.mistake());
        router.write(self.config_file(), &spoiled);
    }

    /// Puts the right configuration back.
    pub(crate) fn mend(self, router: &Router) {
        router.write(self.config_file(), self.config());
    }

    /// What the daemon itself says of the spoiled configuration.
    pub(crate) const fn complaint(self) -> &'static str {
        match self {
            Self::Dnsmasq => "failed to create listening socket for 192.0.2.1",
            Self::Haproxy => "unknown keyword 'nonsense'",
            Self::Sshd => "Bad configuration option: nonsense",
            Self::Apache2 => "Invalid command 'nonsense'",
        }
    }

    /// The line that spoils the configuration.
    ///
    /// Debian's script for dnsmasq hides what dnsmasq says of a line it cannot read
    /// (`dnsmasq --test >/dev/null 2>&1`); an address that the router does not have passes that
    /// test, and then dnsmasq says why it does not start.
    const fn mistake(self) -> &'static str {
        match self {
            Self::Dnsmasq => "listen-address=192.0.2.1",
            Self::Haproxy | Self::Sshd | Self::Apache2 => "nonsense yes",
        }
    }

    /// The file that is spoiled and mended.
    pub(crate) const fn config_file(self) -> &'static str {
        match self {
            Self::Dnsmasq => "/etc/dnsmasq.conf",
            Self::Haproxy => "/etc/haproxy/haproxy.cfg",
            Self::Sshd => "/etc/ssh/sshd_config",
            Self::Apache2 => "/etc/apache2/conf-enabled/router.conf",
        }
    }

    const fn config(self) -> &'static str {
        match self {
            Self::Dnsmasq => {
                "bind-interfaces\nlisten-address=127.0.0.1\nno-resolv\nno-hosts\n\
                 address=/router.test/10.1.1.1\n"
            }
            Self::Haproxy => {
                "global\n  maxconn 100\n  user haproxy\n  group haproxy\n\
                 defaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  \
                 timeout server 5s\n\
                 frontend www\n  bind 127.0.0.1:8080\n  default_backend web\n\
                 backend web\n  server web 127.0.0.1:80\n"
            }
            Self::Sshd => {
                "Port 3922\nListenAddress 127.0.0.1\nUsePAM no\nPasswordAuthentication no\n"
            }
            Self::Apache2 => "ServerName r-42-VM\n",
        }
    }
}
