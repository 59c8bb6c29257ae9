//! nftables: a pure model of one table, and its atomic replacement.
