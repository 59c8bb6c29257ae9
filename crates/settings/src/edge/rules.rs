//! What host and uplinks have to do with each other.

use super::{Host, Uplink};
use crate::errors::{Other, Problem};
use crate::interface::InterfaceMatch;
use crate::report::{Placed, Report, for_each_pair};

/// An uplink rule with the places of what identifies it.
pub(super) struct PlacedUplink {
    pub uplink: Uplink,
    /// `uplink[0]` and so on.
    pub path: String,
    pub interface_at: Placed<()>,
    pub name_at: Option<Placed<()>>,
}

impl PlacedUplink {
    /// What status will call the uplink, as far as the file tells.
    fn shown_name(&self) -> Option<&str> {
        match (&self.uplink.name, &self.uplink.interface) {
            (Some(name), _) => Some(name.as_str()),
            (None, InterfaceMatch::Name(name)) if name.is_literal() => Some(name.as_str()),
            _ => None,
        }
    }

    /// Where that name is written.
    fn name_place(&self) -> &Placed<()> {
        self.name_at.as_ref().unwrap_or(&self.interface_at)
    }

    /// How an error names this uplink: by the table, with the line of the value in question.
    fn other(&self, report: &Report<'_>, place: &Placed<()>) -> Other {
        Other {
            key: self.path.clone(),
            ..report.other(place)
        }
    }
}

/// Notes everything in which uplinks get into each other's or the host's way.
pub(super) fn check(
    report: &Report<'_>,
    host: Option<&(Host, Placed<()>)>,
    uplinks: &[PlacedUplink],
) {
    for uplink in uplinks {
        name_of_pattern(report, uplink);
        if let Some((host, host_at)) = host
            && host.interface == uplink.uplink.interface
        {
            let interface = host.interface.to_string();
            let problem = Problem::HostIsUplink {
                interface,
                other: report.other(host_at),
            };
            add(report, &uplink.interface_at, problem);
        }
    }
    for_each_pair(uplinks, |earlier, later| {
        same_interface(report, earlier, later)
    });
    for_each_pair(uplinks, |earlier, later| same_name(report, earlier, later));
}

fn name_of_pattern(report: &Report<'_>, uplink: &PlacedUplink) {
    if let Some(name_at) = &uplink.name_at
        && uplink.uplink.interface.is_pattern()
    {
        let pattern = uplink.uplink.interface.to_string();
        add(report, name_at, Problem::NameOfPattern { pattern });
    }
}

fn same_interface(report: &Report<'_>, earlier: &PlacedUplink, later: &PlacedUplink) -> bool {
    let other = earlier.other(report, &earlier.interface_at);
    let (a, b) = (&earlier.uplink.interface, &later.uplink.interface);
    let problem = match (a, b) {
        (InterfaceMatch::Mac(a), InterfaceMatch::Mac(b)) if a == b => Problem::SameMac {
            mac: b.to_string(),
            other,
        },
        (InterfaceMatch::VmBus(a), InterfaceMatch::VmBus(b)) if a == b => Problem::SameVmBus {
            guid: b.to_string(),
            other,
        },
        (InterfaceMatch::Name(a), InterfaceMatch::Name(b)) if a == b => Problem::SameInterface {
            interface: b.to_string(),
            other,
        },
        (InterfaceMatch::Name(a), InterfaceMatch::Name(b))
            if b.is_literal() && a.matches(b.as_str()) =>
        {
            Problem::Shadowed {
                interface: b.to_string(),
                pattern: a.to_string(),
                other,
            }
        }
        _ => return false,
    };
    add(report, &later.interface_at, problem);
    true
}

fn same_name(report: &Report<'_>, earlier: &PlacedUplink, later: &PlacedUplink) -> bool {
    let (Some(a), Some(b)) = (earlier.shown_name(), later.shown_name()) else {
        return false;
    };
    // Two rules for one interface without names have an error already.
    if a != b || (earlier.name_at.is_none() && later.name_at.is_none()) {
        return false;
    }
    let other = earlier.other(report, earlier.name_place());
    add(
        report,
        later.name_place(),
        Problem::SameName {
            name: b.to_owned(),
            other,
        },
    );
    true
}

fn add(report: &Report<'_>, place: &Placed<()>, problem: Problem) {
    report.add(place.at, &place.key, problem);
}
