//! Reading the settings again while the edge runs.

use std::path::{Path, PathBuf};

use channel::SecretText;
use settings::edge::{Hub, Out, Proxy, Settings};
use settings::{Errors, readable_by_others};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::status::{Reading, ServiceStatus};

/// Where a running edge has its settings from, and whoever wants them to be read again.
#[derive(Debug)]
pub struct Reload {
    origin: Origin,
    service: watch::Sender<ServiceStatus>,
}

#[derive(Debug)]
enum Origin {
    /// A file, to be read again at SIGHUP.
    File { file: PathBuf, hangup: Signal },
    /// The host, which sends them. The last that came counts.
    Host {
        texts: mpsc::UnboundedReceiver<SecretText>,
        latest: Option<SecretText>,
    },
}

/// What messages call settings that came from the host.
pub const FROM_HOST: &str = "settings from the host";

/// What the settings and those that are in force come to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Merged {
    /// What the edge goes by from here on.
    settings: Settings,
    /// Keys that say something else now and count at the next start only.
    need_restart: Vec<&'static str>,
}

impl Reload {
    /// Looks out for SIGHUP from now on. `settings` are what was read at the start from `file`.
    ///
    /// # Errors
    /// When SIGHUP can't be caught.
    pub fn of_file(settings: &Settings, file: &Path) -> std::io::Result<Self> {
        // The working directory may be another one later.
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        warn_of_file(settings, &file);
        let hangup = signal(SignalKind::hangup())?;
        let name = file.clone();
        Ok(Self::new(settings, Origin::File { file, hangup }, name))
    }

    /// Takes settings from the host. `settings` are the first that it sent.
    pub fn of_host(settings: &Settings, texts: mpsc::UnboundedReceiver<SecretText>) -> Self {
        let latest = None;
        Self::new(settings, Origin::Host { texts, latest }, FROM_HOST.into())
    }

    fn new(settings: &Settings, origin: Origin, file: PathBuf) -> Self {
        warn_of_clear_text(settings);
        let reading = Reading {
            file,
            count: 1,
            error: None,
            need_restart: Vec::new(),
        };
        Self {
            origin,
            service: watch::Sender::new(ServiceStatus::new(settings, reading)),
        }
    }

    /// What the status says of the settings.
    pub fn service(&self) -> watch::Receiver<ServiceStatus> {
        self.service.subscribe()
    }

    /// Done when the settings are to be read again. May be cancelled at any time.
    pub async fn wanted(&mut self) {
        let wanted = match &mut self.origin {
            Origin::File { hangup, .. } => hangup.recv().await.is_some(),
            Origin::Host { texts, latest } => {
                *latest = texts.recv().await;
                latest.is_some()
            }
        };
        if !wanted {
            std::future::pending().await
        }
    }

    /// Reads the settings and lets `change` put into force what of them can be while the edge runs.
    /// Gives what is in force then. Wrong settings change nothing.
    pub fn read(&mut self, running: &Settings, change: impl FnOnce(&Settings)) -> Option<Settings> {
        let mut reading = self.service.borrow().settings.clone();
        reading.count += 1;
        let new = match self.origin.load() {
            Ok(new) => {
                warn_of_clear_text(&new);
                let merged = Merged::new(running, new);
                change(&merged.settings);
                reading.error = None;
                reading.need_restart = merged.need_restart;
                say_read(&reading);
                Some(merged.settings)
            }
            Err(errors) => {
                let errors = errors.to_string();
                errors.lines().for_each(|error| tracing::error!("{error}"));
                tracing::error!("the settings are wrong; the edge stays as it was");
                reading.error = Some(errors);
                None
            }
        };
        // Last, so that who has read this finds the new hub.
        let in_force = new.as_ref().unwrap_or(running);
        self.service
            .send_replace(ServiceStatus::new(in_force, reading));
        new
    }
}

impl Origin {
    fn load(&mut self) -> Result<Settings, Errors> {
        match self {
            Self::File { file, .. } => {
                let settings = Settings::load(&*file)?;
                warn_of_file(&settings, file);
                Ok(settings)
            }
            Self::Host { texts, latest } => {
                while let Ok(newer) = texts.try_recv() {
                    *latest = Some(newer);
                }
                let text = latest.take();
                Settings::parse(text.as_ref().map_or("", |it| &it.0), FROM_HOST)
            }
        }
    }
}

/// Says in the log who can read secrets.
fn warn_of_file(settings: &Settings, file: &Path) {
    if settings.has_secrets()
        && let Ok(Some(warning)) = readable_by_others(file)
    {
        tracing::warn!("{warning}");
    }
}

/// Says in the log which secrets travel in clear.
fn warn_of_clear_text(settings: &Settings) {
    if matches!(settings.out.hub, Hub::Socks5(_)) && settings.out.hub.has_secrets() {
        tracing::warn!(
            "the hub is reached by SOCKS5, which sends user, password and destinations in clear"
        );
    }
}

