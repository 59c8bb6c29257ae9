//! What happens to the links, drawn at random from a seed.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use lab::link::{Fraction, LinkHandle, Profile};
use lab::rig::Rig;
use lab::topology::Uplink;
use rustix::process::{Pid, Signal, kill_process};
use toml_edit::DocumentMut;

const FAULTS: usize = 100;

/// So short that leases are renewed, refused and lost in the midst of it.
pub const WEAK_LEASE: Duration = Duration::from_secs(4);

const LINKS: [Uplink; 2] = [Uplink::FIRST, Uplink::SECOND];

/// The last bytes of the addresses that a DHCP server gives at first.
const POOL: (u8, u8) = (100, 199);

/// A hundred faults.
pub struct Storm(Vec<Fault>);

/// One fault, and how long it is calm after it, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Fault {
    what: What,
    calm: u64,
}

/// Times are in milliseconds.
#[derive(Clone, Copy, Debug)]
enum What {
    /// The cable is out for a time.
    Carrier(Uplink, u64),
    /// Everything is dropped for a time.
    Silence(Uplink, u64),
    /// The same on both links.
    NoCarrier(u64),
    AllSilent(u64),
    /// So from here on.
    Weather(Uplink, Weather),
    /// What the uplinks are for, from here on.
    Roles([Role; 2]),
    /// The DHCP server has other addresses from here on: the first ends with this byte.
    Lease(Uplink, u8),
}

/// As in the settings.
#[derive(Clone, Copy, Debug)]
enum Role {
    Active,
    Backup,
    Off,
}

#[derive(Clone, Copy, Debug)]
enum Weather {
    Fine,
    /// 200 ms later.
    Slow,
    /// 5 % of the frames are lost.
    Lossy,
}

impl Storm {
    pub fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        Self((0..FAULTS).map(|_| Fault::random(&mut random)).collect())
    }

    /// Lets it happen, and mends everything.
    pub fn rage(&self, rig: &Rig) {
        for (number, fault) in self.0.iter().enumerate() {
            println!("{number}: {fault:?}");
            fault.what.happens(rig);
            sleep(fault.calm);
        }
        What::Roles([Role::Active; 2]).happens(rig);
        for uplink in LINKS {
            What::Weather(uplink, Weather::Fine).happens(rig);
            What::Lease(uplink, POOL.0).happens(rig);
        }
    }
}

impl Fault {
    fn random(random: &mut Rng) -> Self {
        let calm = random.u64(40..200);
        let what = What::random(random);
        Self { what, calm }
    }
}

impl What {
    fn random(random: &mut Rng) -> Self {
        let uplink = LINKS[random.usize(..2)];
        match random.u8(..40) {
            0..13 => Self::Carrier(uplink, random.u64(50..400)),
            13..25 => Self::Silence(uplink, random.u64(50..600)),
            25 => Self::NoCarrier(random.u64(100..2000)),
            26 => Self::AllSilent(random.u64(100..2000)),
            27..33 => Self::Weather(uplink, Weather::random(random)),
            33..36 => Self::Roles(Role::random(random)),
            _ => Self::Lease(uplink, random.u8(20..90)),
        }
    }

    fn happens(self, rig: &Rig) {
        let lab = rig.lab();
        let both = LINKS.map(|uplink| lab.link(uplink));
        match self {
            Self::Carrier(uplink, time) => unplugged(&[lab.link(uplink)], time),
            Self::Silence(uplink, time) => silent(&[lab.link(uplink)], time),
            Self::NoCarrier(time) => unplugged(&both, time),
            Self::AllSilent(time) => silent(&both, time),
            Self::Weather(uplink, weather) => {
                lab.link(uplink).set_profile(weather.profile(uplink));
            }
            Self::Roles(roles) => Role::set(roles, rig),
            Self::Lease(uplink, first) => {
                let server = lab.dhcp_server(uplink).expect("the lab has them");
                server.set_pool(pool(uplink, first));
            }
        }
    }
}

impl Role {
    /// At least one is active.
    fn random(random: &mut Rng) -> [Self; 2] {
        let other = [Self::Active, Self::Backup, Self::Off][random.usize(..3)];
        let mut roles = [Self::Active, other];
        random.shuffle(&mut roles);
        roles
    }

    /// Changes the settings of a running edge.
    fn set(roles: [Self; 2], rig: &Rig) {
        let file = rig.folder().join("edge.toml");
        let text = std::fs::read_to_string(&file).expect("the rig's settings");
        let mut settings: DocumentMut = text.parse().expect("TOML");
        for (uplink, role) in LINKS.into_iter().zip(roles) {
            settings["uplink"][uplink.position()]["role"] = toml_edit::value(role.word());
        }
        std::fs::write(&file, settings.to_string()).expect("the rig's settings");
        let edge = rig.edge().expect("it runs").id();
        let edge = Pid::from_raw(edge.cast_signed()).expect("a process");
        kill_process(edge, Signal::HUP).expect("it runs");
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Backup => "backup",
            Self::Off => "off",
        }
    }
}

impl Weather {
    fn random(random: &mut Rng) -> Self {
        [Self::Fine, Self::Slow, Self::Lossy][random.usize(..3)]
    }

    fn profile(self, uplink: Uplink) -> Profile {
        let mut profile = if uplink == Uplink::FIRST {
            Profile::vdsl()
        } else {
            Profile::lte()
        };
        for direction in [&mut profile.down, &mut profile.up] {
            match self {
                Self::Fine => {}
                Self::Slow => direction.delay += Duration::from_millis(100),
                Self::Lossy => direction.loss = Fraction::new(0.05).expect("a fraction"),
            }
        }
        profile
    }
}

fn unplugged(links: &[&LinkHandle], time: u64) {
    let plug = |on| {
        for link in links {
            link.carrier(on).expect("the link is there");
        }
    };
    plug(false);
    sleep(time);
    plug(true);
}

fn silent(links: &[&LinkHandle], time: u64) {
    links.iter().for_each(|link| link.silence(true));
    sleep(time);
    links.iter().for_each(|link| link.silence(false));
}

/// The lab's access networks are 192.168.11.0/24 and 192.168.12.0/24.
fn pool(uplink: Uplink, first: u8) -> RangeInclusive<Ipv4Addr> {
    let ip = |last| Ipv4Addr::new(192, 168, 10 + uplink.number(), last);
    ip(first)..=ip(first + (POOL.1 - POOL.0))
}

/// The time itself is what is wanted.
fn sleep(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}
