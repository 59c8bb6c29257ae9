//! One machine as the whole Internet: namespaces, emulated links, measurements, the report.
