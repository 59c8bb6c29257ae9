//! What plays Windows' kernel: models of HCS, HCN and the IP helper, whose answers move real network cards and
//! set real routes.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread;

use fakes::hcs::{Change, Hcs};
use fakes::ip::{self, Interface, Ip};
use fakes::{Event, Machine, Reply, Request};
use lab::topology::{Lab, Node};
use netcfg::NetNs;

use crate::guest::Guest;

/// All of it.
pub struct Twin {
    pub hcs: Hcs,
    pub ip: Ip,
}

impl Machine for Twin {
    fn call(&mut self, request: &Request) -> Reply {
        let answer = self.hcs.answer(request);
        let answer = answer.or_else(|| self.ip.answer(request));
        answer.unwrap_or_else(|| panic!("nobody knows {request:?}"))
    }

    fn tell(&mut self, listener: Sender<Event>) {
        self.hcs.tell(listener.clone());
        self.ip.tell(listener);
    }
}

impl Twin {
    /// Listens where the stand-ins look for it.
    pub fn up(lab: &Lab, guest: &Arc<Guest>, cards: &[(u32, &str)], link: u32) -> Arc<Mutex<Self>> {
        let (mut hcs, mut ip) = (Hcs::default(), Ip::default());
        for (index, name) in cards {
            hcs.add_nic(name);
            ip.add_interface(Interface::ethernet(*index, name));
        }
        ip.add_interface(Interface::ethernet(link, "eth0"));
        let plugs = Arc::clone(guest);
        hcs.on_change(move |change| match change {
            Change::Added(it) => {
                plugs.plug_in(it.nic.as_deref().unwrap_or_default(), &it.adapter.mac)
            }
            Change::Removed(it) => plugs.unplug(it.nic.as_deref().unwrap_or_default()),
        });
        let windows = lab.namespace(Node::Windows).clone();
        ip.on_change(move |interface, change| route(&windows, &interface.name, change));
        let twin = Arc::new(Mutex::new(Self { hcs, ip }));
        let listener = listen(lab, 4790);
        let served = Arc::clone(&twin);
        thread::spawn(move || fakes::serve(&listener, &served));
        twin
    }
}

/// On the PC's loopback.
pub fn listen(lab: &Lab, port: u16) -> TcpListener {
    let listener = lab
        .namespace(Node::Windows)
        .run(|| TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    listener.expect("the port is free in a namespace of its own")
}

fn route(windows: &NetNs, interface: &str, change: &ip::Change) {
    let (verb, route) = match change {
        ip::Change::RouteAdded(route) => ("add", route),
        ip::Change::RouteDeleted(route) => ("del", route),
        ip::Change::AddressAdded(_) | ip::Change::AddressDeleted(_) => return,
    };
    let destination = format!("{}/{}", route.destination, route.prefix_length);
    let by = route.next_hop.to_string();
    let status = windows
        .command("ip")
        .args(["route", verb, &destination, "via", &by, "dev", interface])
        .status();
    assert!(status.expect("ip is there").success(), "{change:?}");
}
