//! The lab: namespaces, links and addresses of the whole emulated Internet.
