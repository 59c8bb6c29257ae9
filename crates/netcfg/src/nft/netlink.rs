//! Messages of nf_tables (`linux/netfilter/nf_tables.h`).

use crate::netfilter::push;

/// Appends a message about family `inet`.
pub(super) fn push_message(
    buffer: &mut Vec<u8>,
    kind: libc::c_int,
    flags: libc::c_int,
    seq: u32,
    attrs: &[u8],
) {
    let kind = (libc::NFNL_SUBSYS_NFTABLES << 8) | kind;
    push(buffer, kind, flags, seq, libc::NFPROTO_INET as u8, 0, attrs);
}

/// Appends `NFNL_MSG_BATCH_BEGIN` or `NFNL_MSG_BATCH_END`.
pub(super) fn push_batch_mark(buffer: &mut Vec<u8>, kind: libc::c_int, seq: u32) {
    let subsystem = libc::NFNL_SUBSYS_NFTABLES as u16;
    push(buffer, kind, 0, seq, libc::AF_UNSPEC as u8, subsystem, &[]);
}
