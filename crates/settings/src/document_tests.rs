//! The examples document every key, and the schemas describe the same keys as the reader knows.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::{InterfaceMatch, edge::Capture, edge::Intercept};

const KINDS: [Kind; 4] = [Kind::Edge, Kind::Host, Kind::Hub, Kind::HubUsers];

/// Whether a line is a setting, or a table, that is switched off: `#key = value`, without a blank behind the `#`.
fn is_off(line: &str) -> bool {
    line.strip_prefix('#')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
}

/// Every key below `value` as a dotted path, without the indices of lists.
fn keys(path: &str, value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                keys(&path, value, found);
                found.insert(path);
            }
        }
        toml::Value::Array(list) => list.iter().for_each(|item| keys(path, item, found)),
        _ => {}
    }
}

/// Every key of a schema as a dotted path, following references and alternatives.
fn schema_keys(root: &Value, path: &str, schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let definition = root
            .pointer(name.trim_start_matches('#'))
            .expect("the reference exists");
        schema_keys(root, path, definition, found);
    }
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        schema_keys(root, &path, property, found);
        found.insert(path);
    }
    for alternatives in ["oneOf", "anyOf", "allOf"] {
        for one in schema[alternatives].as_array().into_iter().flatten() {
            schema_keys(root, path, one, found);
        }
    }
    if schema["items"].is_object() {
        schema_keys(root, path, &schema["items"], found);
    }
}

fn parse(kind: Kind, text: &str) -> Result<(), crate::Errors> {
    match kind {
        Kind::Edge => edge::Settings::parse(text, "edge.toml").map(drop),
        Kind::Host => host::Settings::parse(text, "settings.toml").map(drop),
        Kind::Hub => hub::Settings::parse(text, "hub.toml").map(drop),
        Kind::HubUsers => hub::UserFile::parse(text, "hub.users.toml").map(drop),
    }
}

#[test]
fn the_examples_have_exactly_the_keys_of_the_schemas() {
    for kind in KINDS {
        let lines = example(kind).lines();
        let all_on: Vec<&str> = lines
            .map(|line| if is_off(line) { &line[1..] } else { line })
            .collect();
        let mut written = BTreeSet::new();
        keys(
            "",
            &toml::Value::Table(all_on.join("\n").parse().unwrap()),
            &mut written,
        );
        let schema = schema(kind);
        let mut described = BTreeSet::new();
        schema_keys(&schema, "", &schema, &mut described);
        assert_eq!(written, described, "{kind:?}");
        assert!(written.len() >= 7, "{written:?}");
    }
}

/// What has to be on for a line that is off: the start of other lines that are.
fn needs(kind: Kind, off: &str) -> &'static [&'static str] {
    match (kind, off.split(' ').next().unwrap_or_default()) {
        (Kind::Edge, "#after_cap" | "#cap_resets_on") => &["#monthly_cap"],
        (Kind::Host, "#[[uplink]]") => &["#adapter"],
        (Kind::Host, "#after_cap" | "#cap_resets_on") => {
            &["#[[uplink]]", "#adapter", "#monthly_cap"]
        }
        (Kind::Host, "#adapter" | "#name" | "#role" | "#metered" | "#monthly_cap" | "#ipv6") => {
            &["#[[uplink]]", "#adapter"]
        }
        (Kind::Edge | Kind::Host, "#[[rule]]") => &["#action"],
        (Kind::Edge | Kind::Host, "#action") => &["#[[rule]]"],
        (Kind::Edge | Kind::Host, "#to" | "#ports" | "#protocol") => &["#[[rule]]", "#action"],
        (Kind::Host, "#kernel") => &["#kernel_modules"],
        (Kind::Host, "#kernel_modules") => &["#kernel "],
        _ => &[],
    }
}

#[test]
fn each_line_of_the_examples_that_is_off_can_be_switched_on() {
    let mut switched = 0;
    for kind in KINDS {
        let lines: Vec<&str> = example(kind).lines().collect();
        for (at, off) in lines.iter().enumerate().filter(|(_, line)| is_off(line)) {
            let mut lines = lines.clone();
            lines[at] = &off[1..];
            for start in needs(kind, off) {
                // It may be this line.
                if let Some(needed) = lines.iter_mut().find(|line| line.starts_with(start)) {
                    *needed = &needed[1..];
                }
            }
            if off.starts_with("#mac") || off.starts_with("#vmbus") {
                let by_name = lines[..at]
                    .iter()
                    .rposition(|line| line.starts_with("interface ="));
                lines.remove(by_name.expect("the interface's name stands before its MAC address"));
            }
            let mut text = lines.join("\n");
            if off.starts_with("#set_proxy") {
                text = text.replace("capture = \"all\"", "capture = \"proxy\"");
            }
            parse(kind, &text).unwrap_or_else(|errors| panic!("{off}:\n{errors}"));
            switched += 1;
        }
    }
    assert_eq!(switched, 43);
}

