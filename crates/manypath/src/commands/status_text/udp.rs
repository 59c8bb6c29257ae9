//! How UDP goes through the hub, for people.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::table::{list, word};

/// Its trouble is among the problems.
pub fn describe(udp: &Map<String, Value>, out: &mut String) {
    let links = udp.get("links").unwrap_or(&Value::Null);
    let used = list(links).filter(|link| link["used"] == true);
    let used: Vec<String> = used.map(link).collect();
    let flows = udp.get("flows").and_then(Value::as_u64).unwrap_or_default();
    let way = match (udp.get("up") == Some(&Value::Bool(true)), used.as_slice()) {
        (true, []) => "through the hub, which no uplink reaches at the moment".to_owned(),
        (true, used) => format!("through the hub by {}", used.join(" and ")),
        (false, _) => "straight to its destination".to_owned(),
    };
    let _ = writeln!(out, "udp: {way}; {flows} flows");
}

fn link(link: &Value) -> String {
    let round_trip = link["round_trip_us"].as_f64().unwrap_or_default() / 1000.0;
    format!("{} ({round_trip:.1} ms)", word(&link["uplink"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(udp: &Value) -> String {
        let mut out = String::new();
        describe(udp.as_object().expect("an object"), &mut out);
        out
    }

    #[test]
    fn the_way_is_named() {
        let link = |used| json!({ "uplink": "wifi", "used": used, "round_trip_us": 15_240 });
        let up = json!({ "up": true, "flows": 2, "links": [link(true), link(false)] });
        assert_eq!(
            described(&up),
            "udp: through the hub by wifi (15.2 ms); 2 flows\n"
        );
        let down = json!({ "up": false, "flows": 0, "links": [link(false)] });
        assert_eq!(
            described(&down),
            "udp: straight to its destination; 0 flows\n"
        );
    }
}
