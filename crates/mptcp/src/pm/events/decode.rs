//! From netlink messages to events.

use std::net::SocketAddr;

use netlink_bindings::builtin::BuiltinNfgenmsg;
use netlink_bindings::mptcp_pm::{EventAttr, EventType, IterableEventAttr};

use super::{PmEvent, Subflow};
use crate::pm::codec::{self, Missing};
use crate::pm::endpoint::EndpointId;

/// Bit of the attribute "flags" (linux/mptcp.h, Linux 6.18); older kernels have the attribute
/// "server-side" instead.
const SERVER_SIDE: u16 = 1 << 1;

/// Decodes a message without its netlink header. `None` for events of newer kernels.
pub(super) fn event(message: &[u8]) -> Option<Result<PmEvent, Missing>> {
    let (header, attributes) = message.split_at_checked(BuiltinNfgenmsg::len())?;
    let kind = EventType::from_value(header[0].into())?;
    let attributes = Attributes(EventAttr::new(attributes));
    match kind {
        EventType::Unspec => None,
        kind => Some(attributes.event(kind)),
    }
}

struct Attributes<'a>(IterableEventAttr<'a>);

impl Attributes<'_> {
    fn event(&self, kind: EventType) -> Result<PmEvent, Missing> {
        Ok(match kind {
            EventType::Created => PmEvent::Created {
                token: self.token()?,
                local: self.local()?,
                remote: self.remote()?,
                server_side: self.server_side(),
            },
            EventType::Established => PmEvent::Established {
                token: self.token()?,
                local: self.local()?,
                remote: self.remote()?,
                server_side: self.server_side(),
            },
            EventType::Announced => PmEvent::Announced {
                token: self.token()?,
                remote_id: self.remote_id()?,
                address: self.remote()?,
            },
            EventType::Removed => PmEvent::Removed {
                token: self.token()?,
                remote_id: self.remote_id()?,
            },
            EventType::SubEstablished => PmEvent::SubflowEstablished(self.subflow()?),
            EventType::SubClosed => PmEvent::SubflowClosed(self.subflow()?),
            EventType::SubPriority => PmEvent::SubflowPriority(self.subflow()?),
            EventType::ListenerCreated => PmEvent::ListenerCreated {
                local: self.local()?,
            },
            EventType::ListenerClosed => PmEvent::ListenerClosed {
                local: self.local()?,
            },
            EventType::Closed | EventType::Unspec => PmEvent::Closed {
                token: self.token()?,
            },
        })
    }

    fn subflow(&self) -> Result<Subflow, Missing> {
        Ok(Subflow {
            token: self.token()?,
            local: self.local()?,
            remote: self.remote()?,
            local_id: EndpointId(self.0.get_loc_id().map_err(|_| "the local address id")?),
            remote_id: self.remote_id()?,
            backup: self.0.get_backup().is_ok_and(|backup| backup != 0),
            interface: codec::interface(self.0.get_if_idx().ok()),
            error: self.0.get_error().ok().filter(|errno| *errno != 0),
            reset_reason: self.0.get_reset_reason().ok(),
        })
    }

    fn token(&self) -> Result<u32, Missing> {
        self.0.get_token().map_err(|_| "the token")
    }

    fn remote_id(&self) -> Result<EndpointId, Missing> {
        self.0
            .get_rem_id()
            .map(EndpointId)
            .map_err(|_| "the remote address id")
    }

    fn local(&self) -> Result<SocketAddr, Missing> {
        let ip = codec::ip(self.0.get_saddr4().ok(), self.0.get_saddr6().ok());
        let port = self.0.get_sport().map_err(|_| "the local port")?;
        Ok(SocketAddr::new(ip.ok_or("the local address")?, port))
    }

    fn remote(&self) -> Result<SocketAddr, Missing> {
        let ip = codec::ip(self.0.get_daddr4().ok(), self.0.get_daddr6().ok());
        let port = self.0.get_dport().map_err(|_| "the remote port")?;
        Ok(SocketAddr::new(ip.ok_or("the remote address")?, port))
    }

    fn server_side(&self) -> bool {
        self.0.get_server_side().is_ok_and(|side| side != 0)
            || self
                .0
                .get_flags()
                .is_ok_and(|flags| flags & SERVER_SIDE != 0)
    }
}
