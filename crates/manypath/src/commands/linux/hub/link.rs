//! What `init` and `user` have in common: the hub's files, and a new user's link.

use std::io::IsTerminal;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;
use netcfg::{Netlink, Scope};
use serde_json::json;
use settings::HubLink;
use settings::hub::{Settings, User, UserName};
use tls::HubKey;
use wire::{Destination, DomainNameError, Host};
use zeroize::Zeroizing;

use super::qr;
use crate::Failure;
use crate::commands::linux::runtime;

/// Where the settings are unless the command line says otherwise.
pub const DEFAULT_SETTINGS: &str = "/etc/manypath/hub.toml";

/// Host and port for links.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// What edges reach this hub by: a name or an address. Without it: `public` in the settings, or else this
    /// machine's public address.
    #[arg(long, value_name = "NAME_OR_ADDRESS", value_parser = host)]
    host: Option<Host>,
    /// The port that edges reach this hub by. Without it: that of `public` or `listen` in the settings.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
}

fn host(text: &str) -> Result<Host, DomainNameError> {
    let inner = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    inner.unwrap_or(text).parse()
}

impl Place {
    /// Where the links of a hub with these settings lead to, on a machine with these public addresses.
    pub fn reach(&self, settings: &Settings, own: &[IpAddr]) -> Result<Reach, Failure> {
        let public = settings.public.as_ref();
        let listen = settings.listen.first().map(|listen| listen.port());
        let port = self.port.or(public.map(|public| public.port)).or(listen);
        let port = port.ok_or_else(|| {
            Failure::Settings(
                "the hub listens for SOCKS5 only, for which there are no links; add to its settings: \
                 listen = [\"[::]:443\"]"
                    .to_owned(),
            )
        })?;
        let given = self
            .host
            .clone()
            .or(public.map(|public| public.host.clone()));
        let host = given.or(own.first().map(|own| Host::Ip(*own)));
        let host = host.ok_or_else(|| {
            Failure::Settings(
                "this machine has no public address of its own, so say what edges reach it by: \
                 --host NAME_OR_ADDRESS, such as --host hub.example"
                    .to_owned(),
            )
        })?;
        let also = match host {
            Host::Ip(host) if own.contains(&host) => own.iter().find(|own| **own != host).copied(),
            Host::Ip(_) | Host::Name(_) => None,
        };
        Ok(Reach {
            destination: Destination { host, port },
            also,
        })
    }
}

/// Where edges reach a hub.
#[derive(Debug)]
pub struct Reach {
    pub destination: Destination,
    /// Its address of the other family, if `destination` is an address.
    pub also: Option<IpAddr>,
}

/// This machine's own addresses that the Internet reaches, one of each family; IPv4 first, because more edges have it.
pub fn public_addresses() -> Result<Vec<IpAddr>, Failure> {
    let addresses = runtime()?.block_on(async { Netlink::new()?.addresses().await })?;
    let lasting = addresses
        .iter()
        .filter(|it| it.scope == Scope::Global && !(it.temporary || it.tentative || it.deprecated));
    let public = lasting.map(|it| it.net.addr()).filter(|it| is_public(*it));
    let public: Vec<IpAddr> = public.collect();
    // The kernel lists the newest of IPv6 first.
    let v4 = public.iter().find(|it| it.is_ipv4());
    let v6 = public.iter().filter(|it| it.is_ipv6()).min();
    Ok([v4, v6].into_iter().flatten().copied().collect())
}

/// Whether an address is one that the Internet routes (IANA's special-purpose registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let special = (a, b, c) == (192, 0, 0) || (a == 198 && (18..20).contains(&b));
            let private = ip.is_private() || ip.is_loopback() || ip.is_link_local();
            !(private || shared || special || a == 0 || a >= 224)
        }
        // Global unicast without Teredo and 6to4.
        IpAddr::V6(ip) => {
            let [a, b, ..] = ip.segments();
            a & 0xe000 == 0x2000 && a != 0x2002 && (a, b) != (0x2001, 0)
        }
    }
}

/// Whether there is a file.
pub fn exists(path: &Path) -> Result<bool, Failure> {
    let found = path.try_exists();
    Ok(found.with_context(|| format!("cannot look for {}; run this as root", path.display()))?)
}

/// Reads the hub's private key.
pub fn read_key(path: &Path) -> Result<HubKey, Failure> {
    let pem = fs::read(path).map(Zeroizing::new).map_err(|error| {
        let next = match error.kind() {
            io::ErrorKind::NotFound => "put it back from a copy, or make one: manypath hub init",
            _ => "run this as root",
        };
        let what = format!("cannot read the hub's key {}; {next}", path.display());
        anyhow::Error::from(error).context(what)
    })?;
    let key = HubKey::from_pem(&pem).with_context(|| {
        format!(
            "{} holds no key of a hub; put the right one back from a copy",
            path.display()
        )
    });
    Ok(key?)
}

/// The words of a command for the hub of these settings.
pub fn command(words: &str, settings: &Path) -> String {
    match settings == Path::new(DEFAULT_SETTINGS) {
        true => format!("manypath hub {words}"),
        false => format!("manypath hub {words} --settings {}", settings.display()),
    }
}

/// A user that was made just now, with the only copy of its secret.
pub struct NewUser {
    pub user: User,
    pub link: HubLink,
}

impl NewUser {
    pub fn new(name: UserName, key: &HubKey, reach: Reach) -> Self {
        let secret = tls::generate_secret();
        Self {
            user: User::new(name, tls::user_key(&secret)),
            link: HubLink {
                secret,
                destination: reach.destination,
                also: reach.also,
                pin: key.pin(),
            },
        }
    }

    /// For programs: one object.
    pub fn print_json(&self, path: &Path, settings: &Settings) -> Result<(), Failure> {
        let text = |path: &PathBuf| path.display().to_string();
        let object = json!({
            "link": *self.link.expose(),
            "pin": self.link.pin.to_string(),
            "user": self.user.name.as_str(),
            "files": {
                "settings": path.display().to_string(),
                "key": text(&settings.key),
                "users": text(&settings.users),
            },
        });
        println!("{}", serde_json::to_string_pretty(&object)?);
        Ok(())
    }

    /// For people: the link, on a terminal as a QR code too.
    pub fn print(&self) {
        let (name, link) = (&self.user.name, self.link.expose());
        println!(
            "The link of {name}. It is a password, and this is the only time that it is shown:\n"
        );
        println!("  {}\n", *link);
        if std::io::stdout().is_terminal()
            && let Some(code) = qr::render(&link)
        {
            println!("{code}");
        }
        println!(
            "On the computer that is to use the hub, run `manypath connect` and give it the link."
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses() {
        for public in [
            "1.1.1.1",
            "203.0.113.2",
            "100.128.0.1",
            "2606:4700::1111",
            "2001:db8::1",
        ] {
            assert!(is_public(public.parse().expect("an address")), "{public}");
        }
        for other in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "fd00::1",
            "fe80::1",
            "2001:0:53aa::1",
            "2002:c000:201::1",
            "ff02::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(!is_public(other.parse().expect("an address")), "{other}");
        }
    }
}
