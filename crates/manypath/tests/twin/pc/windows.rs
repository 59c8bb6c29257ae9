//! What Windows has of Manypath's beside routes of IPv4.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lab::topology::{Node, addresses};
use lab::traffic::{Client, Via};
use settings::edge::LinkNetwork;

use super::Pc;
use crate::SOON;

/// Where the user's proxy setting is.
pub(super) const PROXY: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Internet Settings";

impl Pc {
    /// The same by IPv6.
    pub fn connect_v6(&self, limit: Duration) -> Client {
        let origin = SocketAddr::new(addresses::ORIGIN.ipv6().into(), self.rig.origin().port());
        let windows = self.lab().namespace(Node::Windows);
        match windows.run(|| Client::connect(Via::Direct, origin, limit)) {
            Ok(client) => client,
            Err(error) => panic!("{error}\n{}\n{}", self.list_v6(), self.logs()),
        }
    }

    /// Addresses and routes of IPv6.
    pub(super) fn list_v6(&self) -> String {
        let addresses = self.list(&["-6", "-o", "address", "show", "dev", "eth0"]);
        addresses + &self.list(&["-6", "route", "show", "dev", "eth0"])
    }

    /// Puts these lines before the service's settings, or gives them back.
    pub fn with_settings(&self, lines: &str, so_long_as: impl FnOnce(&Self)) {
        self.with_file(|before| format!("{lines}{before}"), so_long_as);
    }

    /// The same with a line below `[out]`, where the hub is.
    pub fn with_out(&self, line: &str, so_long_as: impl FnOnce(&Self)) {
        let add = |before: &str| {
            assert!(before.contains("[out]"), "{before}");
            before.replacen("[out]", &format!("[out]\n{line}"), 1)
        };
        self.with_file(add, so_long_as);
    }

    fn with_file(&self, change: impl Fn(&str) -> String, so_long_as: impl FnOnce(&Self)) {
        let status = self.status();
        let file = status["settings"]["file"].as_str().unwrap_or_default();
        let file = self
            .wine
            .file(&file.replace('\\', "/").replacen("C:/", "", 1));
        let before = std::fs::read_to_string(&file).expect("a hub is in it");
        std::fs::write(&file, change(&before)).expect("a file");
        so_long_as(self);
        std::fs::write(&file, before).expect("a file");
    }

    /// The user's proxy, if there is one.
    pub fn until_proxy(&self, proxy: Option<&str>) {
        let deadline = Instant::now() + SOON;
        loop {
            let values = self.wine.registry(self.lab(), PROXY);
            let is_so = match proxy {
                Some(proxy) => values.contains(proxy) && values.contains("ProxyEnable"),
                None => !values.contains("ProxyServer"),
            };
            if is_so {
                return;
            }
            assert!(Instant::now() < deadline, "{values}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Which name servers are set for an interface.
    pub fn name_servers(&self) -> Vec<String> {
        let twin = self.twin.lock().expect("no panic");
        let set = twin.ip.all_name_servers().into_iter();
        set.map(str::to_owned).collect()
    }

    pub fn until_names(&self, is_set: bool) {
        let deadline = Instant::now() + SOON;
        let edge = addresses::GUEST.ipv4().to_string();
        let wanted = if is_set { vec![edge] } else { Vec::new() };
        while self.name_servers() != wanted {
            assert!(Instant::now() < deadline, "{wanted:?}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn until_v6(&self, is_routed: bool) {
        let deadline = Instant::now() + SOON;
        let address = LinkNetwork::WINDOWS.host().to_string();
        loop {
            let list = self.list_v6();
            let is_there = |half: &str| list.lines().any(|line| line.starts_with(half));
            let there = ["::/1 via", "8000::/1 via"].map(is_there);
            if list.contains(&address) == is_routed && there == [is_routed; 2] {
                return;
            }
            assert!(Instant::now() < deadline, "{list}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
