//! What there is on the PC, and what happens to it.

use std::sync::Arc;

use fakes::hcs::Hcs as Model;
use winnet::{Luid, Net, NewRoute};
use winproc::SessionId;

use super::{ANN, NEXT_VM, Pc, Person, VM, WSL_LINK, interfaces};
use crate::proxy::ProxySetting;

impl Pc {
    /// The half-default routes into WSL's network.
    pub fn routes(&self) -> Vec<String> {
        let ip = self.network.ip();
        let halves = ip.routes().iter().filter(|route| {
            route.prefix_length == 1 && route.next_hop.to_string() == super::super::GATEWAY
        });
        halves.map(|route| route.destination.to_string()).collect()
    }

    /// The half-default routes of IPv6, and the PC's own addresses of IPv6.
    pub fn v6(&self) -> (usize, usize) {
        let ip = self.network.ip();
        let routes = ip.routes().iter().filter(|it| it.destination.is_ipv6());
        let addresses = ip.addresses().iter().filter(|it| it.address.is_ipv6());
        (routes.count(), addresses.count())
    }

    /// The name servers of WSL's link.
    pub fn names(&self) -> String {
        let id = uuid::Uuid::from_u128(WSL_LINK.into());
        self.network.ip().name_servers(id).to_owned()
    }

    pub fn set_names(&self, servers: &str) {
        let id = winnet::InterfaceId(uuid::Uuid::from_u128(WSL_LINK.into()));
        let net = Net::new(Arc::new(self.network.clone()));
        net.set_name_servers(id, servers).unwrap();
    }

    pub fn proxy(&self, person: Person) -> ProxySetting {
        ProxySetting::read(&self.registry, &person.sid()).unwrap()
    }

    pub fn set_proxy(&self, person: Person, setting: &ProxySetting) {
        setting.write(&self.registry, &person.sid()).unwrap();
    }

    /// How often this person's programs were told of another proxy.
    pub fn proxies_told(&self, person: Person) -> usize {
        let started = self.users.started().into_iter();
        let told = started.filter(|(session, command)| {
            *session == SessionId(person.number)
                && command.given_arguments() == [crate::service::PROXY_HAS_CHANGED]
        });
        told.count()
    }

    /// As if a service had been killed.
    pub fn leave_routes(&self) {
        let net = Net::new(Arc::new(self.network.clone()));
        for destination in ["0.0.0.0/1", "128.0.0.0/1"] {
            let route = NewRoute {
                interface: Luid(WSL_LINK.into()),
                destination: destination.parse().unwrap(),
                gateway: super::super::GATEWAY.parse().unwrap(),
                metric: 0,
            };
            net.add_route(&route).unwrap();
        }
    }

    fn model<T>(&self, look: impl FnOnce(&mut Model) -> T) -> T {
        look(&mut self.world.lock().unwrap().0)
    }

    pub fn adapters(&self) -> usize {
        self.model(|model| model.systems().iter().map(|it| it.adapters.len()).sum())
    }

    pub fn endpoints(&self) -> usize {
        self.model(|model| model.endpoints().len())
    }

    pub fn switches(&self) -> usize {
        self.model(|model| model.networks().len())
    }

    pub fn pull_card(&self) {
        let interfaces = interfaces().into_iter();
        let left = interfaces.filter(|it| it.alias != "Wi-Fi").collect();
        self.network.set_interfaces(left);
    }

    /// The cable of the Wi-Fi card, so to speak.
    pub fn plug_cable(&self, is_in: bool) {
        let mut all = interfaces();
        all[0].media_connected = is_in;
        self.network.set_interfaces(all);
    }

    /// WSL's VM ends, with the edge in it, and the next command starts another one.
    pub fn restart_vm(&self) {
        self.model(|model| {
            model.stop_system(&VM.to_string());
            model.start_system(NEXT_VM);
        });
        self.edge.live_in(NEXT_VM);
        self.edge.die();
    }

    pub fn config(&self, person: Person) -> String {
        let file = self.folder.path().join(person.name).join(".wslconfig");
        std::fs::read_to_string(file).unwrap()
    }

    pub fn settings(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("settings.toml")).unwrap()
    }

    pub fn write_settings(&self, text: &str) {
        std::fs::write(self.folder.path().join("settings.toml"), text).unwrap();
    }

    pub fn distributions(&self) -> Vec<String> {
        let (found, _) = crate::registry::distributions(&self.registry, &ANN.sid());
        found.into_iter().map(|it| it.name).collect()
    }

    pub fn default_distribution(&self) -> String {
        let (found, default) = crate::registry::distributions(&self.registry, &ANN.sid());
        let found = found.into_iter().find(|it| Some(it.id) == default);
        found.map(|it| it.name).unwrap_or_default()
    }
}
