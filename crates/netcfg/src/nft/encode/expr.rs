//! Expressions: the instructions that a rule is made of. Values go through register 1.

use super::uapi::*;
use crate::netfilter::attrs::Attrs;
use crate::nft::Name;

const REG_1: u32 = libc::NFT_REG_1 as u32;
const REG_2: u32 = libc::NFT_REG_2 as u32;

/// The expressions of one rule.
#[derive(Debug, Default)]
pub(super) struct Exprs(Attrs);

impl Exprs {
    pub fn into_attrs(self) -> Attrs {
        self.0
    }

    fn push(&mut self, name: &str, data: Attrs) {
        let expr = Attrs::new()
            .text(NFTA_EXPR_NAME, name)
            .nest(NFTA_EXPR_DATA, data);
        self.0 = std::mem::take(&mut self.0).nest(NFTA_LIST_ELEM, expr);
    }

    pub fn load_meta(&mut self, key: libc::c_int) {
        self.push(
            "meta",
            Attrs::new()
                .u32(NFTA_META_KEY, key as u32)
                .u32(NFTA_META_DREG, REG_1),
        );
    }

    pub fn store_mark(&mut self) {
        let key = libc::NFT_META_MARK as u32;
        self.push(
            "meta",
            Attrs::new()
                .u32(NFTA_META_KEY, key)
                .u32(NFTA_META_SREG, REG_1),
        );
    }

    pub fn load_ct(&mut self, key: libc::c_int) {
        self.push(
            "ct",
            Attrs::new()
                .u32(NFTA_CT_KEY, key as u32)
                .u32(NFTA_CT_DREG, REG_1),
        );
    }

    pub fn store_ct_mark(&mut self) {
        let key = libc::NFT_CT_MARK as u32;
        self.push(
            "ct",
            Attrs::new().u32(NFTA_CT_KEY, key).u32(NFTA_CT_SREG, REG_1),
        );
    }

    pub fn load_payload(&mut self, base: libc::c_int, offset: u32, len: usize) {
        let data = Attrs::new()
            .u32(NFTA_PAYLOAD_DREG, REG_1)
            .u32(NFTA_PAYLOAD_BASE, base as u32)
            .u32(NFTA_PAYLOAD_OFFSET, offset)
            .u32(NFTA_PAYLOAD_LEN, len as u32);
        self.push("payload", data);
    }

