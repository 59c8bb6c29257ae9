//! From a plain stream of bytes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout;
use wire::hub::{HEADER, MAX_PAYLOAD, data_header};

use super::direction::{Burst, Direction};
use super::end::Fault;
use super::line::{Kind, Secure};
use super::pieces::Pieces;
use super::read::{FRAMES, Got, read, read_framed};
use crate::pool::{Buffer, SMALL};

/// The largest frame: with its header it fills a TLS record.
const FULL: usize = HEADER + MAX_PAYLOAD;

/// A frame of which the record, with the 22 bytes that TLS adds, fits into one segment on all but odd
/// paths: what came in one packet can be used at once. MPTCP's and TCP's options take up to 40 bytes
/// of the 1220 that IPv6 grants each path (RFC 8200 section 5), but nearly all have 1400.
const SEGMENT: usize = 1300;

/// How many bytes go in short records when a direction begins, or begins again after [`PAUSE`]: about
/// what goes before the first acknowledgements come back. Later segments come in closer order, and
/// long records cost less.
const FRESH: usize = 64 * 1024;
const PAUSE: Duration = Duration::from_secs(1);

/// What a small buffer takes of payload, at least.
const FITS: u64 = (FRAMES * (SEGMENT - HEADER)) as u64;

/// How long OPENED waits for the origin's first bytes, to go along with them.
const HOLD: Duration = Duration::from_millis(100);

/// What a direction has done lately.
#[derive(Default)]
struct Pace {
    is_bulk: bool,
    /// How many bytes are still to go in short records.
    fresh: usize,
    last: Option<Instant>,
}

