//! A rule as expressions, with what its matches imply.

use super::expr::Exprs;
use super::uapi::*;
use super::{Message, set, userdata};
use crate::Family;
use crate::netfilter::attrs::Attrs;
use crate::nft::ranges::{Element, SinglePrefix, merged};
use crate::nft::{CtDirection, MarkTest, Match, Name, OneOf, Protocol, Reject, Rule, Statement};

/// The sets of a rule, then the rule.
pub(super) fn messages(
    table: &Name,
    chain: &Name,
    rule: &Rule,
    next_set: &mut u32,
) -> Vec<Message> {
    let mut encoder = Encoder {
        table,
        next_set,
        sets: Vec::new(),
        exprs: Exprs::default(),
        family: None,
        protocol: None,
    };
    rule.matches
        .iter()
        .for_each(|condition| encoder.condition(condition));
    rule.statements
        .iter()
        .for_each(|statement| encoder.statement(statement));

    let mut attrs = Attrs::new()
        .text(NFTA_RULE_TABLE, table.as_str())
        .text(NFTA_RULE_CHAIN, chain.as_str())
        .nest(NFTA_RULE_EXPRESSIONS, encoder.exprs.into_attrs());
    if let Some(comment) = &rule.comment {
        let text = format!("{comment}\0");
        attrs = attrs.bytes(
            NFTA_RULE_USERDATA,
            &userdata(UDATA_COMMENT, text.as_bytes()),
        );
    }
    let mut messages = encoder.sets;
    messages.push(Message::append(libc::NFT_MSG_NEWRULE, attrs));
    messages
}

struct Encoder<'a> {
    table: &'a Name,
    next_set: &'a mut u32,
    sets: Vec<Message>,
    exprs: Exprs,
    /// What earlier matches of the rule made sure of, so that it is not asked twice: `nft list`
    /// hides the first question only.
    family: Option<Family>,
    protocol: Option<Protocol>,
}

