//! Against the kernel, in namespaces that each test makes. Needs root. What was done is read with
//! `ip -j`, so that the code under test does not vouch for itself.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where one of its helpers fails"
)]

mod addresses;
mod links;
mod netns;
mod requests;
mod routes;
mod rules;
mod sysctl;
mod watch;

use std::time::Duration;

use netcfg::{Address, Change, InterfaceIndex, InterfaceName, NetNs, Netlink, VethEnd, Watch};
use serde_json::Value;

/// An event that takes longer does not come.
const DEADLINE: Duration = Duration::from_secs(10);

struct Namespace {
    netns: NetNs,
    netlink: Netlink,
}

impl Namespace {
    fn new() -> Self {
        let netns = NetNs::new().expect("a namespace: the tests need root");
        let netlink = Netlink::in_netns(&netns).unwrap();
        Self { netns, netlink }
    }

    /// With a link that is up and has a carrier.
    async fn with_link(link: &str) -> (Self, InterfaceIndex) {
        let namespace = Self::new();
        let index = namespace.add_link(link).await;
        (namespace, index)
    }

    /// A veth pair of which this end and the other are up.
    async fn add_link(&self, link: &str) -> InterfaceIndex {
        let (this, other) = (name(link), name(&format!("{link}-far")));
        self.netlink
            .create_veth(VethEnd::here(&this), VethEnd::here(&other))
            .await
            .unwrap();
        self.netlink
            .set_link_up(self.index(other.as_str()).await)
            .await
            .unwrap();
        let index = self.index(link).await;
        self.netlink.set_link_up(index).await.unwrap();
        index
    }

    async fn index(&self, link: &str) -> InterfaceIndex {
        self.netlink
            .link(&name(link))
            .await
            .unwrap()
            .expect("the link")
            .index
    }

    /// What `ip -j ARGUMENTS` prints; `null` if it prints nothing.
    fn ip(&self, arguments: &str) -> Value {
        let output = self
            .netns
            .command("ip")
            .arg("-j")
            .args(arguments.split(' '))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ip {arguments}: {errors}");
        match output.stdout.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&output.stdout).unwrap(),
        }
    }

    /// The same for a list without the empty objects that `ip` leaves for what it filters out.
    fn ip_list(&self, arguments: &str) -> Vec<Value> {
        let list = self.ip(arguments);
        let full = |value: &&Value| value.as_object().is_none_or(|fields| !fields.is_empty());
        list.as_array()
            .into_iter()
            .flatten()
            .filter(full)
            .cloned()
            .collect()
    }

    /// One `ip` process for many commands.
    fn ip_batch(&self, commands: impl Iterator<Item = String>) {
        use std::io::Write;
        use std::process::Stdio;
        let mut ip = self
            .netns
            .command("ip")
            .args(["-batch", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let all: String = commands.map(|command| command + "\n").collect();
        ip.stdin.take().unwrap().write_all(all.as_bytes()).unwrap();
        assert!(ip.wait().unwrap().success());
    }
}

/// Usable at once, so that it is listed as it was added.
fn address(index: InterfaceIndex, net: &str) -> Address {
    Address {
        no_dad: net.contains("::"),
        ..Address::new(index, net.parse().unwrap())
    }
}

fn name(text: &str) -> InterfaceName {
    text.parse().unwrap()
}

/// The error with its causes, as it is shown to people.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// Waits for a change and skips the others.
async fn wait_for(watch: &mut Watch, wanted: Change) {
    let seen = async { while watch.next().await.unwrap() != wanted {} };
    let result = tokio::time::timeout(DEADLINE, seen).await;
    assert!(result.is_ok(), "{wanted:?} never came");
}
