//! Reading the settings again while the edge runs.

use std::path::{Path, PathBuf};

use settings::InterfaceMatch;
use settings::edge::{Hub, Out, Proxy, Settings, Uplink};
use settings::readable_by_others;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::status::{Reading, ServiceStatus};

/// The settings file of a running edge, and whoever wants it to be read again.
#[derive(Debug)]
pub struct Reload {
    file: PathBuf,
    hangup: Signal,
    service: watch::Sender<ServiceStatus>,
}

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
    pub fn new(settings: &Settings, file: &Path) -> std::io::Result<Self> {
        // The working directory may be another one later.
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        warn_of(settings, &file);
        let reading = Reading {
            file: file.clone(),
            count: 1,
            error: None,
            need_restart: Vec::new(),
        };
        Ok(Self {
            file,
            hangup: signal(SignalKind::hangup())?,
            service: watch::Sender::new(ServiceStatus::new(settings, reading)),
        })
    }

    /// What the status says of the settings.
    pub fn service(&self) -> watch::Receiver<ServiceStatus> {
        self.service.subscribe()
    }

    /// Done when the settings are to be read again. May be cancelled at any time.
    pub async fn wanted(&mut self) {
        if self.hangup.recv().await.is_none() {
            std::future::pending().await
        }
    }

    /// Reads the settings and lets `change` put into force what of them can be while the edge runs.
    /// Gives what is in force then. Wrong settings change nothing.
    pub fn read(&mut self, running: &Settings, change: impl FnOnce(&Settings)) -> Option<Settings> {
        let mut reading = self.service.borrow().settings.clone();
        reading.count += 1;
        let new = match Settings::load(&self.file) {
            Ok(new) => {
                warn_of(&new, &self.file);
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

/// Says in the log what endangers secrets.
fn warn_of(settings: &Settings, file: &Path) {
    if settings.has_secrets()
        && let Ok(Some(warning)) = readable_by_others(file)
    {
        tracing::warn!("{warning}");
    }
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
    /// roles and caps of uplinks. Interfaces, listeners and the kernel's settings are those of the start.
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
                },
            bypass,
            mptcp,
            control,
            usage,
        } = new;
        let same_uplinks = are_same_uplinks(&running.uplinks, &uplinks);
        let changes = [
            ("host", host != running.host),
            ("uplink", !same_uplinks),
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
        };
        settings.bypass = bypass;
        if same_uplinks {
            settings.uplinks = uplinks;
        }
        Self {
            settings,
            need_restart: changed.map(|(key, _)| key).collect(),
        }
    }
}

/// Whether rules make the same uplinks, apart from what may change while they are in use.
fn are_same_uplinks(running: &[Uplink], new: &[Uplink]) -> bool {
    let (running, new) = (without_exceptions(running), without_exceptions(new));
    let mut pairs = running.iter().zip(&new);
    running.len() == new.len()
        && pairs.all(|(old, new)| old.interface == new.interface && are_alike(old, new))
}

/// Leaves out rules for one interface that give it no more than another role or cap than the pattern behind
/// them does: `manypath path set` writes such rules.
fn without_exceptions(rules: &[Uplink]) -> Vec<&Uplink> {
    let is_exception = |at: usize, rule: &Uplink| match &rule.interface {
        InterfaceMatch::Name(name) if name.is_literal() => {
            let mut later = rules[at + 1..].iter();
            let pattern = later.find(|it| it.interface.matches(name.as_str(), None, None));
            pattern.is_some_and(|pattern| are_alike(rule, pattern))
        }
        _ => false,
    };
    let rules = rules.iter().enumerate();
    let rest = rules.filter(|(at, rule)| !is_exception(*at, rule));
    rest.map(|(_, rule)| rule).collect()
}

/// Whether they differ in no more than interface, role, metered and cap.
fn are_alike(one: &Uplink, other: &Uplink) -> bool {
    // Every key is named, so that none is forgotten.
    let fixed = |rule: &Uplink| {
        let Uplink {
            name,
            interface: _,
            addresses,
            ipv6,
            endpoint,
            role: _,
            metered: _,
            cap: _,
        } = rule;
        (name.clone(), *addresses, *ipv6, *endpoint)
    };
    fixed(one) == fixed(other)
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
                    wait_for_uplink = \"1s\"\n[bypass]\nports = [25]\n";
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
            ("[[uplink]]\ninterface = \"eth2\"\n", "uplink"),
            ("[proxy]\nport = 1081\n", "proxy.port"),
            ("[out]\nidle_timeout = \"1h\"\n", "out.idle_timeout"),
            ("[mptcp]\nsubflows = 3\n", "mptcp"),
            ("[control]\nsocket = \"/run/other.sock\"\n", "control"),
            // Of the uplink that is there already.
            ("ipv6 = false\nrole = \"backup\"\n", "uplink"),
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
    fn uplinks_that_differ_in_more_stay_as_they_were() {
        let running = settings("[[uplink]]\ninterface = \"eth2\"\n");
        for new in [
            "role = \"backup\"\n[[uplink]]\ninterface = \"eth3\"\n",
            "role = \"backup\"\n[[uplink]]\ninterface = \"eth2\"\naddresses = \"external\"\n",
            "role = \"backup\"\n[[uplink]]\nname = \"lte\"\ninterface = \"eth2\"\n",
            "role = \"backup\"\n",
        ] {
            let merged = Merged::new(&running, settings(new));
            assert_eq!(merged.settings, running, "{new}");
            assert_eq!(merged.need_restart, ["uplink"], "{new}");
        }
    }

    #[test]
    fn a_rule_of_its_own_before_a_pattern_counts_at_once() {
        let with = |rules: &str| {
            let text = format!("{rules}[[uplink]]\ninterface = \"wl*\"\nipv6 = false\n");
            settings(&text)
        };
        let own = "[[uplink]]\ninterface = \"wlan1\"\nipv6 = false\nrole = \"backup\"\n";
        for (from, to) in [("", own), (own, ""), (own, own)] {
            let merged = Merged::new(&with(from), with(to));
            assert_eq!(merged.settings, with(to));
            assert_eq!(merged.need_restart, [""; 0]);
        }
        // Each makes another uplink than the pattern did.
        for other in [
            own.replace("ipv6 = false\n", ""),
            own.replace("wlan1", "eth7"),
            own.replace("ipv6", "name = \"wifi\"\nipv6"),
        ] {
            let merged = Merged::new(&with(""), with(&other));
            assert_eq!(merged.settings, with(""), "{other}");
            assert_eq!(merged.need_restart, ["uplink"], "{other}");
        }
    }
}