impl Encoder<'_> {
    fn condition(&mut self, condition: &Match) {
        match condition {
            Match::InputInterface(names) => {
                self.exprs.load_meta(libc::NFT_META_IIFNAME);
                self.is_one_of(names);
            }
            Match::OutputInterface(names) => {
                self.exprs.load_meta(libc::NFT_META_OIFNAME);
                self.is_one_of(names);
            }
            Match::Family(family) => self.family(*family),
            Match::Protocol(protocols) => self.protocol(protocols),
            Match::Source4(nets) => self.address(Family::V4, 12, nets),
            Match::Destination4(nets) => self.address(Family::V4, 16, nets),
            Match::Source6(nets) => self.address(Family::V6, 8, nets),
            Match::Destination6(nets) => self.address(Family::V6, 24, nets),
            Match::SourcePort(transport, ports) => self.port((*transport).into(), 0, ports),
            Match::DestinationPort(transport, ports) => self.port((*transport).into(), 2, ports),
            Match::CtState(states) => self.any_bit(libc::NFT_CT_STATE, states.0),
            Match::CtDirection(direction) => {
                self.exprs.load_ct(libc::NFT_CT_DIRECTION);
                self.exprs
                    .compare(&[u8::from(*direction == CtDirection::Reply)], false);
            }
            Match::CtDnat => self.any_bit(libc::NFT_CT_STATUS, IPS_DST_NAT),
            Match::Mark(test) => {
                self.exprs.load_meta(libc::NFT_META_MARK);
                self.mark(test);
            }
            Match::CtMark(test) => {
                self.exprs.load_ct(libc::NFT_CT_MARK);
                self.mark(test);
            }
            Match::DestinationIsLocal(local) => {
                self.exprs.load_type_of_destination();
                self.exprs
                    .compare(&u32::from(libc::RTN_LOCAL).to_ne_bytes(), !local);
            }
            Match::TransparentSocket => {
                self.exprs.load_socket_transparent();
                self.exprs.compare(&[1], false);
            }
            Match::TcpSyn => self.tcp_syn(),
        }
    }

    fn need_family(&mut self, family: Family) {
        if self.family != Some(family) {
            self.family(family);
        }
    }

    fn family(&mut self, family: Family) {
        let number = match family {
            Family::V4 => libc::NFPROTO_IPV4,
            Family::V6 => libc::NFPROTO_IPV6,
        };
        self.exprs.load_meta(libc::NFT_META_NFPROTO);
        self.exprs.compare(&[number as u8], false);
        self.family = Some(family);
    }

    fn need_protocol(&mut self, protocol: Protocol) {
        if self.protocol != Some(protocol) {
            self.protocol(&protocol.into());
        }
    }

    fn protocol(&mut self, protocols: &OneOf<Protocol>) {
        self.exprs.load_meta(libc::NFT_META_L4PROTO);
        self.is_one_of(protocols);
        if let ([only], false) = (&protocols.values[..], protocols.negated) {
            self.protocol = Some(*only);
        }
    }

    fn address<T: Element>(&mut self, family: Family, offset: u32, nets: &OneOf<T>) {
        self.need_family(family);
        self.exprs
            .load_payload(libc::NFT_PAYLOAD_NETWORK_HEADER, offset, T::WIDTH);
        self.is_one_of(nets);
    }

    fn port<T: Element>(&mut self, protocol: Protocol, offset: u32, ports: &OneOf<T>) {
        self.need_protocol(protocol);
        self.exprs
            .load_payload(libc::NFT_PAYLOAD_TRANSPORT_HEADER, offset, T::WIDTH);
        self.is_one_of(ports);
    }

    fn any_bit(&mut self, key: libc::c_int, bits: u32) {
        self.exprs.load_ct(key);
        self.exprs.mask(&bits.to_ne_bytes());
        self.exprs.compare(&[0; 4], true);
    }

    fn mark(&mut self, test: &MarkTest) {
        if test.mask != u32::MAX {
            self.exprs.mask(&test.mask.to_ne_bytes());
        }
        self.exprs.compare(&test.value.to_ne_bytes(), test.negated);
    }

    fn tcp_syn(&mut self) {
        // Flags are byte 13 of the header (RFC 9293, section 3.1).
        const SYN: u8 = 0x02;
        const RST: u8 = 0x04;
        self.need_protocol(Protocol::Tcp);
        self.exprs
            .load_payload(libc::NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
        self.exprs.mask(&[SYN | RST]);
        self.exprs.compare(&[SYN], false);
    }

    /// Compares register 1.
    fn is_one_of<T: Element>(&mut self, one_of: &OneOf<T>) {
        let negated = one_of.negated;
        let [range] = merged(one_of)[..] else {
            let id = *self.next_set;
            *self.next_set += 1;
            self.sets.extend(set::messages(self.table, id, one_of));
            return self.exprs.look_up(set::SET_NAME, id, negated);
        };
        let (first, last) = (set::bytes::<T>(range.first), set::bytes::<T>(range.last));
        if first == last {
            return self.exprs.compare(&first, negated);
        }
        match (range.prefix_bits(T::WIDTH), T::SINGLE_PREFIX) {
            (Some(_), SinglePrefix::Masked) => {
                let mask: Vec<u8> = first.iter().zip(&last).map(|(a, b)| !(a ^ b)).collect();
                self.exprs.mask(&mask);
                self.exprs.compare(&first, negated);
            }
            (Some(bits), SinglePrefix::LeadingBytes) => {
                self.exprs.compare(&first[..bits as usize / 8], negated);
            }
            _ => self.exprs.compare_range(&first, &last, negated),
        }
    }

    fn statement(&mut self, statement: &Statement) {
        let exprs = &mut self.exprs;
        match statement {
            Statement::Accept => exprs.verdict(libc::NF_ACCEPT, None),
            Statement::Drop => exprs.verdict(libc::NF_DROP, None),
            Statement::Return => exprs.verdict(libc::NFT_RETURN, None),
            Statement::Jump(chain) => exprs.verdict(libc::NFT_JUMP, Some(chain)),
            Statement::Reject(Reject::PortUnreachable) => {
                exprs.reject(
                    libc::NFT_REJECT_ICMPX_UNREACH,
                    libc::NFT_REJECT_ICMPX_PORT_UNREACH,
                );
            }
            Statement::Reject(Reject::Prohibited) => {
                exprs.reject(
                    libc::NFT_REJECT_ICMPX_UNREACH,
                    libc::NFT_REJECT_ICMPX_ADMIN_PROHIBITED,
                );
            }
            Statement::Reject(Reject::TcpReset) => exprs.reject(libc::NFT_REJECT_TCP_RST, 0),
            Statement::Counter => exprs.counter(),
            Statement::SetMark(mark) => {
                exprs.set_register(&mark.to_ne_bytes());
                exprs.store_mark();
            }
            Statement::SetCtMark(mark) => {
                exprs.set_register(&mark.to_ne_bytes());
                exprs.store_ct_mark();
            }
            Statement::SaveMark => {
                exprs.load_meta(libc::NFT_META_MARK);
                exprs.store_ct_mark();
            }
            Statement::RestoreMark => {
                exprs.load_ct(libc::NFT_CT_MARK);
                exprs.store_mark();
            }
            Statement::Redirect(port) => exprs.redirect(port.get()),
            Statement::Tproxy(port) => exprs.tproxy(port.get()),
            Statement::Masquerade => exprs.masquerade(),
            Statement::Snat(nat) => exprs.nat(libc::NFT_NAT_SNAT, nat),
            Statement::Dnat(nat) => exprs.nat(libc::NFT_NAT_DNAT, nat),
            Statement::ClampMss => exprs.clamp_mss(),
            Statement::NoTrack => exprs.no_track(),
        }
    }
}

/// `IPS_DST_NAT` of `linux/netfilter/nf_conntrack_common.h`.
const IPS_DST_NAT: u32 = 1 << 5;
