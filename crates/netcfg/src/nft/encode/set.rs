//! Anonymous sets: each belongs to the one rule that looks it up and goes with it.

use super::uapi::*;
use super::{Message, userdata};
use crate::netfilter::attrs::Attrs;
use crate::nft::ranges::{Element, Range, merged};
use crate::nft::{Name, OneOf};

/// The kernel puts a number in place of `%d`.
pub(super) const SET_NAME: &str = "__set%d";

/// An attribute holds 64 KiB; an element of the widest type takes 48 bytes.
const ELEMENTS_PER_MESSAGE: usize = 1000;

/// Messages that make a set with the values of `one_of`, known as `id` in this transaction.
pub(super) fn messages<T: Element>(table: &Name, id: u32, one_of: &OneOf<T>) -> Vec<Message> {
    let ranges = merged(one_of);
    let single_values = ranges.iter().all(|range| range.first == range.last);
    let elements: Vec<Attrs> = if single_values {
        ranges
            .iter()
            .map(|range| element::<T>(range.first))
            .collect()
    } else {
        ranges
            .iter()
            .flat_map(|range| interval::<T>(*range))
            .collect()
    };

    let mut messages = vec![new_set::<T>(table, id, single_values, elements.len())];
    messages.extend(elements.chunks(ELEMENTS_PER_MESSAGE).map(|chunk| {
        let list = chunk.iter().fold(Attrs::new(), |list, element| {
            list.nest(NFTA_LIST_ELEM, element.clone())
        });
        let attrs = Attrs::new()
            .text(NFTA_SET_ELEM_LIST_TABLE, table.as_str())
            .text(NFTA_SET_ELEM_LIST_SET, SET_NAME)
            .u32(NFTA_SET_ELEM_LIST_SET_ID, id)
            .nest(NFTA_SET_ELEM_LIST_ELEMENTS, list);
        Message::create(libc::NFT_MSG_NEWSETELEM, attrs)
    }));
    messages
}

fn new_set<T: Element>(table: &Name, id: u32, single_values: bool, size: usize) -> Message {
    let mut flags = libc::NFT_SET_ANONYMOUS | libc::NFT_SET_CONSTANT;
    if !single_values {
        flags |= libc::NFT_SET_INTERVAL;
    }
    let attrs = Attrs::new()
        .text(NFTA_SET_TABLE, table.as_str())
        .text(NFTA_SET_NAME, SET_NAME)
        .u32(NFTA_SET_FLAGS, flags as u32)
        .u32(NFTA_SET_KEY_TYPE, T::DATATYPE)
        .u32(NFTA_SET_KEY_LEN, T::WIDTH as u32)
        .u32(NFTA_SET_ID, id)
        .nest(
            NFTA_SET_DESC,
            Attrs::new().u32(NFTA_SET_DESC_SIZE, size as u32),
        )
        .bytes(
            NFTA_SET_USERDATA,
            &userdata(UDATA_SET_KEYBYTEORDER, &T::BYTEORDER.to_ne_bytes()),
        );
    Message::create(libc::NFT_MSG_NEWSET, attrs)
}

/// The beginning of the range, and the first value past its end unless it goes on to the highest.
fn interval<T: Element>(range: Range) -> Vec<Attrs> {
    let highest = u128::MAX >> (128 - 8 * T::WIDTH);
    let first = element::<T>(range.first);
    if range.last == highest {
        let open = UDATA_SET_ELEM_F_INTERVAL_OPEN.to_ne_bytes();
        return vec![first.bytes(
            NFTA_SET_ELEM_USERDATA,
            &userdata(UDATA_SET_ELEM_FLAGS, &open),
        )];
    }
    let end = element::<T>(range.last + 1)
        .u32(NFTA_SET_ELEM_FLAGS, libc::NFT_SET_ELEM_INTERVAL_END as u32);
    vec![first, end]
}

fn element<T: Element>(value: u128) -> Attrs {
    let value = Attrs::new().bytes(NFTA_DATA_VALUE, &bytes::<T>(value));
    Attrs::new().nest(NFTA_SET_ELEM_KEY, value)
}

/// `value` as the kernel has it in packets and registers.
pub(super) fn bytes<T: Element>(value: u128) -> Vec<u8> {
    value.to_be_bytes()[16 - T::WIDTH..].to_vec()
}
