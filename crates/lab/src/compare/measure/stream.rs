//! An endless download that can be ended at any time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::contender::Contender;
use crate::traffic::{Content, Series};

/// More than any link here carries in an hour.
const ENDLESS: u64 = 1 << 50;

/// What a program with a large buffer reads at once.
const PIECE: usize = 256 * 1024;

/// A connection that bears more silence than this is dead.
const LIMIT: Duration = Duration::from_secs(30);

/// A running download.
#[derive(Debug)]
pub(super) struct Stream {
    socket: TcpStream,
    reader: JoinHandle<io::Result<Series>>,
    /// The reader's end of the connection is about to be shut down.
    ending: Arc<AtomicBool>,
}

impl Stream {
    /// Times are told since `start`. Whether every byte is compared costs a tenth of a fast download's
    /// time.
    pub(super) fn start(
        contender: &Contender,
        start: Instant,
        compare: bool,
    ) -> anyhow::Result<Self> {
        let connect = || TcpStream::connect_timeout(&Contender::origin(), LIMIT);
        let mut socket = contender.client().run(connect)?;
        socket.set_read_timeout(Some(LIMIT))?;
        socket.write_all(
            format!("GET /bytes/{ENDLESS} HTTP/1.1\r\nHost: origin\r\n\r\n").as_bytes(),
        )?;
        let copy = socket.try_clone()?;
        let ending = Arc::new(AtomicBool::new(false));
        let is_ending = Arc::clone(&ending);
        // A socket stays in the namespace that it was made in.
        let reader = std::thread::Builder::new()
            .name("compare-download".into())
            .spawn(move || receive(copy, start, compare, &is_ending))?;
        Ok(Self {
            socket,
            reader,
            ending,
        })
    }

    /// Ends the connection. Returns the payload by time since the start.
    pub(super) fn finish(self) -> anyhow::Result<Series> {
        self.ending.store(true, Ordering::Release);
        // An error means that it has ended, of which the reader says more.
        let _ = self.socket.shutdown(Shutdown::Both);
        let received = self
            .reader
            .join()
            .unwrap_or_else(|cause| std::panic::resume_unwind(cause));
        Ok(received?)
    }
}

/// Bits per second within a span of time since the start.
pub(super) fn rate(series: &Series, from: Duration, length: Duration) -> f64 {
    let index = |time: Duration| (time.as_nanos() / Series::EVERY.as_nanos()) as usize;
    let bytes: u64 = series
        .bytes()
        .iter()
        .skip(index(from))
        .take(index(length))
        .sum();
    bytes as f64 * 8.0 / length.as_secs_f64()
}

/// Until the stream is shut down: that is the only end which is no error.
fn receive(
    socket: TcpStream,
    start: Instant,
    compare: bool,
    is_ending: &AtomicBool,
) -> io::Result<Series> {
    let mut reader = BufReader::with_capacity(PIECE, socket);
    skip_head(&mut reader)?;
    let mut series = Series::new(start);
    let mut content = Content::default();
    loop {
        let piece = match reader.fill_buf() {
            Ok([]) => return ended(series, io::ErrorKind::UnexpectedEof.into(), is_ending),
            Ok(piece) => piece,
            Err(error) => return ended(series, error, is_ending),
        };
        series.add(Instant::now(), piece.len() as u64);
        if compare && !content.verify(piece) {
            return Err(io::Error::other("wrong bytes came"));
        }
        let length = piece.len();
        reader.consume(length);
    }
}

/// What is on its way when the stream is shut down is answered with a reset.
fn ended(series: Series, error: io::Error, is_ending: &AtomicBool) -> io::Result<Series> {
    if is_ending.load(Ordering::Acquire) {
        Ok(series)
    } else {
        Err(error)
    }
}

fn skip_head(reader: &mut impl BufRead) -> io::Result<()> {
    let mut line = String::new();
    while reader.by_ref().take(1024).read_line(&mut line)? > 2 {
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_counts_only_its_own_span() {
        let mut series = Series::new(Instant::now());
        for (interval, bytes) in [0, 0, 1000, 3000, 500].into_iter().enumerate() {
            series.add(series.start() + Series::EVERY * interval as u32, bytes);
        }
        let rate = rate(
            &series,
            Duration::from_millis(20),
            Duration::from_millis(20),
        );
        assert_eq!(rate, 4000.0 * 8.0 / 0.02);
    }
}
