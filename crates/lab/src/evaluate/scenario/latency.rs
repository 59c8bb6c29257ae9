//! How long a short answer takes.

use std::time::Duration;

use anyhow::Context;

use super::Scenario;
use crate::evaluate::fixtures::Fixtures;
use crate::evaluate::package::{CURL, MPTCPIZE, NGINX, OPENSSL, Package};
use crate::evaluate::quantity::{Better, Quantity, Value};
use crate::evaluate::site::{Mode, Setup};
use crate::evaluate::stage::Stage;
use crate::evaluate::tool::output;
use crate::evaluate::web::Web;

/// Small objects by curl, from nginx.
pub(super) struct Latency;

const OBJECT: &str = "small";
const BYTES: u64 = 1000;
const LONGEST: Duration = Duration::from_secs(120);

const CONNECT: Quantity =
    Quantity::new("connect_ms", "connection accepted", "ms", Better::Lower, 1);
const FIRST_BYTE: Quantity = Quantity::new(
    "first_byte_ms",
    "first byte, new connection",
    "ms",
    Better::Lower,
    1,
);
const EXCHANGE: Quantity = Quantity::new(
    "exchange_ms",
    "request and answer, kept connection",
    "ms",
    Better::Lower,
    1,
);

impl Scenario for Latency {
    fn key(&self) -> &'static str {
        "latency"
    }

    fn title(&self) -> &'static str {
        "Latency"
    }

    fn text(&self) -> &'static [&'static str] {
        &[
            "curl fetches an object of 1 kB from nginx 200 times, each on a new connection, and 200 times on \
             one connection that is kept. The bars are medians, the lines on them reach from the lower to the \
             upper quartile.",
            "Without hub, MPTCP ends at the origin, which has to speak it (nginx with mptcpize): the thesis' single \
             proxy. The others are its set-ups without a proxy and with two.",
            "“Connection accepted” is when curl may send: with a proxy in the PC that is the proxy's answer, \
             not the origin's, so the first byte is what counts.",
        ]
    }

    fn packages(&self) -> &'static [Package] {
        &[NGINX, CURL, OPENSSL, MPTCPIZE]
    }

    fn modes(&self) -> &'static [Mode] {
        &[Mode::Aggregation]
    }

    fn setups(&self) -> &'static [Setup] {
        &[
            Setup::Plain,
            Setup::PrototypeSingle,
            Setup::Single,
            Setup::Prototype,
            Setup::Manypath,
        ]
    }

    fn decisive(&self, _: Mode) -> Quantity {
        FIRST_BYTE
    }

    fn prepare(&self, fixtures: &Fixtures) -> anyhow::Result<()> {
        fixtures.document(OBJECT, BYTES, 2).map(drop)
    }

    fn run(&self, stage: &Stage<'_>) -> anyhow::Result<Vec<Value>> {
        let folder = stage.folder()?;
        let _web = stage.web(folder.path())?;
        let count = if stage.quick() { 40 } else { 200 };
        let fresh = times(stage, count, &["--header", "Connection: close"])?;
        // The first one makes the connection.
        let kept = times(stage, count + 1, &[])?.split_off(1);
        let of = |times: &[Times], part: fn(&Times) -> f64| times.iter().map(part).collect();
        Ok(vec![
            FIRST_BYTE.median(of(&fresh, |it| it.first_byte))?,
            CONNECT.median(of(&fresh, |it| it.connect))?,
            EXCHANGE.median(of(&kept, |it| it.first_byte))?,
        ])
    }
}

/// Of one object, in milliseconds since curl has begun with it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Times {
    connect: f64,
    first_byte: f64,
}

/// Of so many objects, one after another.
fn times(stage: &Stage<'_>, count: usize, options: &[&str]) -> anyhow::Result<Vec<Times>> {
    let mut command = stage.site.client("curl", LONGEST);
    command
        .args(["--silent", "--show-error", "--fail"])
        .args(options)
        .args(["--output", "/dev/null"])
        .args([
            "--write-out",
            "%{size_download} %{time_connect} %{time_starttransfer}\n",
        ])
        .arg(Web::url(&format!("{OBJECT}?[1-{count}]")));
    let text = output(&mut command)?;
    let times: Vec<Times> = text.lines().map(parse).collect::<anyhow::Result<_>>()?;
    anyhow::ensure!(times.len() == count, "curl told of {} objects", times.len());
    Ok(times)
}

fn parse(line: &str) -> anyhow::Result<Times> {
    let mut numbers = line.split(' ').map(str::parse::<f64>);
    let mut next = || {
        numbers
            .next()
            .with_context(|| format!("curl told only {line:?}"))?
            .with_context(|| format!("curl told {line:?}"))
    };
    anyhow::ensure!(
        next()? == BYTES as f64,
        "an object came with {line:?} bytes"
    );
    Ok(Times {
        connect: next()? * 1e3,
        first_byte: next()? * 1e3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_curl_is_read() {
        let times = parse("1000 0.0155 0.031").unwrap();
        assert_eq!((times.connect, times.first_byte), (15.5, 31.0));
        assert!(parse("1000 0.0155").is_err());
        assert!(parse("999 0.0155 0.031").is_err());
    }
}
