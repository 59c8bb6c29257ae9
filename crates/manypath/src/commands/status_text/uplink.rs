//! An uplink of a status, for people.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::table::{decimal_bytes, list, word, write_table};

/// Name, role and state with the reason, then data and addresses, each on lines of their own.
pub fn describe(uplink: &Value, now: SystemTime, out: &mut String) {
    let (name, interface) = (word(&uplink["name"]), word(&uplink["interface"]));
    let state = word(&uplink["state"]).replace('-', " ");
    let _ = match name == interface {
        true => write!(out, "uplink {name}: {state}"),
        false => write!(out, "uplink {name} ({interface}): {state}"),
    };
    let _ = writeln!(out, "{}", role(uplink, now));
    let data: Vec<String> = [metered(uplink), cap(&uplink["cap"])]
        .into_iter()
        .flatten()
        .collect();
    if !data.is_empty() {
        let _ = writeln!(out, "  {}", data.join("; "));
    }
    let addresses = list(&uplink["addresses"]).map(|address| {
        let gateway = address["gateway"].as_str();
        let flags: Vec<&str> = list(&address["flags"]).map(word).collect();
        vec![
            word(&address["address"]).to_owned(),
            gateway.map_or_else(String::new, |gateway| format!("by {gateway}")),
            match address["endpoint"].as_u64() {
                Some(id) => format!("endpoint {id} ({})", flags.join(", ")),
                None => "no endpoint".to_owned(),
            },
        ]
    });
    write_table(addresses.collect(), out);
}

/// What it is for, and what it does; nothing from an edge that does not say so.
fn role(uplink: &Value, now: SystemTime) -> String {
    let mut text = String::new();
    if let Some(role) = uplink["role"].as_str() {
        text += &format!(", {role}");
    }
    if let Some(usage) = uplink["use"].as_str() {
        let usage = match usage {
            "standby" => "on standby",
            other => other,
        };
        text += &format!("; {usage}");
        if let Some(since) = uplink["since"].as_u64() {
            text += &format!(" for {}", age(since, now));
        }
        if let Some(reason) = uplink["reason"].as_str().filter(|it| !it.is_empty()) {
            text += &format!(": {reason}");
        }
    }
    text
}

/// How long ago a moment was that is given in milliseconds since 1970.
fn age(since: u64, now: SystemTime) -> humantime::FormattedDuration {
    let since = SystemTime::UNIX_EPOCH + Duration::from_millis(since);
    let seconds = now.duration_since(since).unwrap_or_default().as_secs();
    // Nobody wants to know how many seconds there are to an hour.
    let seconds = match seconds {
        0..3600 => seconds,
        _ => seconds - seconds % 60,
    };
    humantime::format_duration(Duration::from_secs(seconds))
}

fn metered(uplink: &Value) -> Option<String> {
    (uplink["metered"] == true).then(|| "metered".to_owned())
}

fn cap(cap: &Value) -> Option<String> {
    cap.is_object().then(|| {
        format!(
            "{} of {} used, counted anew on {}",
            decimal_bytes(&cap["used"]),
            decimal_bytes(&cap["monthly"]),
            word(&cap["resets"])
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(uplink: Value) -> String {
        let mut out = String::new();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        describe(&uplink, now, &mut out);
        out
    }

    #[test]
    fn role_use_and_data_are_said() {
        let lte = json!({
            "name": "lte", "interface": "eth2", "mac": null, "state": "up", "role": "backup",
            "use": "standby", "since": 990_300_000_u64, "reason": "wifi works", "metered": true,
            "cap": { "used": 12_300_000_000_u64, "monthly": 50_000_000_000_u64,
                     "resets": "2026-12-01" },
            "addresses": [{ "address": "10.64.0.9/32", "gateway": null, "endpoint": 2,
                            "flags": ["subflow"] }],
        });
        insta::assert_snapshot!(described(lte), @"
        uplink lte (eth2): up, backup; on standby for 2h 41m: wifi works
          metered; 12.3 GB of 50.0 GB used, counted anew on 2026-12-01
          10.64.0.9/32    endpoint 2 (subflow)
        ");
        let off = json!({
            "name": "eth3", "interface": "eth3", "state": "no-carrier", "role": "off",
            "use": "unused", "since": 999_959_000_u64, "reason": "", "metered": false,
            "cap": null, "addresses": [],
        });
        insta::assert_snapshot!(described(off), @"
        uplink eth3: no carrier, off; unused for 41s
        ");
    }

    #[test]
    fn an_edge_may_not_know_of_roles() {
        let old = json!({ "name": "wifi", "interface": "eth1", "state": "up", "addresses": [] });
        assert_eq!(described(old), "uplink wifi (eth1): up\n");
    }
}
