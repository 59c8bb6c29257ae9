//! How many small exchanges go through in a second.

use std::io;
use std::time::{Duration, Instant};

use super::super::contender::Contender;
use super::median;
use crate::traffic::Exchanges;

/// The longest silence that is borne.
const LIMIT: Duration = Duration::from_secs(3);

const ROUNDS: usize = 3;
const LENGTH: Duration = Duration::from_secs(1);

/// As many clients as this connect at once.
const CLIENTS: usize = 64;

/// One after another, each on a new connection.
pub(super) fn one_by_one(contender: &Contender) -> anyhow::Result<f64> {
    middle(contender, || {
        let mut program = program();
        count(|| fresh(&mut program))
    })
}

/// One after another, all on one connection.
pub(super) fn kept(contender: &Contender) -> anyhow::Result<f64> {
    middle(contender, || {
        let mut program = program();
        let connection = program.connect()?;
        count(|| program.exchange(&connection))
    })
}

/// By many clients at once, each on a new connection.
pub(super) fn at_once(contender: &Contender) -> anyhow::Result<f64> {
    middle(contender, || {
        let counts = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| scope.spawn(|| count_fresh(program())))
                .collect();
            let joined = clients.into_iter().map(|client| {
                client
                    .join()
                    .unwrap_or_else(|cause| std::panic::resume_unwind(cause))
            });
            joined.collect::<io::Result<Vec<u32>>>()
        })?;
        Ok(counts.into_iter().sum())
    })
}

/// Median of the counts in a second. They run in the client's namespace.
fn middle(
    contender: &Contender,
    round: impl Fn() -> io::Result<u32> + Send + Sync,
) -> anyhow::Result<f64> {
    let rounds = (0..ROUNDS).map(|_| {
        let count = contender.client().run(&round)?;
        Ok(f64::from(count) / LENGTH.as_secs_f64())
    });
    median(rounds.collect::<anyhow::Result<_>>()?)
}

fn program() -> Exchanges {
    Exchanges::new(Contender::origin(), LIMIT)
}

fn fresh(program: &mut Exchanges) -> io::Result<()> {
    let connection = program.connect()?;
    program.exchange(&connection)
}

fn count(mut exchange: impl FnMut() -> io::Result<()>) -> io::Result<u32> {
    let start = Instant::now();
    let mut count = 0;
    loop {
        exchange()?;
        if start.elapsed() > LENGTH {
            return Ok(count);
        }
        count += 1;
    }
}

/// How many exchanges on fresh connections come through in a round. The prototype's programs drop
/// some of the connections that come at the same time: those don't count.
fn count_fresh(mut program: Exchanges) -> io::Result<u32> {
    let start = Instant::now();
    let mut through = 0;
    loop {
        let exchange = fresh(&mut program);
        if start.elapsed() > LENGTH {
            return if through > 0 {
                Ok(through)
            } else {
                exchange.map(|()| 0)
            };
        }
        through += u32::from(exchange.is_ok());
    }
}
