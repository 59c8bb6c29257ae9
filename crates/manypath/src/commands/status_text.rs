//! What an edge says of itself, for people.

mod rules;
mod table;
mod udp;
mod uplink;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::SystemTime;

use serde_json::{Map, Value};

pub use rules::describe_rules;
use table::{bytes, list, word, write_table};

/// For people: uplinks first, then problems, then connections with their subflows.
pub fn describe(status: &Value, now: SystemTime) -> String {
    let mut out = String::new();
    let hub: Vec<&str> = list(&status["hub"]).map(word).collect();
    match hub.as_slice() {
        [] => out += "mode: single, straight to each origin\n",
        hubs => drop(writeln!(out, "mode: double, by {}", hubs.join(", then "))),
    }
    if let Some(hub) = status["hub_connections"].as_object() {
        describe_hub(hub, &mut out);
    }
    if let Some(dns) = status["dns"].as_object() {
        describe_dns(dns, &mut out);
    }
    if list(&status["rules"]).next().is_some() {
        out += "rules:\n";
        out += &describe_rules(&status["rules"]);
    }
    if let Some(udp) = status["udp"].as_object() {
        udp::describe(udp, &mut out);
    }
    for uplink in list(&status["uplinks"]) {
        out.push('\n');
        uplink::describe(uplink, now, &mut out);
    }
    for problem in list(&status["problems"]) {
        let _ = writeln!(out, "\nproblem: {}", word(problem));
    }
    let connections: Vec<&Value> = list(&status["connections"]).collect();
    let _ = match connections.len() {
        1 => writeln!(out, "\n1 connection"),
        count => writeln!(out, "\n{count} connections"),
    };
    for connection in connections {
        describe_connection(connection, &status["uplinks"], &mut out);
    }
    out
}

/// The uplinks of a status alone.
pub fn describe_uplinks(uplinks: &Value, now: SystemTime) -> String {
    let each = list(uplinks).map(|uplink| {
        let mut text = String::new();
        uplink::describe(uplink, now, &mut text);
        text
    });
    match each.collect::<Vec<_>>().as_slice() {
        [] => "no interface of this machine is an uplink\n".to_owned(),
        some => some.join("\n"),
    }
}

/// Its trouble is among the problems.
fn describe_hub(hub: &Map<String, Value>, out: &mut String) {
    let count = |name: &str| hub.get(name).and_then(Value::as_u64).unwrap_or_default();
    let text = |name: &str| hub.get(name).map(word);
    let state = text("state").unwrap_or("?").replace('-', " ");
    let _ = write!(out, "hub: {state}");
    if let (Some(protocol), Some(software)) = (
        hub.get("protocol").and_then(Value::as_u64),
        text("software"),
    ) {
        let _ = write!(out, ", {software}, protocol version {protocol}");
    }
    let _ = writeln!(
        out,
        "\n  {} idle, {} in use, {} being opened; {} of {} requests went over a connection used before",
        count("idle"),
        count("in_use"),
        count("dialling"),
        count("reused"),
        count("requests"),
    );
}

/// Nothing where it is off.
fn describe_dns(dns: &Map<String, Value>, out: &mut String) {
    let count = |name: &str| dns.get(name).and_then(Value::as_u64).unwrap_or_default();
    let texts = |name: &str| {
        let all = dns.get(name).map_or(&Value::Null, |it| it);
        list(all).map(word).collect::<Vec<_>>()
    };
    let (listen, servers, trouble) = (texts("listen"), texts("servers"), texts("trouble"));
    for trouble in &trouble {
        let _ = writeln!(out, "dns: {trouble}");
    }
    if listen.is_empty() {
        return;
    }
    let by_hub = dns.get("by_hub") == Some(&Value::Bool(true));
    let whom = [by_hub.then_some("the hub")].into_iter().flatten();
    let whom: Vec<&str> = whom.chain(servers).collect();
    let _ = writeln!(
        out,
        "dns: on {}, asks {}\n  {} queries, {} answered from what is kept; {} questions answered by the hub, {} \
         in its place, {} by nobody",
        listen.join(", "),
        if whom.is_empty() {
            "nobody".to_owned()
        } else {
            whom.join(", ")
        },
        count("queries"),
        count("from_cache"),
        count("by_tunnel"),
        count("fallbacks"),
        count("failed"),
    );
}

fn describe_connection(connection: &Value, uplinks: &Value, out: &mut String) {
    let onward = &connection["onward"];
    let fallback = match onward["fallback"] == true {
        true => ", plain TCP",
        false => "",
    };
    let _ = writeln!(
        out,
        "\n{} from {} to {}: {} up, {} down{fallback}",
        word(&connection["kind"]),
        word(&connection["client"]),
        word(&connection["destination"]),
        bytes(&connection["up"]),
        bytes(&connection["down"]),
    );
    let subflows = list(&onward["subflows"]).map(|subflow| {
        let backup = match subflow["backup"] == true {
            true => ", backup",
            false => "",
        };
        let rtt = subflow["rtt_us"].as_f64().unwrap_or_default() / 1000.0;
        vec![
            uplink_of(word(&subflow["local"]), uplinks).to_owned(),
            format!(
                "{} to {}",
                word(&subflow["local"]),
                word(&subflow["remote"])
            ),
            format!("{}{backup}", word(&subflow["state"])),
            format!("rtt {rtt:.1} ms"),
            format!("{} sent", bytes(&subflow["bytes_sent"])),
            format!("{} received", bytes(&subflow["bytes_received"])),
            format!("{} retransmitted", bytes(&subflow["bytes_retrans"])),
            format!("window {} segments", subflow["cwnd"]),
        ]
    });
    write_table(subflows.collect(), out);
}