#[test]
fn the_values_in_the_edge_example_are_the_defaults() {
    let settings = edge::Settings::parse(example(Kind::Edge), "edge.toml").unwrap();
    let bare = "host = { interface = 'eth0' }\nuplink = [{ interface = 'eth1' }]";
    assert_eq!(settings, edge::Settings::parse(bare, "edge.toml").unwrap());
    let host = settings.host.unwrap();
    assert_eq!(
        (host.capture, host.intercept),
        (Capture::All, Intercept::Redirect)
    );
    let eth0: InterfaceMatch = InterfaceMatch::Name("eth0".parse().unwrap());
    assert_eq!(host.interface, eth0);
    assert_eq!(settings.proxy, edge::Proxy::default());
    assert_eq!(settings.out, edge::Out::default());
    assert_eq!(settings.bypass, edge::Bypass::default());
    assert_eq!(settings.dns, edge::Dns::default());
    assert_eq!(settings.mptcp, crate::Mptcp::default());
    assert_eq!(settings.control, edge::Control::default());
    let capped = bare.replace("'eth1'", "'eth1', monthly_cap = '50GB'");
    let capped = edge::Settings::parse(&capped, "edge.toml").unwrap();
    let all_on = example(Kind::Edge)
        .replace("#monthly", "monthly")
        .replace("#after", "after")
        .replace("#cap_", "cap_");
    assert_eq!(capped, edge::Settings::parse(&all_on, "edge.toml").unwrap());
}

#[test]
fn the_values_in_the_host_example_are_the_defaults() {
    let settings = host::Settings::parse(example(Kind::Host), "settings.toml").unwrap();
    assert_eq!(settings, host::Settings::default());
    assert_eq!(
        settings,
        host::Settings::parse("", "settings.toml").unwrap()
    );
}

#[test]
fn the_values_in_the_hub_example_are_the_defaults() {
    let settings = hub::Settings::parse(example(Kind::Hub), "hub.toml").unwrap();
    assert_eq!(settings, hub::Settings::default());
    assert_eq!(settings, hub::Settings::parse("", "hub.toml").unwrap());
}

#[test]
fn the_values_in_the_users_example_are_the_defaults() {
    let users = hub::UserFile::parse(example(Kind::HubUsers), "hub.users.toml").unwrap();
    let alice = users.iter().next().unwrap();
    assert_eq!(*alice, hub::User::new(alice.name.clone(), alice.key));
}

#[test]
fn the_defaults_of_the_schemas_are_the_defaults_too() {
    let edge = schema(Kind::Edge);
    let defaults: Value = edge["properties"]["out"]["default"].clone();
    let expected = serde_json::json!({
        "wait_for_uplink": "10s", "connect_timeout": "10s", "idle_timeout": "off",
        "udp": "direct", "udp_duplicate": false, "quic": "allow",
    });
    assert_eq!(defaults, expected);
    let host = schema(Kind::Host);
    assert_eq!(host["properties"]["out"]["default"], expected);
    let guest = serde_json::json!({ "distribution": "Manypath", "manage_wslconfig": true });
    assert_eq!(host["properties"]["guest"]["default"], guest);
    let hub = schema(Kind::Hub);
    assert_eq!(
        hub["properties"]["listen"]["default"],
        serde_json::json!(["[::]:443"])
    );
    assert_eq!(hub["properties"]["mptcp"]["default"]["buffer_max"], "16MiB");
    assert_eq!(
        hub["$defs"]["Mptcp"]["properties"]["subflows"]["default"],
        8
    );
}

/// A description for everyone who writes a file in an editor.
fn assert_described(root: &Value, path: &str, schema: &Value) {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let definition = property["$ref"]
            .as_str()
            .and_then(|r| root.pointer(&r[1..]));
        let described = [Some(property), definition].into_iter().flatten();
        let described = described.filter(|s| s["description"].is_string()).count() > 0;
        assert!(described, "{path}.{key} has no description");
    }
    for alternative in schema["oneOf"].as_array().into_iter().flatten() {
        assert_described(root, path, alternative);
    }
}

