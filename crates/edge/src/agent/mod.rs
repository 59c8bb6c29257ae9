//! Runs the edge: one round of observe, plan, apply at start and whenever the kernel says that
//! something has changed.

mod end;
mod flows;
mod hurry;
mod round;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use channel::Ready;
use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use mptcp::{KernelSupport, PathManager};
use netcfg::{Family, InterfaceIndex, Netlink, Wakes, Watch, nft};
use originals::Originals;
use relay::{Server, with_causes};
use settings::edge::Settings;
use tokio::sync::watch;

use crate::allowance::Allowance;
use crate::apply::Hands;
use crate::control::Control;
use crate::error::EdgeError;
use crate::health::{Change, Health};
use crate::leases::Leases;
use crate::names::Names;
use crate::observe::observe;
use crate::observed::Observed;
use crate::plan::plan;
use crate::proxy::{self, Proxy};
use crate::reload::Reload;
use crate::rules::Rules;
use crate::status::{NetworkStatus, Reader};
use crate::step::Step;
use crate::udp::Udp;
use crate::unplugged::Unplugged;
use crate::uplink::Way;
use flows::Flows;

/// A round without an event, in case one was missed: slow, because it should never be needed.
const SLOW: Duration = Duration::from_secs(30);

/// The same where an uplink has a cap: at 100 Mbit/s it carries 60 MB meanwhile.
const COUNT: Duration = Duration::from_secs(5);

/// A second look after an event. NetworkManager puts its endpoints back beside the addresses that it
/// changes, a moment later, and the kernel tells nobody of endpoints.
const SOON: Duration = Duration::from_secs(1);

/// How often a start or stop looks again at what its own steps brought about (a link that came up has
/// new addresses to plan for).
const MOST_ROUNDS: usize = 5;

/// The steps that a start would take now, in words. Changes nothing; needs no hub and no free port.
///
/// # Errors
/// When the machine can't be read.
pub async fn dry_run(settings: &Settings) -> Result<Vec<String>, EdgeError> {
    let (_, up) = watch::channel(false);
    let rules = Rules::default();
    let port = Proxy::bind(settings, up, &rules, Udp::new(settings).way(&rules))
        .ok()
        .and_then(|proxy| proxy.intercept_port());
    let (netlink, path_manager) = (Netlink::new()?, PathManager::new()?);
    let observed = observe(settings, &netlink, &path_manager, Default::default(), port).await?;
    Ok(plan(settings, &observed)
        .iter()
        .map(Step::to_string)
        .collect())
}

/// Runs until `stop` is done, then takes everything away again. `file` is where the settings are read
/// from again on SIGHUP.
///
/// # Errors
/// When it can't start, or something could not be taken away. What fails in between is logged, shown
/// by the status, and tried again in the next round.
pub async fn run(
    settings: Settings,
    file: &Path,
    stop: impl Future<Output = ()>,
) -> Result<(), EdgeError> {
    // Before the control socket is there, by which others find out whom to signal.
    let reload = Reload::of_file(&settings, file).map_err(EdgeError::Signal)?;
    // Nobody says anything of cards.
    let (_, unplugged) = watch::channel(Unplugged::default());
    run_with(settings, reload, unplugged, stop, |_, _| {
        std::future::pending()
    })
    .await
}

