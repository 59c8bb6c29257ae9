//! How a PC comes to be, before its user installs anything.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use lab::access::DhcpMode;
use lab::rig::{Rig, RigSpec};
use lab::topology::{Lab, LabSpec, Node, Uplink, addresses};
use lab::traffic::NameServer;
use lab::vm::{Switches, VmSpec};
use netcfg::NetNs;

use super::windows::PROXY;
use super::{CARDS, CONFIG, LXSS, Pc, index, ip, plug};
use crate::common::{Names, PROGRAM, output};
use crate::guest::{Guest, Linux, Namespace, Virtual};
use crate::machine::{Twin, listen};
use crate::wine::Wine;

/// The hub's name, if it is known by one.
const HUB: &str = "hub.test";

/// Whom the hub asks for names.
const NAME_SERVER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 53));

const UBUNTU: &str = "{00000000-0000-0000-0000-000000000001}";

/// Slow enough for a VM whose processor is emulated.
const SLOW: [&str; 2] = ["8mbit,20ms", "6mbit,40ms"];

/// The image, and where it is when Manypath is installed.
const IMAGE: &str = "manypath-guest.wsl";
const INSTALLED: &str = "Program Files/Manypath/manypath-guest.wsl";

impl Pc {
    /// With a namespace for the VM.
    pub fn up() -> Self {
        let spec = RigSpec::new(PROGRAM);
        Self::with(spec, |lab, _, _| Box::new(Namespace::new(lab, PROGRAM)))
    }

    /// With one link that has IPv6 alone and the smallest packets, and one that has IPv4 alone and the largest.
    /// The hub is known by a name, with both.
    pub fn up_with_unlike_links() -> Self {
        let mut spec = RigSpec::new(PROGRAM);
        spec.hub = HUB.parse().expect("a name");
        for (uplink, mtu) in spec.lab.uplinks.iter_mut().zip([1280, 9000]) {
            uplink.mtu = mtu;
        }
        let pc = Self::with(spec, |lab, _, names| {
            Box::new(Namespace::new(lab, names.program()))
        });
        for (uplink, family) in [(Uplink::FIRST, "ip"), (Uplink::SECOND, "ip6")] {
            let none = format!(
                "add table {family} none
                add chain {family} none come {{ type filter hook prerouting priority -300; policy drop; }}
                add chain {family} none go {{ type filter hook output priority 0; policy drop; }}"
            );
            output(&pc.rig, Node::Access(uplink), "nft", &[&none]);
        }
        let server = pc.rig.lab().dhcp_server(Uplink::FIRST);
        server.expect("one").set_mode(DhcpMode::Silent);
        pc
    }

    /// With a VM, which runs what the service has imported.
    pub fn up_with_vm() -> Self {
        let mut slow = RigSpec::new(PROGRAM);
        slow.lab = LabSpec::with_links(SLOW.map(|it| it.parse().expect("a link")));
        let pc = Self::with(slow, |lab, wine, _| {
            let spec = VmSpec {
                kernel: made("MANYPATH_KERNEL"),
                image: wine.file(INSTALLED),
                init: made("MANYPATH_GUEST").join("init"),
            };
            let switches = Switches::make(lab).expect("switches");
            Box::new(Virtual::new(switches, spec))
        });
        let image = made("MANYPATH_GUEST").join(IMAGE);
        let copied = std::fs::copy(image, pc.wine.file("unpacked").join(IMAGE));
        copied.expect("./test has made the image");
        pc
    }

    fn with(spec: RigSpec, linux: impl FnOnce(&Lab, &Wine, &Names) -> Box<dyn Linux>) -> Self {
        let [v4, v6] = addresses::HUB.both();
        let names = Names::new("edge", &format!("{v6} {HUB}\n{v4} {HUB}\n"));
        let mut rig = Rig::up(RigSpec {
            program: names.program(),
            hub_settings: format!("announce = [\"{v4}\", \"{v6}\"]"),
            ..spec
        })
        .expect("a lab");
        let server = NameServer::start(rig.lab().namespace(Node::Hub), NAME_SERVER);
        rig.stop_edge().expect("a clean stop");
        let wine = Wine::copy();
        let guest = Guest::new(linux(rig.lab(), &wine, &names));
        let (windows, walls) = (
            rig.lab().namespace(Node::Windows).clone(),
            NetNs::new().expect("a namespace"),
        );
        // The lab's way into the guest is what the service is to make.
        ip(&windows, &["route", "flush", "default"]);
        // WSL's network has no IPv6.
        ip(&windows, &["-6", "route", "flush", "default"]);
        for end in [&windows, rig.lab().namespace(Node::Guest)] {
            ip(
                end,
                &["-6", "address", "flush", "dev", "eth0", "scope", "global"],
            );
        }
        for (name, _) in CARDS {
            let pair = ["link", "add", name, "type", "veth", "peer", "name", "wall"];
            ip(&walls, &pair);
            let wall = format!("{name}-wall");
            ip(&walls, &["link", "set", "wall", "name", &wall, "up"]);
            plug(&walls, &windows, name);
        }
        let index = |name: &str| index(&windows, name);
        let cards = CARDS.map(|(name, _)| (index(name), name));
        let twin = Twin::up(rig.lab(), &guest, &cards, index("eth0"));
        guest.serve(listen(rig.lab(), 4791), &twin);
        let mut pc = Self {
            rig,
            wine,
            twin,
            guest,
            walls,
            _name_server: server.expect("a name server"),
            _names: names,
        };
        pc.wine.start(pc.rig.lab());
        pc.install_wsl();
        pc
    }

    fn install_wsl(&self) {
        let lab = self.rig.lab();
        let wsl = std::env::var("MANYPATH_WSL").expect("MANYPATH_WSL: ./test windows sets it");
        let folder = self.wine.file("wsl");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::copy(wsl, folder.join("wsl.exe")).expect("the stand-in");
        let msi = format!(r"HKLM\{LXSS}\MSI");
        self.wine.register(lab, &msi, "InstallLocation", r"C:\wsl\");
        self.wine.register(lab, &msi, "Version", "2.6.1.0");
        let user = format!(r"HKCU\{LXSS}");
        self.wine
            .register(lab, &user, "DefaultDistribution", UBUNTU);
        let ubuntu = format!(r"{user}\{UBUNTU}");
        self.wine
            .register(lab, &ubuntu, "DistributionName", "Ubuntu");
        // Every user of Windows has it. Wine writes it when somebody looks for a proxy first.
        let off = [
            "add",
            PROXY,
            "/v",
            "ProxyEnable",
            "/t",
            "REG_DWORD",
            "/d",
            "0",
            "/f",
        ];
        assert!(self.wine.run(lab, "reg", &off).status.success());
        std::fs::write(self.config(), CONFIG).expect("a file");
        // What is unpacked.
        let program = std::env::var("MANYPATH_EXE").expect("MANYPATH_EXE: ./test windows sets it");
        let unpacked = self.wine.file("unpacked");
        std::fs::create_dir_all(&unpacked).expect("a folder");
        std::fs::copy(program, unpacked.join("manypath.exe")).expect("the program");
        for name in [IMAGE, "kernel", "modules.vhdx"] {
            std::fs::write(unpacked.join(name), name).expect("a file");
        }
    }
}

/// A place that ./test tells.
fn made(variable: &str) -> PathBuf {
    let place = std::env::var_os(variable);
    place
        .unwrap_or_else(|| panic!("{variable}: ./test sets it"))
        .into()
}
