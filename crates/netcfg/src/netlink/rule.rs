//! Policy routing rules: list, add, delete.

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};

use super::{Changed, Failure, Netlink, address_family, prefix, split_table};
use crate::error::Error;
use crate::model::Rule;
use crate::types::{Family, InterfaceName, RulePriority, TableId};

/// `-1`: the kernel's way to say that routes are not suppressed by their prefix length.
const NO_SUPPRESSION: u32 = u32::MAX;
/// `FRA_PAD`, which only fills.
const ATTRIBUTE_PAD: u16 = 18;

impl Netlink {
    /// Every rule of both families, by family, then in the order that the kernel tries them.
    pub async fn rules(&self) -> Result<Vec<Rule>, Error> {
        self.read_all_rules()
            .await
            .map_err(|failure| failure.during("list rules"))
    }

    /// Adds a rule.
    pub async fn add_rule(&self, rule: &Rule) -> Result<Changed, Error> {
        let operation = || format!("add rule {rule}");
        if rule.opaque {
            return Err(Error::Opaque {
                operation: operation(),
            });
        }
        let request = RouteNetlinkMessage::NewRule(message(rule));
        match self.change(request, NLM_F_CREATE | NLM_F_EXCL).await {
            Ok(()) => Ok(Changed(true)),
            Err(failure) if failure.errno() == Some(libc::EEXIST) => Ok(Changed(false)),
            Err(failure) => Err(failure.during(operation())),
        }
    }

    /// Deletes the rule that is the same in every field.
    pub async fn delete_rule(&self, rule: &Rule) -> Result<Changed, Error> {
        let operation = || format!("delete rule {rule}");
        if rule.opaque {
            return Err(Error::Opaque {
                operation: operation(),
            });
        }
        match self.delete_rule_if_there(rule).await {
            Ok(changed) => Ok(changed),
            Err(failure) if failure.errno() == Some(libc::ENOENT) => Ok(Changed(false)),
            Err(failure) => Err(failure.during(operation())),
        }
    }

    async fn delete_rule_if_there(&self, rule: &Rule) -> Result<Changed, Failure> {
        if !self.read_rules(rule.family).await?.contains(rule) {
            return Ok(Changed(false));
        }
        self.change(RouteNetlinkMessage::DelRule(message(rule)), 0)
            .await?;
        Ok(Changed(true))
    }

    async fn read_all_rules(&self) -> Result<Vec<Rule>, Failure> {
        let mut rules = self.read_rules(Family::V4).await?;
        rules.extend(self.read_rules(Family::V6).await?);
        Ok(rules)
    }

    async fn read_rules(&self, family: Family) -> Result<Vec<Rule>, Failure> {
        let mut request = RuleMessage::default();
        request.header.family = address_family(family);
        match self.dump(RouteNetlinkMessage::GetRule(request)).await {
            Ok(answer) => Ok(answer
                .into_iter()
                .filter_map(|it| parse(it, family))
                .collect()),
            // The kernel was built or started without this family.
            Err(failure) if failure.errno() == Some(libc::EAFNOSUPPORT) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }
}

fn message(rule: &Rule) -> RuleMessage {
    let (small, large) = split_table(rule.table);
    let mut message = RuleMessage::default();
    message.header.family = address_family(rule.family);
    message.header.action = RuleAction::ToTable;
    message.header.table = small;
    let attributes = &mut message.attributes;
    attributes.push(RuleAttribute::Priority(rule.priority.0));
    attributes.push(RuleAttribute::Protocol(rule.protocol.into()));
    attributes.extend(large.map(RuleAttribute::Table));
    if let Some(from) = rule.from {
        message.header.src_len = from.prefix_len();
        attributes.push(RuleAttribute::Source(from.network()));
    }
    if let Some((mark, mask)) = rule.fwmark {
        attributes.push(RuleAttribute::FwMark(mark));
        attributes.push(RuleAttribute::FwMask(mask));
    }
    attributes.extend(
        rule.suppress_prefix_length
            .map(RuleAttribute::SuppressPrefixLen),
    );
    attributes.extend(
        rule.iif
            .as_ref()
            .map(|name| RuleAttribute::Iifname(name.to_string())),
    );
    message
}

fn parse(message: RouteNetlinkMessage, family: Family) -> Option<Rule> {
    let RouteNetlinkMessage::NewRule(RuleMessage {
        header, attributes, ..
    }) = message
    else {
        return None;
    };
    if header.family != address_family(family) {
        return None;
    }
    let mut rule = Rule::new(family, RulePriority(0), TableId(header.table.into()));
    rule.protocol = 0;
    rule.opaque = header.action != RuleAction::ToTable
        || header.flags.contains(RuleFlags::Invert)
        || header.dst_len != 0
        || header.tos != 0;
    let (mut mark, mut mask) = (0, 0);
    for attribute in attributes {
        match attribute {
            RuleAttribute::Priority(number) => rule.priority = RulePriority(number),
            RuleAttribute::Table(number) => rule.table = TableId(number),
            RuleAttribute::Protocol(number) => rule.protocol = number.into(),
            RuleAttribute::Source(address) => rule.from = prefix(address, header.src_len),
            RuleAttribute::FwMark(value) => mark = value,
            RuleAttribute::FwMask(value) => mask = value,
            RuleAttribute::Iifname(name) => match InterfaceName::new(&name) {
                Ok(name) => rule.iif = Some(name),
                Err(_) => rule.opaque = true,
            },
            RuleAttribute::SuppressPrefixLen(NO_SUPPRESSION) => {}
            RuleAttribute::SuppressPrefixLen(length) => rule.suppress_prefix_length = Some(length),
            RuleAttribute::Other(other)
                if netlink_packet_core::Nla::kind(&other) == ATTRIBUTE_PAD => {}
            _ => rule.opaque = true,
        }
    }
    rule.fwmark = (mask != 0).then_some((mark, mask));
    Some(rule)
}
