//! The host's UDP through the hub, where the settings ask for it. What goes straight out the kernel does alone.

mod capture;
mod direct;
mod way;

use datagrams::{Hub, Standing, Tunnel, TunnelStatus};
use paths::{State, Use, Verdict};
use settings::HubLink;
use settings::edge::{self, Capture, Role, Settings};
use tokio::sync::watch;

use crate::health::verdict_of;
use crate::proxy::hub_address;
use crate::rules::Rules;
use crate::uplink::Uplink;
use capture::Taking;
pub use way::UdpWay;

/// What carries it.
#[derive(Debug)]
pub struct Udp {
    /// Takes it in from the host; absent where nothing is captured.
    taking: Option<Taking>,
    way: watch::Sender<Way>,
    /// What the way was made for.
    made_for: Option<(HubLink, bool)>,
    /// Whether the hub can be reached.
    up: Option<watch::Receiver<bool>>,
}

/// How it leaves now.
#[derive(Clone, Debug, Default)]
pub enum Way {
    /// Straight.
    #[default]
    Direct,
    /// Through the hub, if that can be reached.
    Hub(Tunnel),
    /// Not at all.
    Off,
}

impl Udp {
    /// Takes nothing in yet.
    pub fn new(settings: &Settings) -> Self {
        let way = watch::Sender::new(Way::default());
        let captures = settings.host.as_ref();
        let captures = captures.is_some_and(|host| host.capture == Capture::All);
        let taking = captures.then(|| Taking::begin(way.subscribe()));
        let taking = taking.and_then(|taking| {
            taking
                .inspect_err(|error| tracing::warn!("UDP can't be taken in from the host: {error}"))
                .ok()
        });
        Self {
            taking,
            way,
            made_for: None,
            up: None,
        }
    }

    /// How programs that ask the proxy for UDP are served, where these rules say nothing else.
    pub fn way(&self, rules: &Rules) -> UdpWay {
        UdpWay::new(self.way.subscribe(), rules.clone())
    }

    /// For the status.
    pub fn reader(&self) -> UdpReader {
        UdpReader(self.way.subscribe())
    }

    /// Goes by what was observed, and by what is known of the uplinks.
    pub fn follow(&mut self, settings: &Settings, uplinks: &[Uplink<'_>], verdicts: &[Verdict]) {
        self.choose_way(settings);
        if let Way::Hub(tunnel) = &*self.way.borrow() {
            let ways = uplinks
                .iter()
                .filter_map(|uplink| way_to_hub(uplink, verdict_of(verdicts, uplink)?));
            tunnel.follow(ways.collect());
        }
    }

    fn choose_way(&mut self, settings: &Settings) {
        let wanted = match (settings.out.udp, &settings.out.hub) {
            (edge::Udp::Hub, edge::Hub::Manypath(link)) => Some((link, settings.out.udp_duplicate)),
            _ => None,
        };
        let made_for = self.made_for.as_ref().map(|(link, twice)| (link, *twice));
        if let (Some((link, duplicate)), true) = (wanted, wanted != made_for) {
            let address = hub_address(link);
            let tunnel = Tunnel::new(Hub { address, duplicate });
            self.up = Some(tunnel.up());
            self.way.send_replace(Way::Hub(tunnel));
        }
        self.made_for = wanted.map(|(link, duplicate)| (link.clone(), duplicate));
        if wanted.is_none() {
            self.up = None;
            let is_off = settings.out.udp == edge::Udp::Off;
            self.way.send_if_modified(|way| {
                let is_so = matches!((&*way, is_off), (Way::Off, true) | (Way::Direct, false));
                *way = if is_off { Way::Off } else { Way::Direct };
                !is_so
            });
        }
    }

    /// Where the host's UDP has to arrive, while it goes through the hub.
    pub fn port(&self) -> Option<u16> {
        match &*self.way.borrow() {
            Way::Hub(tunnel) if *tunnel.up().borrow() => Some(self.taking.as_ref()?.port()),
            _ => None,
        }
    }

    /// Done when [`Self::port`] has changed. May be cancelled at any time.
    pub async fn changed(&mut self) {
        if let (Some(up), Some(_)) = (&mut self.up, &self.taking)
            && up.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}

/// Tells what becomes of UDP.
#[derive(Clone, Debug)]
pub struct UdpReader(watch::Receiver<Way>);

impl UdpReader {
    /// At this moment; `None` where UDP does not go through the hub.
    pub fn status(&self) -> Option<TunnelStatus> {
        match &*self.0.borrow() {
            Way::Hub(tunnel) => Some(tunnel.status()),
            Way::Direct | Way::Off => None,
        }
    }
}

/// What an uplink is to the tunnel. One that is off is none, and neither is one that costs and stands by: to keep a
/// connection open costs.
fn way_to_hub(uplink: &Uplink<'_>, verdict: &Verdict) -> Option<datagrams::Uplink> {
    let standing = match (verdict.state, verdict.used) {
        (State::Suspect | State::Down, _) | (_, Use::Unused) => Standing::Fails,
        (_, Use::Carries) => Standing::Carries,
        (_, Use::Standby) => Standing::StandsBy,
    };
    let costs = uplink.rule.metered && standing != Standing::Carries;
    if uplink.role == Role::Off || costs || uplink.ways.is_empty() {
        return None;
    }
    let addresses = uplink.ways.iter().map(|way| way.address.addr());
    Some(datagrams::Uplink {
        id: uplink.link.index.0,
        name: uplink.name.clone(),
        addresses: addresses.collect(),
        standing: if uplink.link.carrier {
            standing
        } else {
            Standing::Fails
        },
    })
}
