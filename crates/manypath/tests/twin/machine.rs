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
use uuid::Uuid;

use crate::guest::Guest;
use crate::pc::ip as run_ip;

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
                let mac = it.adapter.mac.replace('-', ":");
                plugs.plug_in(it.nic.as_deref().unwrap_or_default(), &mac);
            }
            Change::Removed(it) => plugs.unplug(it.nic.as_deref().unwrap_or_default()),
        });
        let windows = lab.namespace(Node::Windows).clone();
        ip.on_change(move |interface, asked| change(&windows, &interface.name, asked));
        let twin = Arc::new(Mutex::new(Self { hcs, ip }));
        let listener = listen(lab, 4790);
        let served = Arc::clone(&twin);
        thread::spawn(move || fakes::serve(&listener, &served));
        twin
    }

    /// WSL starts its VM for the first program. Gives its id.
    pub fn start_vm(&mut self) -> String {
        if self.hcs.systems().is_empty() {
            self.hcs.start_system(Uuid::from_u128(fastrand::u128(..)));
        }
        self.hcs.systems()[0].id.clone()
    }

    /// The ids of those that run.
    pub fn vms(&self) -> Vec<String> {
        let systems = self.hcs.systems().iter();
        systems.map(|it| it.id.clone()).collect()
    }

    /// One has ended, if it has not before.
    pub fn end_vm(&mut self, id: &str) {
        if self.vms().iter().any(|it| it == id) {
            self.hcs.stop_system(id);
        }
    }
}

/// On the PC's loopback.
pub fn listen(lab: &Lab, port: u16) -> TcpListener {
    let listener = lab
        .namespace(Node::Windows)
        .run(|| TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    listener.expect("the port is free in a namespace of its own")
}

/// Makes true what was asked for.
fn change(windows: &NetNs, interface: &str, change: &ip::Change) {
    let route = |verb, route: &ip::Route| {
        let destination = format!("{}/{}", route.destination, route.prefix_length);
        let by = route.next_hop.to_string();
        let what = ["route", verb, &destination, "via", &by, "dev", interface];
        run_ip(windows, &what);
    };
    let address = |verb, address: &ip::Address| {
        let net = format!("{}/{}", address.address, address.prefix_length);
        run_ip(windows, &["address", verb, &net, "dev", interface]);
    };
    match change {
        ip::Change::RouteAdded(it) => route("add", it),
        ip::Change::RouteDeleted(it) => route("del", it),
        ip::Change::AddressAdded(it) => address("add", it),
        ip::Change::AddressDeleted(it) => address("del", it),
    }
}
