use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::control::{Control, Shared};
use super::counters::LiveCounters;
use super::engine::{Engine, Fate, QueueFull};
use super::frame::{Frame, Pool};
use super::tap::Tap;

/// A sleep is never shorter, so that a fast link wakes the thread once for several frames. It adds
/// at most this much to a frame's delay, a twentieth of what the emulation promises (1 ms).
const SHORTEST_SLEEP: Duration = Duration::from_micros(50);

/// Frames read from one interface before the other one is looked at.
const BURST: usize = 64;

/// Room for the Ethernet header and one VLAN tag beside the MTU.
const HEADER_ROOM: usize = 18;

/// Moves frames between two interfaces until it is told to stop. Does I/O only; what happens when
/// is the engines' affair.
pub(super) struct Forwarder {
    shared: Arc<Shared>,
    guest: Arc<Tap>,
    access: Arc<Tap>,
    down: Way,
    up: Way,
    control: Control,
}

/// One direction.
struct Way {
    engine: Engine<Frame>,
    pool: Pool,
}

/// What keeps frames from passing at the moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    None,
    Silence,
    Carrier,
}

impl Forwarder {
    pub(super) fn new(shared: Arc<Shared>, guest: Arc<Tap>, access: Arc<Tap>, mtu: u16) -> Self {
        let control = shared.control();
        let now = Instant::now();
        let way = |direction, seed| Way {
            engine: Engine::new(direction, seed, now),
            pool: Pool::new(usize::from(mtu) + HEADER_ROOM),
        };
        // The two directions must not lose the same frames.
        let seed = control.profile.seed;
        let (down, up) = (
            way(control.profile.down, seed),
            way(control.profile.up, !seed),
        );
        Self {
            shared,
            guest,
            access,
            down,
            up,
            control,
        }
    }

    /// Returns when [`Control::stop`] is set, or with the reason why polling failed.
    pub(super) fn run(mut self) -> rustix::io::Result<()> {
        take_precedence();
        while !self.control.stop {
            self.wait()?;
            let now = Instant::now();
            let block = self.block();
            let (down, up) = (&self.shared.down, &self.shared.up);
            self.up.receive(&self.guest, block, up, now);
            self.down.receive(&self.access, block, down, now);
            self.up.deliver(&self.access, block, up);
            self.down.deliver(&self.guest, block, down);
        }
        Ok(())
    }

    /// Sleeps until a frame arrives or is due, or someone turns a control.
    fn wait(&mut self) -> rustix::io::Result<()> {
        let due = [
            self.down.engine.next_departure(),
            self.up.engine.next_departure(),
        ];
        let timeout = due.into_iter().flatten().min().map(|due| {
            let sleep = due
                .saturating_duration_since(Instant::now())
                .max(SHORTEST_SLEEP);
            Timespec {
                tv_sec: sleep.as_secs() as i64,
                tv_nsec: sleep.subsec_nanos().into(),
            }
        });
        let mut ready = [
            PollFd::new(&self.shared.wake, PollFlags::IN),
            PollFd::new(&*self.guest, PollFlags::IN),
            PollFd::new(&*self.access, PollFlags::IN),
        ];
        match rustix::event::poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        if ready[0].revents().contains(PollFlags::IN) {
            self.shared.quiet_wake();
            self.obey();
        }
        Ok(())
    }

    /// Takes over what the controls say now.
    fn obey(&mut self) {
        let now = Instant::now();
        self.control = self.shared.control();
        self.down
            .engine
            .set_direction(self.control.profile.down, now);
        self.up.engine.set_direction(self.control.profile.up, now);
        if !self.control.carrier {
            self.down.discard(&self.shared.down, now);
            self.up.discard(&self.shared.up, now);
        }
    }

    fn block(&self) -> Block {
        match (self.control.carrier, self.control.silent) {
            (false, _) => Block::Carrier,
            (true, true) => Block::Silence,
            (true, false) => Block::None,
        }
    }
}

impl Way {
    fn receive(&mut self, from: &Tap, block: Block, counters: &LiveCounters, now: Instant) {
        for _ in 0..BURST {
            let mut frame = self.pool.take();
            // An interface that is down or gone has nothing to say either.
            let Ok(length) = from.read(frame.buffer_mut()) else {
                self.pool.put_back(frame);
                return;
            };
            frame.set_length(length);
            if block.stops(counters) {
                self.pool.put_back(frame);
            } else if let Err(QueueFull(frame)) = self.engine.enqueue(frame, length, now) {
                counters.dropped_queue.add(1);
                self.pool.put_back(frame);
            }
        }
    }

    fn deliver(&mut self, to: &Tap, block: Block, counters: &LiveCounters) {
        // The clock is read once per round: a receiver's work inside `write` takes its time.
        let now = Instant::now();
        while let Some(departure) = self.engine.pop_due(now) {
            let frame = departure.frame;
            if departure.fate == Fate::Lost {
                counters.dropped_loss.add(1);
            } else if !block.stops(counters) {
                match to.write(frame.bytes()) {
                    Ok(()) => {
                        counters.frames.add(1);
                        counters.bytes.add(frame.bytes().len() as u64);
                    }
                    Err(_) => counters.dropped_receiver.add(1),
                }
            }
            self.pool.put_back(frame);
        }
    }

    fn discard(&mut self, counters: &LiveCounters, now: Instant) {
        for frame in self.engine.drain(now) {
            counters.dropped_carrier.add(1);
            self.pool.put_back(frame);
        }
    }
}

impl Block {
    /// Whether a frame is dropped here; if so, it is counted.
    fn stops(self, counters: &LiveCounters) -> bool {
        match self {
            Self::None => return false,
            Self::Silence => counters.dropped_silence.add(1),
            Self::Carrier => counters.dropped_carrier.add(1),
        }
        true
    }
}

/// Asks for real-time scheduling, so that the programs under test don't delay the link's clock.
#[expect(unsafe_code, reason = "no safe wrapper sets the scheduling policy")]
fn take_precedence() {
    // SAFETY: an all-zero sched_param is valid (musl has more members than glibc).
    let mut parameter: libc::sched_param = unsafe { std::mem::zeroed() };
    parameter.sched_priority = 1;
    // SAFETY: 0 means the calling thread; the parameter is only read during the call.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameter) };
    if result != 0 {
        let error = std::io::Error::last_os_error();
        tracing::warn!(%error, "no real-time scheduling: emulated links may be less exact");
    }
}
