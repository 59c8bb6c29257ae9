//! An emulated Internet link: two TAP devices and a queueing engine between them.
