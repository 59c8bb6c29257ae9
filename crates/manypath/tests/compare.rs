//! `manypath lab compare`, with the prototype's programs beside us. Needs root and their packages.
#![cfg(target_os = "linux")]

use std::process::Command;

use serde_json::Value;

fn compare(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_manypath"));
    command
        .args(["lab", "compare"])
        .args(arguments)
        .output()
        .expect("the program starts")
}

#[test]
fn rows_as_json() {
    let output = compare(&["--rows", "first_byte_ms,dns_ms", "--json"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("manypath runs");
    let rows = json["rows"].as_object().expect("manypath runs");
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["dns_ms", "first_byte_ms"]);
    assert_eq!(json.as_object().expect("manypath runs").len(), 1);
    let row = rows["first_byte_ms"].as_object().unwrap();
    assert_eq!(row.len(), 4);
    // shadowsocks-rust is not on every machine: then its value is null.
    assert!(row["shadowsocks"].is_number() || row["shadowsocks"].is_null());
    for peer in ["manypath", "prototype", "direct"] {
        let time = row[peer]
            .as_f64()
            .unwrap_or_else(|| panic!("no number for {peer}:\n{errors}"));
        assert!((1.0..5_000.0).contains(&time), "{peer}: {time} ms");
    }
    // Connection and request are a round trip of the better link each: 15 ms.
    assert!(row["direct"].as_f64().unwrap() >= 30.0);
    // A name takes one.
    let name = |peer: &str| rows["dns_ms"][peer].as_f64();
    for peer in ["manypath", "direct"] {
        assert!(name(peer) >= Some(15.0), "{rows:?}\n{errors}");
    }
    assert_eq!(name("prototype"), None);
}

/// Rows without emulated links, one of them for those alone who encrypt.
#[test]
fn what_is_encrypted_has_a_price() {
    let output = compare(&["--rows", "exchanges_per_s,cpu_hub_tls_s_per_gib", "--json"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("manypath runs");
    let value = |row: &str, peer: &str| json["rows"][row][peer].as_f64();
    for peer in ["manypath", "prototype", "direct"] {
        assert!(
            value("exchanges_per_s", peer) > Some(1.0),
            "{json}\n{errors}"
        );
    }
    let price = value("cpu_hub_tls_s_per_gib", "manypath");
    assert!(price > Some(0.0), "{json}\n{errors}");
    assert_eq!(value("cpu_hub_tls_s_per_gib", "prototype"), None);
    assert!(
        errors.contains("prototype, cpu_hub_tls_s_per_gib: does not encrypt"),
        "{errors}"
    );
}

#[test]
fn an_unknown_row_is_refused_with_the_list() {
    let output = compare(&["--rows", "first_byte_ms,speed"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("no row \"speed\"; there are download_share, first_byte_ms,"),
        "{errors}"
    );
}

#[test]
fn missing_packages_are_named_before_anything_is_started() {
    // Programs are looked for in Debian's folders too, so these must be hidden.
    let script = "mount -t tmpfs none /usr/sbin && exec \"$0\" lab compare --rows first_byte_ms";
    let output = Command::new("unshare")
        .args([
            "--mount",
            "/bin/sh",
            "-c",
            script,
            env!("CARGO_BIN_EXE_manypath"),
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        errors,
        "error: the comparison needs redsocks of Debian; install with: apt-get install redsocks\n"
    );
}