#[test]
fn every_key_has_a_description() {
    for kind in KINDS {
        let schema = schema(kind);
        assert_described(&schema, "", &schema);
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            assert_described(&schema, name, definition);
        }
    }
}

#[test]
fn the_host_schema_knows_which_keys_go_together() {
    let schema = schema(Kind::Host);
    let [all, proxy] = schema["oneOf"].as_array().unwrap().as_slice() else {
        panic!("{schema}")
    };
    let of = |one: &Value| {
        let keys = &one["properties"];
        (
            keys["capture"]["const"].clone(),
            keys["set_proxy"]["enum"].clone(),
        )
    };
    assert_eq!(of(all), ("all".into(), serde_json::json!([false])));
    assert_eq!(
        of(proxy),
        ("proxy".into(), serde_json::json!([false, true]))
    );
    // Without both keys it is the first.
    assert_eq!(all["required"], Value::Null);
    assert_eq!(proxy["required"], serde_json::json!(["capture"]));
    let (rule, guest) = (&schema["$defs"]["Rule"], &schema["$defs"]["Guest"]);
    assert_eq!(rule["required"], serde_json::json!(["adapter"]));
    let both = serde_json::json!({ "kernel": ["kernel_modules"], "kernel_modules": ["kernel"] });
    assert_eq!(guest["dependentRequired"], both);
    for table in [&schema, rule, guest] {
        assert_eq!(table["unevaluatedProperties"], false);
    }
}

#[test]
fn the_edge_schema_wants_exactly_one_way_to_name_an_interface() {
    let uplink = schema(Kind::Edge)["$defs"]["Uplink"].clone();
    insta::assert_json_snapshot!(uplink, @r##"
    {
      "dependentRequired": {
        "after_cap": [
          "monthly_cap"
        ],
        "cap_resets_on": [
          "monthly_cap"
        ]
      },
      "description": "A rule that makes interfaces uplinks.",
      "oneOf": [
        {
          "description": "The interface's name, or (for an uplink) a pattern: * stands for any characters, ? for exactly one.",
          "properties": {
            "interface": {
              "$ref": "#/$defs/Pattern"
            }
          },
          "required": [
            "interface"
          ],
          "type": "object"
        },
        {
          "description": "The interface's MAC address, such as 02:00:00:00:00:01.",
          "properties": {
            "mac": {
              "$ref": "#/$defs/MacAddress"
            }
          },
          "required": [
            "mac"
          ],
          "type": "object"
        },
        {
          "description": "The VMBus instance id of the network adapter: the GUID that is the device's name in /sys/bus/vmbus/devices.",
          "properties": {
            "vmbus": {
              "$ref": "#/$defs/Guid"
            }
          },
          "required": [
            "vmbus"
          ],
          "type": "object"
        }
      ],
      "properties": {
        "addresses": {
          "$ref": "#/$defs/Addresses",
          "default": "dhcp",
          "description": "Where the uplink's IPv4 address comes from."
        },
        "after_cap": {
          "$ref": "#/$defs/AfterCap",
          "default": "backup",
          "description": "What the uplink is once that is used up."
        },
        "cap_resets_on": {
          "$ref": "#/$defs/DayOfMonth",
          "default": 1,
          "description": "The day of the month (UTC) from which on it is counted anew."
        },
        "endpoint": {
          "$ref": "#/$defs/EndpointFlags",
          "default": [
            "subflow"
          ],
          "description": "What MPTCP does with the uplink's addresses."
        },
        "ipv6": {
          "default": true,
          "description": "Whether router advertisements are accepted and global IPv6 addresses used.",
          "type": "boolean"
        },
        "metered": {
          "default": false,
          "description": "Whether its data costs, so that as a backup it is not even probed while it is idle.",
          "type": "boolean"
        },
        "monthly_cap": {
          "$ref": "#/$defs/DataSize",
          "description": "How much the uplink may carry in a month, both ways together; at least 1MB."
        },
        "name": {
          "$ref": "#/$defs/UplinkName",
          "description": "What status and messages call the uplink. Absent: the interface's own name. Not together with a pattern."
        },
        "role": {
          "$ref": "#/$defs/Role",
          "default": "active",
          "description": "When it carries data."
        }
      },
      "type": "object",
      "unevaluatedProperties": false
    }
    "##);
}
