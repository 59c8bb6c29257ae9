//! Windows' network interfaces and routes, and notifications of their changes.
