use std::collections::HashMap;

use ipnet::IpNet;
use netcfg::{
    Address, Family, InterfaceIndex, InterfaceName, NetNs, NetNsError, Netlink, Route, Rule,
    Sysctl, VethEnd, nft,
};

use super::access_network::AccessNetwork;
use super::node::{Node, Uplink};
use super::plan::{NodePlan, RoutePlan, RulePlan};
use super::spec::LabSpec;
use super::{Lab, LabError, Namespaces, addresses};
use crate::link::{Link, LinkEnd, LinkSpec};

pub(super) fn build(spec: LabSpec) -> Result<Lab, LabError> {
    if !(1..=usize::from(Uplink::MOST)).contains(&spec.uplinks.len()) {
        return Err(LabError::Uplinks {
            number: spec.uplinks.len(),
        });
    }
    let namespaces = Namespaces::new(&spec).map_err(LabError::Namespace)?;
    let plans = spec.node_plans();
    for plan in &plans {
        apply_settings(&namespaces, plan)?;
    }
    let links = spec
        .uplinks()
        .map(|uplink| start_link(&spec, &namespaces, uplink))
        .collect::<Result<_, _>>()?;
    let interfaces = on_runtime(async {
        lay_cables(&spec, &namespaces).await?;
        let mut interfaces = HashMap::new();
        for plan in &plans {
            interfaces.insert(plan.node, set_up(&namespaces, plan).await?);
        }
        Ok(interfaces)
    })?;
    for plan in &plans {
        masquerade(&namespaces, plan)?;
    }
    let access = spec
        .uplinks()
        .map(|uplink| {
            let lan = interfaces[&Node::Access(uplink)][&addresses::access_lan()];
            AccessNetwork::start(&spec, &namespaces, uplink, lan)
        })
        .collect::<Result<_, _>>()?;
    Ok(Lab {
        spec,
        access,
        links,
        namespaces,
    })
}

impl Namespaces {
    fn new(spec: &LabSpec) -> Result<Self, NetNsError> {
        Ok(Self {
            windows: NetNs::new()?,
            guest: NetNs::new()?,
            access: spec
                .uplinks()
                .map(|_| NetNs::new())
                .collect::<Result<_, _>>()?,
            core: NetNs::new()?,
            hub: NetNs::new()?,
            origin: NetNs::new()?,
        })
    }
}

fn apply_settings(namespaces: &Namespaces, plan: &NodePlan) -> Result<(), LabError> {
    let apply = || {
        let mut settings = plan.settings.iter();
        settings.try_for_each(|(name, value)| Sysctl::new(name)?.write(value))
    };
    namespaces
        .get(plan.node)
        .try_run(apply)
        .map_err(LabError::Namespace)?
        .map_err(|source| LabError::Sysctl {
            node: plan.node,
            source,
        })
}

fn start_link(spec: &LabSpec, namespaces: &Namespaces, uplink: Uplink) -> Result<Link, LabError> {
    let of_uplink = spec.uplinks[uplink.position()];
    let link = Link::start(&LinkSpec {
        guest: LinkEnd {
            namespace: namespaces.guest.clone(),
            name: addresses::uplink_interface(uplink),
            mac: Some(addresses::uplink_mac(uplink)),
        },
        access: LinkEnd {
            namespace: namespaces.get(Node::Access(uplink)).clone(),
            name: addresses::access_lan(),
            mac: None,
        },
        profile: of_uplink.profile,
        mtu: of_uplink.mtu,
    });
    Ok(link?)
}

/// A thread of its own, because the caller may be inside a runtime and must not block it twice.
fn on_runtime<T: Send>(
    work: impl Future<Output = Result<T, LabError>> + Send,
) -> Result<T, LabError> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.map_err(LabError::Runtime)?.block_on(work)
    };
    std::thread::scope(|scope| {
        scope
            .spawn(run)
            .join()
            .unwrap_or_else(|cause| std::panic::resume_unwind(cause))
    })
}

async fn lay_cables(spec: &LabSpec, namespaces: &Namespaces) -> Result<(), LabError> {
    for cable in spec.cables() {
        let ((one, one_name), (other, other_name)) = (&cable.one, &cable.other);
        let failed = |source| LabError::Network { node: *one, source };
        let netlink = Netlink::in_netns(namespaces.get(*one)).map_err(failed)?;
        let far = VethEnd::inside(namespaces.get(*other), other_name);
        netlink
            .create_veth(VethEnd::here(one_name), far)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

type Indexes = HashMap<InterfaceName, InterfaceIndex>;

async fn set_up(namespaces: &Namespaces, plan: &NodePlan) -> Result<Indexes, LabError> {
    let set_up = async {
        let netlink = Netlink::in_netns(namespaces.get(plan.node))?;
        let links = netlink.links().await?;
        let indexes: Indexes = links
            .into_iter()
            .map(|link| (link.name, link.index))
            .collect();
        netlink.set_link_up(InterfaceIndex::LOOPBACK).await?;
        for (name, pairs) in &plan.interfaces {
            let index = indexes[name];
            netlink.set_link_up(index).await?;
            for net in pairs
                .iter()
                .flat_map(|pair| [pair.v4.into(), pair.v6.into()])
            {
                let _ = netlink.add_address(&static_address(index, net)).await?;
            }
        }
        for route in &plan.routes {
            let _ = netlink.add_route(&route.resolve(&indexes)).await?;
        }
        for rule in &plan.rules {
            let _ = netlink.add_rule(&rule.resolve()).await?;
        }
        Ok(indexes)
    };
    set_up.await.map_err(|source| LabError::Network {
        node: plan.node,
        source,
    })
}

fn static_address(index: InterfaceIndex, net: IpNet) -> Address {
    // The kernel doesn't know the flag for IPv4.
    Address {
        no_dad: matches!(net, IpNet::V6(_)),
        ..Address::new(index, net)
    }
}

impl RoutePlan {
    fn resolve(&self, indexes: &Indexes) -> Route {
        let route = Route::new(self.table, self.destination);
        Route {
            gateway: self.gateway,
            interface: Some(indexes[&self.interface]),
            metric: self.metric.unwrap_or(route.metric),
            ..route
        }
    }
}

impl RulePlan {
    fn resolve(&self) -> Rule {
        let family = Family::of(self.from.addr());
        Rule {
            from: Some(self.from),
            ..Rule::new(family, self.priority, self.table)
        }
    }
}

fn masquerade(namespaces: &Namespaces, plan: &NodePlan) -> Result<(), LabError> {
    let Some(interface) = &plan.masquerade else {
        return Ok(());
    };
    let table = masquerade_table(interface);
    namespaces
        .get(plan.node)
        .try_run(|| table.install())
        .map_err(LabError::Namespace)?
        .map_err(|source| LabError::Masquerade {
            node: plan.node,
            source,
        })
}

fn masquerade_table(interface: &InterfaceName) -> nft::Table {
    let name = |text: &str| text.parse().expect("a plain word is a valid name");
    let pattern: nft::InterfacePattern = interface
        .as_str()
        .parse()
        .expect("a link name without a star is a pattern");
    let base = nft::Base {
        kind: nft::ChainKind::Nat,
        hook: nft::Hook::Postrouting,
        priority: nft::Base::SRCNAT,
        policy: nft::Policy::Accept,
    };
    let rule = nft::Rule::new([nft::Statement::Masquerade])
        .when(nft::Match::Family(Family::V4))
        .when(nft::Match::OutputInterface(nft::OneOf::from(pattern)));
    nft::Table::new(name("lab")).with(nft::Chain::base(name("postrouting"), base).with(rule))
}