/// The same, with settings from wherever `reload` has them from, and links that are `unplugged`. `tell` is given what there is to tell
/// of the edge, and runs as long as it does.
pub(crate) async fn run_with<T: Future<Output = ()>>(
    settings: Settings,
    reload: Reload,
    unplugged: watch::Receiver<Unplugged>,
    stop: impl Future<Output = ()>,
    tell: impl FnOnce(Reader, watch::Receiver<Ready>) -> T,
) -> Result<(), EdgeError> {
    check_kernel()?;
    let (up_sender, up) = watch::channel(false);
    // First of all: that an edge runs already says more than that its port is taken.
    let control = Control::bind(&settings.control.socket).await?;
    let rules = Rules::default();
    rules.set(&settings.traffic);
    let udp = Udp::new(&settings);
    let proxy = Proxy::bind(&settings, up, &rules, udp.way(&rules))?;
    let originals = Originals::load(&settings.control.socket.with_extension("originals"))?;
    let netlink = Netlink::new()?;
    // Listen first, read second: what changes in between comes as an event.
    let events = netlink.watch()?;
    let hands = Hands::new(netlink, PathManager::new()?, originals);
    let (network, network_reader) = watch::channel(NetworkStatus::default());
    let (ready, ready_reader) = watch::channel(Ready::default());
    let server = proxy.server();
    let names = Names::new(server.clone(), rules.seen().clone());
    let reader = Reader::new(
        reload.service(),
        network_reader,
        names.reader(),
        rules.clone(),
        udp.reader(),
        server.clone(),
    );
    let (allowance, warning) = Allowance::load(&settings.usage);
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
    }
    let resuming = server.clone();
    let health = Health::new(
        &settings,
        Netlink::new()?,
        unplugged.clone(),
        server.clone(),
    );
    let mut agent = Agent {
        settings,
        health,
        reload,
        unplugged,
        hands,
        leases: Leases::default(),
        names,
        rules,
        udp,
        flows: Flows::default(),
        allowance,
        intercept_port: proxy.intercept_port(),
        network,
        ready,
        up: up_sender,
        set_up: BTreeSet::new(),
        seen: None,
        ways: Vec::new(),
        server,
    };
    let (stop_relay, relay_stopped) = watch::channel(false);
    let mut relaying = Box::pin(proxy.serve(relay_stopped).fuse());
    // Not before the start, which says better what to do where the kernel has no nftables.
    let started = agent.start().await.and_then(|()| {
        let wakes = Wakes::new().map_err(EdgeError::Clock)?;
        Ok((nft::Watch::new()?, wakes))
    });
    let started = match started {
        Ok((firewall, wakes)) => {
            tokio::select! {
                () = stop => {}
                () = agent.follow(events, firewall, wakes) => {}
                () = &mut relaying => {}
                () = resuming.resume() => {}
                () = control.serve(&reader) => {}
                () = tell(reader.clone(), ready_reader) => {}
            }
            let _ = stop_relay.send(true);
            if !relaying.is_terminated() {
                relaying.await;
            }
            Ok(())
        }
        Err(error) => Err(error),
    };
    let stopped = agent.stop().await;
    if let (Err(_), Err(error)) = (&started, &stopped) {
        tracing::warn!("{error}");
    }
    started.and(stopped)
}

fn check_kernel() -> Result<(), EdgeError> {
    match mptcp::probe().map_err(EdgeError::Probe)? {
        // Switched off can be switched on: the first round does.
        KernelSupport::Available | KernelSupport::Disabled => {}
        missing => return Err(EdgeError::NoMptcp(missing)),
    }
    if let Some(lacks) = mptcp::lacks().map_err(EdgeError::Probe)? {
        tracing::info!("this kernel lacks {lacks}; what that means is in docs/kernels.md");
    }
    Ok(())
}

struct Agent {
    /// What is in force.
    settings: Settings,
    reload: Reload,
    unplugged: watch::Receiver<Unplugged>,
    hands: Hands,
    leases: Leases,
    names: Names,
    rules: Rules,
    udp: Udp,
    flows: Flows,
    allowance: Allowance,
    health: Health,
    intercept_port: Option<u16>,
    network: watch::Sender<NetworkStatus>,
    ready: watch::Sender<Ready>,
    up: watch::Sender<bool>,
    /// Interfaces that something may be set on: of the uplinks, and of former ones until it is gone.
    set_up: BTreeSet<InterfaceIndex>,
    /// The machine as it was observed last.
    seen: Option<Observed>,
    /// The addresses that connections could leave from when last looked at.
    ways: Vec<(InterfaceIndex, Way)>,
    server: Server,
}

