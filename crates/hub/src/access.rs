//! Where one user may connect to.

use std::net::IpAddr;

use relay::AddressFilter;
use settings::DestinationRule;
use settings::hub::User;

use crate::filter::Destinations;

/// What the hub refuses, and what the user may not reach besides.
#[derive(Debug)]
pub struct UserFilter {
    hub: Destinations,
    allow: Vec<DestinationRule>,
    deny: Vec<DestinationRule>,
}

impl UserFilter {
    /// The rules of `user`, behind those of the hub.
    pub fn new(hub: Destinations, user: &User) -> Self {
        Self {
            hub,
            allow: user.allow.clone(),
            deny: user.deny.clone(),
        }
    }
}

impl AddressFilter for UserFilter {
    fn allows(&self, ip: IpAddr, port: u16) -> bool {
        let Self { allow, deny, .. } = self;
        let ip = ip.to_canonical();
        self.hub.allows(ip, port)
            && (allow.is_empty() || allow.iter().any(|rule| rule.matches(ip, port)))
            && !deny.iter().any(|rule| rule.matches(ip, port))
    }
}

#[cfg(test)]
mod tests {
    use settings::hub::UserFile;

    use super::*;

    #[test]
    fn users_reach_what_both_the_hub_and_their_own_rules_allow() {
        let filter = |rules: &str| {
            let key = "A".repeat(43);
            let text = format!("[[user]]\nname = \"alice\"\nkey = \"{key}\"\n{rules}\n");
            let users = UserFile::parse(&text, "users").unwrap();
            let hub = Destinations::new(vec!["10.1.0.0/16".parse().unwrap()]);
            UserFilter::new(hub, users.iter().next().unwrap())
        };
        let allows = |filter: &UserFilter, ip: &str, port| filter.allows(ip.parse().unwrap(), port);
        let free = filter("");
        assert!(allows(&free, "203.0.113.1", 22) && allows(&free, "10.1.0.1", 22));
        assert!(!allows(&free, "10.2.0.1", 22));
        let web = filter("allow = [\"0.0.0.0/0:443\", \"[2001:db8::/32]:80-90\"]");
        assert!(allows(&web, "203.0.113.1", 443) && allows(&web, "::ffff:203.0.113.1", 443));
        assert!(!allows(&web, "203.0.113.1", 80) && !allows(&web, "192.168.0.1", 443));
        assert!(allows(&web, "2001:db8::1", 90) && !allows(&web, "2001:db8::1", 91));
        let but = filter("allow = [\"0.0.0.0/0\"]\ndeny = [\"203.0.113.0/24:25\"]");
        assert!(allows(&but, "203.0.113.1", 80) && !allows(&but, "203.0.113.1", 25));
        assert!(!allows(&but, "::ffff:203.0.113.1", 25));
    }
}
