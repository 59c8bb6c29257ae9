//! Finds out what the PC has, for `manypath doctor`. Needs no administrator's rights.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use settings::host::Settings;
use winnet::{IpHelper, Minimize, Net, Policy, PolicyStore, RegistryPolicy};
use winproc::ServiceState;
use wslconfig::{Document, Key};

use super::files::system32;
use super::pipe::ask;
use super::registry::WindowsRegistry;
use super::run::SERVICE;
use crate::cards;
use crate::causes::with_causes;
use crate::control::{Answer, Request};
use crate::doctor::{Card, Edge, Facts, Service, Uplink, Windows, Wsl};
use crate::recording::Recording;
use crate::registry;

/// What comes with the Virtual Machine Platform.
const PLATFORM: [&str; 2] = ["computecore.dll", "computenetwork.dll"];

/// WSL's networking mode where `.wslconfig` names none (`WslCoreConfig.h`).
const DEFAULT_MODE: &str = "nat";

/// Looks at everything. What can't be seen is as if it were not there.
pub fn facts() -> Facts {
    let status = match ask(&Request::Status) {
        Ok(Answer::Status(status)) => Some(status),
        _ => None,
    };
    let (name, build) = registry::windows(&WindowsRegistry);
    let policy = RegistryPolicy.policy().ok();
    Facts {
        windows: Windows {
            name,
            build,
            has_vm_platform: PLATFORM.iter().all(|dll| comes_with_windows(dll)),
        },
        wsl: wsl(),
        policies: registry::policies(&WindowsRegistry),
        cards: network_cards(status.as_ref()),
        minimizes_connections: policy.is_some_and(|it| it.in_force() != Minimize::Never),
        connections_are_forced: policy.is_some_and(Policy::is_forced),
        service: service(status.as_ref()),
    }
}

/// These, and what the service has seen.
pub fn recording(facts: Facts) -> Recording {
    let service = match ask(&Request::Record) {
        Ok(Answer::Recorded(recorded)) => Ok(*recorded),
        Ok(Answer::Refused(why)) => Err(why),
        Ok(_) => Err("the service is of another version".to_owned()),
        Err(error) => Err(with_causes(&error)),
    };
    Recording {
        manypath: env!("CARGO_PKG_VERSION").to_owned(),
        facts,
        service,
    }
}

fn comes_with_windows(file: &str) -> bool {
    system32(file).is_ok_and(|path| path.is_file())
}

fn wsl() -> Option<Wsl> {
    let version = registry::wsl_version(&WindowsRegistry);
    if version.is_none() && !comes_with_windows("wsl.exe") {
        return None;
    }
    let profile = std::env::var_os("USERPROFILE").map(PathBuf::from);
    let config = profile.and_then(|it| std::fs::read(it.join(".wslconfig")).ok());
    let document = config.and_then(|bytes| Document::parse(&bytes).ok());
    let mode = document.and_then(|it| it.get(Key::NetworkingMode));
    Some(Wsl {
        version: version.unwrap_or_default(),
        wanted_mode: mode.map_or_else(|| DEFAULT_MODE.to_owned(), |it| it.text.to_lowercase()),
    })
}

/// With what the service says of them. Without it, all are taken for uplinks.
fn network_cards(status: Option<&Value>) -> Vec<Card> {
    let interfaces = IpHelper::load().ok().and_then(|helper| {
        let net = Net::new(Arc::new(helper));
        net.interfaces().ok()
    });
    let interfaces = interfaces.unwrap_or_default();
    let cards = cards::cards(&interfaces, &Settings::default());
    let card = |card: crate::wiring::Card| {
        let interface = interfaces.iter().find(|it| it.id.0 == card.guid);
        let reported = status.and_then(|status| reported(status, &card.alias));
        let text = |name: &str| reported.and_then(|it| it[name].as_str().map(str::to_owned));
        Card {
            wanted: status.is_none() || reported.is_some(),
            connected: interface.is_some_and(|it| it.media_connected),
            switch: text("switch"),
            problem: text("problem"),
            alias: card.alias,
        }
    };
    cards.into_iter().map(card).collect()
}

fn reported<'a>(status: &'a Value, alias: &str) -> Option<&'a Value> {
    let mut cards = status["cards"].as_array()?.iter();
    cards.find(|card| card["alias"] == alias)
}

fn service(status: Option<&Value>) -> Option<Service> {
    let state = winproc::service_state(SERVICE).ok().flatten()?;
    let Some(status) = status else {
        return Some(Service {
            running: state == ServiceState::Running,
            ..Service::default()
        });
    };
    let text = |name: &str| status[name].as_str().map(str::to_owned);
    Some(Service {
        running: true,
        up: status["goal"] == "up",
        user: text("user"),
        trouble: text("trouble"),
        edge: edge(status),
    })
}

fn edge(status: &Value) -> Option<Edge> {
    let kernel = status["kernel"].as_str()?;
    let edge = &status["edge"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let hubs = list(&edge["hub"]);
    let uplink = |uplink: &Value| {
        let text = |name: &str| uplink[name].as_str().unwrap_or_default().to_owned();
        Uplink {
            name: text("name"),
            answers: uplink["state"] == "up",
            reason: text("reason"),
        }
    };
    Some(Edge {
        kernel: kernel.to_owned(),
        wanted_kernel: status["kernels"]["wanted"].as_str().map(str::to_owned),
        has_mptcp: status["mptcp"] == true,
        mode: status["networking"].as_str().map(str::to_owned),
        hub: hubs.first().and_then(|hub| hub.as_str().map(str::to_owned)),
        uplinks: list(&edge["uplinks"]).iter().map(uplink).collect(),
    })
}