impl Agent {
    /// The first rounds. What is wrong with the machine shows here, so errors end the start.
    async fn start(&mut self) -> Result<(), EdgeError> {
        for _ in 0..MOST_ROUNDS {
            let failed = self.round().await?;
            let mut failed = failed.into_iter();
            match failed.find(|(step, _)| is_vital(step)) {
                Some((step, source)) => {
                    let step = step.title();
                    return Err(EdgeError::Apply { step, source });
                }
                None if self.settled().await? => break,
                None => {}
            }
        }
        Ok(())
    }

    async fn follow(&mut self, mut events: Watch, mut firewall: nft::Watch, mut wakes: Wakes) {
        let mut next = SOON;
        loop {
            next = tokio::select! {
                change = events.next() => {
                    if let Err(error) = change {
                        tracing::warn!("the kernel's notifications failed: {error}");
                        tokio::time::sleep(SLOW).await;
                    }
                    SOON
                }
                change = firewall.changed() => {
                    if let Err(error) = change {
                        tracing::warn!("nftables' notifications failed: {error}");
                        tokio::time::sleep(SLOW).await;
                    }
                    SOON
                }
                slept = wakes.next() => {
                    self.wake(slept).await;
                    SOON
                }
                () = self.leases.changed() => SOON,
                () = self.udp.changed() => SOON,
                change = self.health.changed() => {
                    if let Change::Uses { renew, reopen } = &change {
                        self.close_subflows(renew).await;
                        self.reopen_subflows(reopen).await;
                    }
                    self.hurry().await;
                    SOON
                }
                Ok(()) = self.unplugged.changed() => {
                    self.hurry().await;
                    SOON
                }
                () = self.reload.wanted() => {
                    self.read_again();
                    SOON
                }
                () = tokio::time::sleep(next) => self.pause(),
            };
            // What else has come already needs no round of its own.
            while events
                .next()
                .now_or_never()
                .is_some_and(|change| change.is_ok())
            {}
            if let Err(error) = self.round().await {
                let error = with_causes(&error);
                tracing::warn!("{error}");
                // The rest of the status is what was seen last.
                self.network.send_modify(|it| it.problems = vec![error]);
            }
        }
    }

    /// Time has passed that timers know nothing of: what was true before it is asked for again.
    async fn wake(&mut self, slept: io::Result<Duration>) {
        match slept {
            Ok(slept) => {
                let slept = Duration::from_secs(slept.as_secs());
                tracing::info!(
                    "the clock is {slept:?} further: leases and connections are checked"
                );
                self.leases.verify();
                // For the hub's connections all ways will be new.
                self.ways.clear();
            }
            Err(error) => {
                tracing::warn!("the wall clock can't be watched: {error}");
                tokio::time::sleep(SLOW).await;
            }
        }
    }

    /// Until the next round without an event.
    fn pause(&self) -> Duration {
        let has_cap = self
            .settings
            .uplinks
            .iter()
            .any(|uplink| uplink.cap.is_some());
        if has_cap { COUNT } else { SLOW }
    }

    /// Goes by what has changed in the settings, as far as that can be done now.
    fn read_again(&mut self) {
        let (server, running, up) = (&self.server, &self.settings, self.up.subscribe());
        let rules = &self.rules;
        let change = |new: &Settings| proxy::change(server, running, new, up, rules);
        if let Some(new) = self.reload.read(running, change) {
            if new.out.hub != self.settings.out.hub {
                self.health.set_target(&new);
            }
            self.health.set_portal_check(&new);
            self.settings = new;
        }
    }
}

/// Without the firewall the listeners would be open to the uplinks, and nothing would be captured.
/// Without IPv6 rules the rest works: a kernel may have no IPv6.
fn is_vital(step: &Step) -> bool {
    match step {
        Step::InstallFirewall(_) => true,
        Step::AddRule(rule) => rule.family == Family::V4,
        _ => false,
    }
}