/// The name of the uplink that has a subflow's local address.
fn uplink_of<'a>(local: &str, uplinks: &'a Value) -> &'a str {
    let local = local.parse().ok().map(|it: SocketAddr| it.ip());
    let has_it = |uplink: &&Value| {
        list(&uplink["addresses"]).any(|address| {
            let address = word(&address["address"]).split('/').next();
            address.and_then(|it| it.parse().ok()) == local
        })
    };
    list(uplinks)
        .find(has_it)
        .map_or("-", |uplink| word(&uplink["name"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn subflow(local: &str, rtt: u32, received: u64) -> Value {
        json!({
            "local": local, "remote": "203.0.113.2:1080", "state": "established", "backup": false,
            "rtt_us": rtt, "cwnd": 14, "bytes_sent": 122, "bytes_received": received,
            "bytes_retrans": 2896,
        })
    }

    #[test]
    fn a_status_is_aligned_and_names_the_uplinks_of_subflows() {
        let status = json!({
            "hub": ["203.0.113.2:443"],
            "hub_connections": {
                "address": "203.0.113.2:443", "state": "connected", "idle": 12, "in_use": 1,
                "dialling": 0, "protocol": 1, "software": "manypath 0.1.0", "requests": 40,
                "reused": 31, "trouble": null,
            },
            "dns": {
                "listen": ["172.22.0.1:53", "[fd22::1]:53"], "by_hub": true, "servers": ["192.168.11.1"],
                "trouble": [], "queries": 12, "from_cache": 5, "by_tunnel": 6, "fallbacks": 1, "failed": 0,
            },
            "uplinks": [
                {
                    "name": "wifi", "interface": "eth1", "state": "up",
                    "addresses": [
                        { "address": "192.168.11.5/24", "gateway": "192.168.11.1", "endpoint": 1,
                          "flags": ["subflow", "backup"] },
                        { "address": "2001:db8::5/64", "gateway": "fe80::1", "endpoint": null,
                          "flags": null },
                    ],
                },
                { "name": "eth2", "interface": "eth2", "state": "no-carrier", "addresses": [] },
            ],
            "problems": ["cannot do it"],
            "connections": [{
                "kind": "socks5", "client": "172.22.0.2:5000", "destination": "origin.test:80",
                "up": 90, "down": 15_099_494,
                "onward": { "fallback": false, "subflows": [
                    subflow("192.168.11.5:45986", 24_548, 7_549_747),
                    subflow("10.0.0.9:1024", 180_469, 12),
                ] },
            }],
        });
        assert_eq!(
            describe(&status, SystemTime::UNIX_EPOCH),
            "mode: double, by 203.0.113.2:443
hub: connected, manypath 0.1.0, protocol version 1
  12 idle, 1 in use, 0 being opened; 31 of 40 requests went over a connection used before
dns: on 172.22.0.1:53, [fd22::1]:53, asks the hub, 192.168.11.1
  12 queries, 5 answered from what is kept; 6 questions answered by the hub, 1 in its place, 0 by nobody

uplink wifi (eth1): up
  192.168.11.5/24  by 192.168.11.1  endpoint 1 (subflow, backup)
  2001:db8::5/64   by fe80::1       no endpoint

uplink eth2: no carrier

problem: cannot do it

1 connection

socks5 from 172.22.0.2:5000 to origin.test:80: 90 B up, 14.4 MiB down
  wifi  192.168.11.5:45986 to 203.0.113.2:1080  established  rtt 24.5 ms   122 B sent  7.2 MiB received  2.8 KiB retransmitted  window 14 segments
  -     10.0.0.9:1024 to 203.0.113.2:1080       established  rtt 180.5 ms  122 B sent  12 B received     2.8 KiB retransmitted  window 14 segments
"
        );
    }

    #[test]
    fn the_uplinks_alone() {
        let now = SystemTime::UNIX_EPOCH;
        let uplink =
            |name: &str| json!({ "name": name, "interface": name, "state": "up", "addresses": [] });
        let two = json!([uplink("eth1"), uplink("Wi-Fi")]);
        assert_eq!(
            describe_uplinks(&two, now),
            "uplink eth1: up\n\nuplink Wi-Fi: up\n"
        );
        let none = "no interface of this machine is an uplink\n";
        assert_eq!(describe_uplinks(&json!([]), now), none);
    }
}
