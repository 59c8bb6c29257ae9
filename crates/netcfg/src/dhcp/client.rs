//! The state machine on a packet socket, as a tokio task.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::bootp::Message;
use super::lease::Lease;
use super::machine::{Action, Event, Identity, Machine, Target};
use super::socket::{Datagram, PacketSocket, SocketError};
use super::{CLIENT_PORT, SERVER_PORT};
use crate::{InterfaceIndex, MacAddress};

/// A socket that fails again and again must not take a whole processor.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// What a client is told beside its interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientConfig {
    /// Host name to send to the server. `None` sends none.
    pub host_name: Option<String>,
    /// An address from an earlier run, found on the interface for example: asked for first, so
    /// that a restart keeps it.
    pub previous: Option<Ipv4Addr>,
}

/// A running DHCP client. Dropping it stops the client without a word to the server; the lease
/// channel then closes.
#[derive(Debug)]
pub struct Client {
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy)]
enum Command {
    Carrier(bool),
    Release,
}

impl Client {
    /// Starts a client on an Ethernet interface, in the network namespace of the calling thread and
    /// on the tokio runtime around it. It does nothing until [`set_carrier`](Self::set_carrier)
    /// tells it that there is a carrier.
    ///
    /// The receiver holds the lease that may be used now. It changes on a renewal too. It closes
    /// when the client has stopped; a vanished interface stops it with `None`.
    ///
    /// Put the address on the interface: servers send the answer to a renewal there, by way of ARP.
    ///
    /// # Errors
    /// No right to open a packet socket, or no such interface.
    pub fn start(
        interface: InterfaceIndex,
        mac: MacAddress,
        config: ClientConfig,
    ) -> Result<(Self, watch::Receiver<Option<Lease>>), SocketError> {
        let socket = PacketSocket::open(interface, CLIENT_PORT)?;
        let identity = Identity {
            mac,
            host_name: config.host_name,
        };
        let (commands, command_queue) = mpsc::unbounded_channel();
        let (lease, receiver) = watch::channel(None);
        let driver = Driver {
            interface,
            socket,
            machine: Machine::new(identity, config.previous, random_seed()),
            timer: None,
            lease,
            interface_is_gone: false,
        };
        let task = tokio::spawn(driver.run(command_queue));
        Ok((Self { commands, task }, receiver))
    }

    /// Tells the client about the carrier (`Link::carrier`). Repeats have no effect. Report every
    /// loss, however short: the cable may be in another network now, so the address is verified
    /// when the carrier is back. Down and up at once also is the way to verify after a suspend.
    pub fn set_carrier(&self, up: bool) {
        // A client whose interface is gone has nothing to do with the news.
        let _ = self.commands.send(Command::Carrier(up));
    }

    /// Gives the address back to the server and stops.
    pub async fn release(self) {
        let _ = self.commands.send(Command::Release);
        // An error here is a panic of the task, which tokio has reported.
        let _ = self.task.await;
    }
}

struct Driver {
    interface: InterfaceIndex,
    socket: PacketSocket,
    machine: Machine,
    timer: Option<Instant>,
    lease: watch::Sender<Option<Lease>>,
    interface_is_gone: bool,
}

impl Driver {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Carrier(up)) => {
                        self.take(if up { Event::CarrierUp } else { Event::CarrierDown });
                    }
                    Some(Command::Release) => return self.take(Event::Release),
                    None => return,
                },
                received = self.socket.receive() => match received {
                    Ok(datagram) => self.received(&datagram),
                    Err(error) => self.recover(&error).await,
                },
                () = until(self.timer) => self.take(Event::Timer),
            }
            if self.interface_is_gone {
                tracing::info!(interface = %self.interface, "DHCP stops: the interface is gone");
                self.lease.send_replace(None);
                return;
            }
        }
    }

    /// The kernel reports a deleted interface as one that is down, just before it deletes it: so
    /// the look at the interface comes after a pause.
    async fn recover(&mut self, error: &io::Error) {
        tracing::debug!(interface = %self.interface, %error, "DHCP cannot receive");
        tokio::time::sleep(PAUSE_AFTER_ERROR).await;
        self.interface_is_gone = self.socket.interface_is_gone();
    }

    fn received(&mut self, datagram: &Datagram) {
        if datagram.source.port() != SERVER_PORT {
            return;
        }
        match Message::parse(&datagram.payload) {
            Ok(message) => self.take(Event::Received(&message, datagram.mac)),
            Err(error) => {
                tracing::debug!(interface = %self.interface, from = %datagram.source, %error, "ignored");
            }
        }
    }

    fn take(&mut self, event: Event<'_>) {
        for action in self.machine.handle(event, Instant::now()) {
            match action {
                Action::Send(message, target) => self.send(&message, target),
                Action::Gained(lease) | Action::Changed(lease) => self.publish(lease),
                Action::Lost => {
                    tracing::info!(interface = %self.interface, "DHCP lease lost");
                    self.lease.send_replace(None);
                }
                Action::SetTimer(time) => self.timer = time,
            }
        }
    }

    fn publish(&self, lease: Lease) {
        tracing::info!(
            interface = %self.interface, address = %lease.address, server = %lease.server,
            duration = ?lease.duration, "DHCP lease"
        );
        self.lease.send_replace(Some(lease));
    }

    fn send(&mut self, message: &Message, target: Target) {
        tracing::debug!(interface = %self.interface, kind = ?message.kind, to = %target.destination, "DHCP sends");
        let datagram = Datagram {
            source: SocketAddrV4::new(target.source, CLIENT_PORT),
            destination: SocketAddrV4::new(target.destination, SERVER_PORT),
            mac: target.mac,
            payload: message.encode(),
        };
        if let Err(error) = self.socket.send(&datagram) {
            // Counts as a lost packet, which the machine repeats, unless there is no way back.
            tracing::debug!(interface = %self.interface, %error, "DHCP cannot send");
            self.interface_is_gone = self.socket.interface_is_gone();
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

/// Different in each run and for each client: std keys its hash maps from the kernel's generator.
fn random_seed() -> u64 {
    RandomState::new().hash_one(Instant::now())
}