    pub fn load_type_of_destination(&mut self) {
        let data = Attrs::new()
            .u32(NFTA_FIB_DREG, REG_1)
            .u32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE)
            .u32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
        self.push("fib", data);
    }

    pub fn load_socket_transparent(&mut self) {
        let key = NFT_SOCKET_TRANSPARENT;
        self.push(
            "socket",
            Attrs::new()
                .u32(NFTA_SOCKET_KEY, key)
                .u32(NFTA_SOCKET_DREG, REG_1),
        );
    }

    /// Keeps the bits of `mask`.
    pub fn mask(&mut self, mask: &[u8]) {
        let data = Attrs::new()
            .u32(NFTA_BITWISE_SREG, REG_1)
            .u32(NFTA_BITWISE_DREG, REG_1)
            .u32(NFTA_BITWISE_LEN, mask.len() as u32)
            .nest(NFTA_BITWISE_MASK, value(mask))
            .nest(NFTA_BITWISE_XOR, value(&vec![0; mask.len()]));
        self.push("bitwise", data);
    }

    /// Goes on if the register begins with `bytes`, or if it does not.
    pub fn compare(&mut self, bytes: &[u8], negated: bool) {
        let operator = if negated {
            libc::NFT_CMP_NEQ
        } else {
            libc::NFT_CMP_EQ
        };
        let data = Attrs::new()
            .u32(NFTA_CMP_SREG, REG_1)
            .u32(NFTA_CMP_OP, operator as u32)
            .nest(NFTA_CMP_DATA, value(bytes));
        self.push("cmp", data);
    }

    pub fn compare_range(&mut self, first: &[u8], last: &[u8], negated: bool) {
        let operator = if negated {
            libc::NFT_RANGE_NEQ
        } else {
            libc::NFT_RANGE_EQ
        };
        let data = Attrs::new()
            .u32(NFTA_RANGE_SREG, REG_1)
            .u32(NFTA_RANGE_OP, operator as u32)
            .nest(NFTA_RANGE_FROM_DATA, value(first))
            .nest(NFTA_RANGE_TO_DATA, value(last));
        self.push("range", data);
    }

    pub fn look_up(&mut self, set: &str, id: u32, negated: bool) {
        let flags = if negated {
            libc::NFT_LOOKUP_F_INV as u32
        } else {
            0
        };
        let data = Attrs::new()
            .text(NFTA_LOOKUP_SET, set)
            .u32(NFTA_LOOKUP_SREG, REG_1)
            .u32(NFTA_LOOKUP_SET_ID, id)
            .u32(NFTA_LOOKUP_FLAGS, flags);
        self.push("lookup", data);
    }

    pub fn set_register(&mut self, bytes: &[u8]) {
        self.immediate(REG_1, value(bytes));
    }

    fn immediate(&mut self, register: u32, data: Attrs) {
        let data = Attrs::new()
            .u32(NFTA_IMMEDIATE_DREG, register)
            .nest(NFTA_IMMEDIATE_DATA, data);
        self.push("immediate", data);
    }

    pub fn verdict(&mut self, code: libc::c_int, chain: Option<&Name>) {
        let mut verdict = Attrs::new().u32(NFTA_VERDICT_CODE, code as u32);
        if let Some(chain) = chain {
            verdict = verdict.text(NFTA_VERDICT_CHAIN, chain.as_str());
        }
        let data = Attrs::new().nest(NFTA_DATA_VERDICT, verdict);
        self.immediate(libc::NFT_REG_VERDICT as u32, data);
    }

    pub fn counter(&mut self) {
        self.push("counter", Attrs::new());
    }

    pub fn reject(&mut self, kind: libc::c_int, code: libc::c_int) {
        let data = Attrs::new()
            .u32(NFTA_REJECT_TYPE, kind as u32)
            .u8(NFTA_REJECT_ICMP_CODE, code as u8);
        self.push("reject", data);
    }

    pub fn redirect(&mut self, port: u16) {
        self.set_register(&port.to_be_bytes());
        let data = Attrs::new()
            .u32(NFTA_REDIR_REG_PROTO_MIN, REG_1)
            .u32(NFTA_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
        self.push("redir", data);
    }

    pub fn tproxy(&mut self, port: u16) {
        self.set_register(&port.to_be_bytes());
        let both_families = libc::NFPROTO_UNSPEC as u32;
        let data = Attrs::new()
            .u32(NFTA_TPROXY_FAMILY, both_families)
            .u32(NFTA_TPROXY_REG_PORT, REG_1);
        self.push("tproxy", data);
    }

    pub fn masquerade(&mut self) {
        self.push("masq", Attrs::new());
    }

    pub fn nat(&mut self, kind: libc::c_int, to: &crate::nft::Nat) {
        let (family, address) = match to.address {
            std::net::IpAddr::V4(ip) => (libc::NFPROTO_IPV4, ip.octets().to_vec()),
            std::net::IpAddr::V6(ip) => (libc::NFPROTO_IPV6, ip.octets().to_vec()),
        };
        self.set_register(&address);
        let mut data = Attrs::new()
            .u32(NFTA_NAT_TYPE, kind as u32)
            .u32(NFTA_NAT_FAMILY, family as u32)
            .u32(NFTA_NAT_REG_ADDR_MIN, REG_1);
        if let Some(port) = to.port {
            self.immediate(REG_2, value(&port.get().to_be_bytes()));
            data = data
                .u32(NFTA_NAT_REG_PROTO_MIN, REG_2)
                .u32(NFTA_NAT_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
        }
        self.push("nat", data);
    }

    /// Writes what fits the route into the TCP option MSS (RFC 9293, section 3.7.1), if it is
    /// there and larger.
    pub fn clamp_mss(&mut self) {
        self.push(
            "rt",
            Attrs::new()
                .u32(NFTA_RT_KEY, NFT_RT_TCPMSS)
                .u32(NFTA_RT_DREG, REG_1),
        );
        let to_network = Attrs::new()
            .u32(NFTA_BYTEORDER_SREG, REG_1)
            .u32(NFTA_BYTEORDER_DREG, REG_1)
            .u32(NFTA_BYTEORDER_OP, libc::NFT_BYTEORDER_HTON as u32)
            .u32(NFTA_BYTEORDER_LEN, 2)
            .u32(NFTA_BYTEORDER_SIZE, 2);
        self.push("byteorder", to_network);
        // Two bytes, after the option's kind (2) and length.
        let write = Attrs::new()
            .u32(NFTA_EXTHDR_SREG, REG_1)
            .u8(NFTA_EXTHDR_TYPE, 2)
            .u32(NFTA_EXTHDR_OFFSET, 2)
            .u32(NFTA_EXTHDR_LEN, 2)
            .u32(NFTA_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
        self.push("exthdr", write);
    }

    pub fn no_track(&mut self) {
        self.push("notrack", Attrs::new());
    }
}

fn value(bytes: &[u8]) -> Attrs {
    Attrs::new().bytes(NFTA_DATA_VALUE, bytes)
}
