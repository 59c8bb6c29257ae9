//! Has the user's programs go by the edge's proxy, where the settings want that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use settings::host::{Capture, Settings};
use winproc::{SessionId, UserCommand};

use super::Service;
use crate::causes::with_causes;
use crate::goal::Goal;
use crate::lent::Wanted;
use crate::proxy::ProxySetting;

/// What this program is started with to tell a user's programs: Windows takes it from the user alone.
pub const PROXY_HAS_CHANGED: &str = "proxy-has-changed";

/// How long that may take.
const LIMIT: Duration = Duration::from_secs(2);

impl Service {
    /// Gives what is to be said about it.
    pub(super) fn set_proxies(&mut self) -> Result<Option<String>, String> {
        let user = self.supervisor.user().map(|it| it.account.sid.to_string());
        for whose in self.proxies.known() {
            if user.as_ref() != Some(&whose) {
                self.set_proxy_of(&whose, &Wanted::Gone)?;
            }
        }
        match user {
            Some(user) => self.set_proxy_of(&user, &self.wanted_proxy()),
            None => Ok(None),
        }
    }

    fn wanted_proxy(&self) -> Wanted<SocketAddr> {
        let is_to_be_set = |it: &&Settings| it.capture == (Capture::Proxy { set_proxy: true });
        let settings = self.config.settings().filter(is_to_be_set);
        let Some(settings) = settings.filter(|_| self.goal == Goal::Up) else {
            return Wanted::Gone;
        };
        let mut gateways = self.supervisor.gateways().iter();
        match gateways.find(|it| it.is_ipv4()) {
            Some(edge) => Wanted::Ours(SocketAddr::new(*edge, settings.proxy.port)),
            None => Wanted::Paused,
        }
    }

    /// A user who is logged off gets theirs back when they log on again.
    fn set_proxy_of(
        &mut self,
        whose: &str,
        wanted: &Wanted<SocketAddr>,
    ) -> Result<Option<String>, String> {
        let registry = Arc::clone(&self.registry);
        let Some(current) = ProxySetting::read(&*registry, whose) else {
            return Ok(None);
        };
        let before = self.proxies.before(whose).unwrap_or(&current);
        let wanted = match wanted {
            Wanted::Ours(server) => Wanted::Ours(before.with(*server)),
            Wanted::Paused => Wanted::Paused,
            Wanted::Gone => Wanted::Gone,
        };
        let set = |setting: &ProxySetting| setting.write(&*registry, whose).map_err(with_causes);
        if self.proxies.bring(whose, &wanted, &current, set)? {
            tracing::info!("the proxy setting of user {whose} was changed");
            self.tell_programs(whose);
            return Ok(None);
        }
        let is_theirs = matches!(&wanted, Wanted::Ours(ours) if *ours != current);
        Ok(is_theirs.then(|| {
            "somebody has changed Windows' proxy setting since Manypath set it, so it stays as it is; \
             manypath down and manypath up set it again"
                .to_owned()
        }))
    }

    /// In a thread: a program has to be started.
    fn tell_programs(&mut self, whose: &str) {
        let Some(session) = self.session_of(whose) else {
            return;
        };
        let users = Arc::clone(&self.users);
        let command = UserCommand::new(self.program.clone()).arguments([PROXY_HAS_CHANGED]);
        self.telling = Some(thread::spawn(move || {
            let child = users
                .user(session)
                .and_then(|user| user.spawn(&command)?.output(LIMIT));
            match child {
                Ok(output) if output.code == 0 => {}
                Ok(output) => tracing::warn!(
                    "programs that run are not told of another proxy: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                ),
                Err(error) => tracing::warn!(
                    "programs that run are not told of another proxy: {}",
                    with_causes(&error)
                ),
            }
        }));
    }

    fn session_of(&self, whose: &str) -> Option<SessionId> {
        // When Windows can't say, programs find out by themselves, later.
        let sessions = self.users.sessions().ok()?;
        let is_theirs = |it: &&winproc::Session| {
            let account = it.user.as_ref();
            account.is_some_and(|account| account.sid.to_string() == whose)
        };
        sessions.iter().find(is_theirs).map(|it| it.id)
    }

    /// Waits until the last programs know.
    pub(super) fn finish_telling(&mut self) {
        if let Some(telling) = self.telling.take() {
            let _ = telling.join();
        }
    }
}