impl Direction<'_> {
    pub(super) async fn run_plain(&self, early: &Bytes) -> Result<(), Fault> {
        if !early.is_empty() {
            self.pay(early.len()).await;
            let whole = 0..early.len();
            Box::pin(self.deliver(Pieces::new(early, std::slice::from_ref(&whole)))).await?;
        }
        if let Kind::Secure(secure) = &self.to.1.kind {
            self.begin_held(secure).await?;
        }
        let mut pace = Pace::default();
        loop {
            self.readable().await?;
            pace.begin();
            // On the heap, so that it takes no memory while nothing moves.
            let burst = match &self.to.1.kind {
                Kind::Plain { .. } => Box::pin(self.plain_burst(&pace)).await?,
                Kind::Secure(secure) => Box::pin(self.seal_burst(secure, &mut pace)).await?,
            };
            match burst {
                Burst::Moved(bytes) => pace.ended(bytes),
                Burst::Ended => return self.end().await,
            }
        }
    }

    /// What is held goes along with the first bytes, unless these let it wait for long. MPTCP's
    /// scheduler sends what follows closely on something small by another path, which may be a slower
    /// one (Linux 6.18, `mptcp_subflow_get_send`: the path with the least under way).
    async fn begin_held(&self, secure: &Secure) -> Result<(), Fault> {
        if !secure.with(|stream| stream.is_holding()) {
            return Ok(());
        }
        if let Ok(ready) = timeout(HOLD, self.readable()).await {
            return ready;
        }
        let held = secure.with(|stream| stream.take_held());
        self.write(&held, 0).await
    }

    async fn plain_burst(&self, pace: &Pace) -> Result<Burst, Fault> {
        if pace.is_bulk
            && let Some(pipe) = self.pool.pipe()
        {
            return self.splice_burst(pipe).await;
        }
        self.copy_burst(self.buffer(pace.is_bulk)).await
    }

    /// Passes on what there is to read. The buffer is gone afterwards.
    async fn copy_burst(&self, mut buffer: Buffer) -> Result<Burst, Fault> {
        let mut moved = 0;
        loop {
            let room = self.portion(buffer.len());
            let got = read(&self.from.1.tcp, &mut buffer[..room]);
            let got = got.map_err(|error| self.fault(self.from.0, error))?;
            let bytes = match got {
                Got::Nothing => return Ok(Burst::Moved(moved)),
                Got::End => return Ok(Burst::Ended),
                Got::All(bytes) | Got::Part(bytes) => bytes,
            };
            self.pay(bytes).await;
            self.write(&buffer[..bytes], bytes).await?;
            moved += bytes;
            match got {
                Got::All(_) => return Ok(Burst::Moved(moved)),
                _ if !buffer.is_large() => buffer = self.buffer(true),
                _ => {}
            }
            // Two fast peers would never let another connection's task run.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// The same towards an edge or a hub. What has come together goes on in one write: MPTCP's scheduler
    /// gives all of it to one path then (up to 64 KiB), but the rest to another one, which may be slower,
    /// if it comes in a second write (see [`Self::begin_held`]). So what follows closely is waited for.
    async fn seal_burst(&self, secure: &Secure, pace: &mut Pace) -> Result<Burst, Fault> {
        if secure.with(|stream| stream.may_scatter()) {
            mptcp::gather().await;
        }
        let mut buffer = self.buffer(pace.is_bulk || self.has_much_to_read());
        let mut sealed = self.pool.output(&buffer);
        let mut moved = 0;
        loop {
            let (room, stride) = (self.portion(buffer.len()), pace.stride());
            let most = if buffer.is_large() {
                pace.frames()
            } else {
                FRAMES
            };
            let got = read_framed(&self.from.1.tcp, &mut buffer[..room], stride, most);
            let got = got.map_err(|error| self.fault(self.from.0, error))?;
            let bytes = match got {
                Got::Nothing => return Ok(Burst::Moved(moved)),
                Got::End => return Ok(Burst::Ended),
                Got::All(bytes) | Got::Part(bytes) => bytes,
            };
            self.pay(bytes).await;
            let framed = put_headers(&mut buffer, bytes, stride);
            self.seal(secure, framed, stride, &mut sealed)?;
            self.write(&sealed, bytes).await?;
            moved += bytes;
            pace.sent(bytes);
            if let Got::All(_) = got {
                return Ok(Burst::Moved(moved));
            }
            if !buffer.is_large() {
                buffer = self.buffer(true);
                sealed = self.pool.output(&buffer);
            }
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Whether more has come than fits into a small buffer.
    fn has_much_to_read(&self) -> bool {
        rustix::io::ioctl_fionread(&*self.from.1.tcp).is_ok_and(|bytes| bytes > FITS)
    }

    /// Passes payload on that lies elsewhere than it has to for sealing.
    pub(super) async fn seal_pieces(
        &self,
        secure: &Secure,
        payload: &mut Pieces<'_>,
    ) -> Result<(), Fault> {
        let mut buffer = self.buffer(payload.len() > SMALL);
        let mut sealed = self.pool.output(&buffer);
        while !payload.is_empty() {
            let mut bytes = 0;
            let frames = buffer.chunks_mut(FULL).take(FRAMES);
            for frame in frames.filter(|it| it.len() > HEADER) {
                bytes += payload.copy_to(&mut frame[HEADER..]);
            }
            let framed = put_headers(&mut buffer, bytes, FULL);
            self.seal(secure, framed, FULL, &mut sealed)?;
            self.write(&sealed, bytes).await?;
        }
        Ok(())
    }

    fn seal(
        &self,
        secure: &Secure,
        framed: &[u8],
        stride: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        out.clear();
        let sealed = secure.with(|stream| stream.seal_data(framed, stride, out));
        sealed.map_err(|error| self.violated(self.to.0, error))
    }
}

impl Pace {
    /// A burst begins.
    fn begin(&mut self) {
        if self.last.is_none_or(|last| last.elapsed() >= PAUSE) {
            self.fresh = FRESH;
        }
    }

    /// How long a frame is.
    fn stride(&self) -> usize {
        if self.fresh > 0 { SEGMENT } else { FULL }
    }

    /// How many frames a large buffer may be read into: all that are to be short.
    fn frames(&self) -> usize {
        self.fresh.div_ceil(SEGMENT - HEADER).max(FRAMES)
    }

    fn sent(&mut self, bytes: usize) {
        self.fresh = self.fresh.saturating_sub(bytes);
    }

    /// A burst has ended.
    fn ended(&mut self, moved: usize) {
        self.is_bulk = moved >= SMALL;
        self.last = Some(Instant::now());
    }
}

/// Puts the headers of DATA frames before `payload` bytes that lie in frames of `stride` bytes; gives
/// the frames.
fn put_headers(buffer: &mut [u8], payload: usize, stride: usize) -> &[u8] {
    let (mut left, mut end) = (payload, 0);
    while left > 0 {
        let len = left.min(stride - HEADER);
        buffer[end..end + HEADER].copy_from_slice(&data_header(len));
        end += HEADER + len;
        left -= len;
    }
    &buffer[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_short_after_a_pause_only() {
        let mut pace = Pace::default();
        pace.begin();
        assert_eq!(pace.stride(), SEGMENT);
        assert_eq!(pace.frames(), 51);
        pace.sent(FRESH - 1);
        assert_eq!(pace.stride(), SEGMENT);
        pace.sent(1300);
        assert_eq!(pace.stride(), FULL);
        assert_eq!(pace.frames(), FRAMES);
        pace.ended(FRESH);
        pace.begin();
        assert_eq!(pace.stride(), FULL, "no pause");
        pace.last = pace.last.and_then(|last| last.checked_sub(PAUSE));
        pace.begin();
        assert_eq!(pace.stride(), SEGMENT);
    }

    #[test]
    fn headers_fit_the_payload() {
        for (payload, stride, frames) in [(1, 10, 1), (7, 10, 1), (8, 10, 2), (14, 10, 2)] {
            let mut buffer = [0; 100];
            let framed = put_headers(&mut buffer, payload, stride);
            assert_eq!(framed.len(), payload + frames * HEADER, "{payload}");
            let lens = wire::hub::frames(framed).map(|frame| match frame {
                Ok(wire::hub::Frame::Data(bytes)) => bytes.len(),
                other => panic!("{other:?}"),
            });
            assert_eq!(lens.sum::<usize>(), payload);
        }
    }
}
