//! `manypath status`

use std::fmt::Write as _;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;

use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The edge's control socket.
    #[arg(long, default_value = "/run/manypath/edge.sock")]
    socket: PathBuf,
    /// Print the whole status as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut text = String::new();
    UnixStream::connect(&arguments.socket)
        .and_then(|mut stream| stream.read_to_string(&mut text))
        .with_context(|| {
            format!(
                "no edge answers on {}; start it with `manypath edge`, or name its control.socket with --socket",
                arguments.socket.display()
            )
        })?;
    let status: Value = serde_json::from_str(&text).context("the edge's answer is cut")?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        print!("{}", describe(&status));
    }
    Ok(())
}

/// For people: uplinks first, then problems, then connections with their subflows.
fn describe(status: &Value) -> String {
    let mut out = String::new();
    let hub: Vec<&str> = list(&status["hub"]).filter_map(Value::as_str).collect();
    match hub.as_slice() {
        [] => out += "mode: single, straight to each origin\n",
        hubs => drop(writeln!(out, "mode: double, by {}", hubs.join(", then "))),
    }
    for uplink in list(&status["uplinks"]) {
        let _ = writeln!(
            out,
            "\nuplink {} ({}): {}",
            word(&uplink["name"]),
            word(&uplink["interface"]),
            word(&uplink["state"])
        );
        for address in list(&uplink["addresses"]) {
            let _ = write!(out, "  {}", word(&address["address"]));
            if let Some(gateway) = address["gateway"].as_str() {
                let _ = write!(out, " by {gateway}");
            }
            if let Some(id) = address["endpoint"].as_u64() {
                let flags: Vec<_> = list(&address["flags"]).map(word).collect();
                let _ = write!(out, ", endpoint {id} ({})", flags.join(", "));
            }
            out.push('\n');
        }
    }
    for problem in list(&status["problems"]) {
        let _ = writeln!(out, "\nproblem: {}", word(problem));
    }
    let connections: Vec<&Value> = list(&status["connections"]).collect();
    let _ = writeln!(out, "\n{} connections", connections.len());
    for connection in connections {
        describe_connection(connection, &mut out);
    }
    out
}

fn describe_connection(connection: &Value, out: &mut String) {
    let onward = &connection["onward"];
    let fallback = if onward["fallback"] == true {
        ", plain TCP"
    } else {
        ""
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
    for subflow in list(&onward["subflows"]) {
        let _ = writeln!(
            out,
            "  {} to {}: {}, rtt {} ms, cwnd {}, {} sent, {} received, {} retransmitted{}",
            word(&subflow["local"]),
            word(&subflow["remote"]),
            word(&subflow["state"]),
            subflow["rtt_us"].as_f64().unwrap_or_default() / 1000.0,
            subflow["cwnd"],
            bytes(&subflow["bytes_sent"]),
            bytes(&subflow["bytes_received"]),
            subflow["total_retrans"],
            if subflow["backup"] == true {
                ", backup"
            } else {
                ""
            },
        );
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn bytes(value: &Value) -> String {
    let mut size = value.as_f64().unwrap_or_default();
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{size} B")
    } else {
        format!("{size:.1} {}", units[unit])
    }
}
