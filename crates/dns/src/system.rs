//! The name servers that this machine is set to use.

use std::net::IpAddr;

/// Those of `/etc/resolv.conf`, in its order; read anew with each call, because DHCP clients rewrite it.
/// Without it none.
pub fn name_servers() -> Vec<IpAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    parse(&text)
}

/// Lines of the form `nameserver ADDRESS` (resolv.conf(5)). One with a zone (`fe80::1%eth0`) is left out:
/// it means something on one interface only.
fn parse(text: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver")
            .then_some(words.next()?)?
            .parse()
            .ok()
    };
    text.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_of_a_file() {
        let text = "# by hand\nsearch a.test\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 x\n\
                    nameserver fe80::1%eth0\nnameserver\nnameservers 192.0.2.9\n nameserver 192.0.2.2\n";
        let found: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1", "2001:db8::1", "192.0.2.2"]);
    }
}
