use std::time::Duration;

use super::super::contender::Contender;
use super::median;
use crate::traffic::{Client, Via};

/// The longest silence that is borne.
const LIMIT: Duration = Duration::from_secs(10);

/// Medians of many fetches, from the call of `connect` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    first_byte: f64,
    whole: f64,
}

/// Fetches an object of so many bytes `count` times, each on a new connection, one after another.
pub(super) fn fetch(contender: &Contender, bytes: u64, count: usize) -> anyhow::Result<Times> {
    let (mut first_byte, mut whole) = (Vec::new(), Vec::new());
    contender.client().run(|| {
        for _ in 0..count {
            let mut client = Client::connect(Via::Direct, Contender::origin(), LIMIT)?;
            let transfer = client.download(bytes, |_| {})?;
            anyhow::ensure!(transfer.intact, "an object came with wrong bytes");
            first_byte.push(transfer.first_byte.as_secs_f64());
            whole.push(transfer.total.as_secs_f64());
        }
        Ok(())
    })?;
    Ok(Times {
        first_byte: median(first_byte)?,
        whole: median(whole)?,
    })
}

impl Times {
    pub(super) fn first_byte_ms(self) -> f64 {
        self.first_byte * 1e3
    }

    pub(super) fn whole_ms(self) -> f64 {
        self.whole * 1e3
    }
}