fn say_read(reading: &Reading) {
    let (file, keys) = (reading.file.display(), reading.need_restart.join(", "));
    tracing::info!(%file, "the settings were read");
    if !keys.is_empty() {
        tracing::warn!(
            %file,
            "these settings have changed and need a restart (systemctl restart manypath-edge): {keys}"
        );
    }
}

impl Merged {
    /// Takes over what a running edge can: how new connections go out, who may use the proxy, and the
    /// uplinks. The host's interface, listeners and the kernel's settings are those of the start.
    fn new(running: &Settings, new: Settings) -> Self {
        // Every key is named, so that none is forgotten.
        let Settings {
            host,
            uplinks,
            proxy: Proxy { port, users },
            out:
                Out {
                    hub,
                    wait_for_uplink,
                    connect_timeout,
                    idle_timeout,
                    udp,
                    udp_duplicate,
                    quic,
                },
            bypass,
            traffic,
            dns,
            portal,
            mptcp,
            control,
            usage,
        } = new;
        let changes = [
            ("host", host != running.host),
            ("proxy.port", port != running.proxy.port),
            ("out.idle_timeout", idle_timeout != running.out.idle_timeout),
            ("mptcp", mptcp != running.mptcp),
            ("control", control != running.control),
            ("usage", usage != running.usage),
        ];
        let changed = changes.into_iter().filter(|(_, changed)| *changed);
        let mut settings = running.clone();
        settings.proxy.users = users;
        settings.out = Out {
            hub,
            wait_for_uplink,
            connect_timeout,
            idle_timeout: running.out.idle_timeout,
            udp,
            udp_duplicate,
            quic,
        };
        settings.bypass = bypass;
        settings.traffic = traffic;
        settings.dns = dns;
        settings.portal = portal;
        settings.uplinks = uplinks;
        Self {
            settings,
            need_restart: changed.map(|(key, _)| key).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &str) -> Settings {
        let text = format!("[[uplink]]\ninterface = \"eth1\"\n{more}");
        Settings::parse(&text, "edge.toml").unwrap()
    }

    #[test]
    fn ways_out_and_users_count_at_once() {
        let more = "[proxy]\nusers = [{ name = \"ann\", password = \"one\" }]\n\
                    [out]\nhub = \"socks5://hub.test:1080\"\nconnect_timeout = \"3s\"\n\
                    wait_for_uplink = \"1s\"\nudp = \"hub\"\nquic = \"refuse\"\n[dns]\nmode = \"direct\"\n[portal]\ncheck = \"off\"\n[bypass]\nports = [25]\n\
                    [[rule]]\nto = [\"a.test\"]\naction = \"block\"\n";
        let new = settings(more);
        let merged = Merged::new(&settings(""), new.clone());
        assert_eq!(merged.settings, new);
        assert_eq!(merged.need_restart, [""; 0]);
        let back = Merged::new(&new, settings(""));
        assert_eq!(back.settings, settings(""));
    }

    #[test]
    fn what_needs_a_restart_stays_and_is_named() {
        let running = settings("");
        for (more, key) in [
            ("[host]\ninterface = \"eth0\"\n", "host"),
            ("[proxy]\nport = 1081\n", "proxy.port"),
            ("[out]\nidle_timeout = \"1h\"\n", "out.idle_timeout"),
            ("[mptcp]\nsubflows = 3\n", "mptcp"),
            ("[control]\nsocket = \"/run/other.sock\"\n", "control"),
        ] {
            let merged = Merged::new(&running, settings(more));
            assert_eq!(merged.settings, running, "{more}");
            assert_eq!(merged.need_restart, [key]);
        }
    }

    #[test]
    fn another_file_for_the_usage_needs_a_restart() {
        let mut new = settings("");
        new.usage = "/var/lib/other".into();
        let merged = Merged::new(&settings(""), new);
        assert_eq!(merged.settings, settings(""));
        assert_eq!(merged.need_restart, ["usage"]);
    }

    #[test]
    fn roles_and_caps_count_at_once() {
        let all = "role = \"backup\"\nmetered = true\nmonthly_cap = \"50GB\"\n\
                   after_cap = \"off\"\ncap_resets_on = 3\n";
        for more in [all, "role = \"off\"\n", "monthly_cap = \"1TiB\"\n"] {
            for (from, to) in [("", more), (more, "")] {
                let merged = Merged::new(&settings(from), settings(to));
                assert_eq!(merged.settings, settings(to));
                assert_eq!(merged.need_restart, [""; 0]);
            }
        }
    }

    #[test]
    fn uplinks_come_change_and_go() {
        let running = settings("[[uplink]]\ninterface = \"eth2\"\n");
        let new = settings(
            "role = \"backup\"\n[[uplink]]\nname = \"5G stick\"\ninterface = \"eth3\"\nipv6 = false\n",
        );
        let merged = Merged::new(&running, new.clone());
        assert_eq!(merged.need_restart, [""; 0]);
        assert_eq!(merged.settings, new);
        let back = Merged::new(&new, running.clone());
        assert_eq!(back.settings, running);
    }
}
