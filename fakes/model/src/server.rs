//! The end of a machine.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde::Serialize;

use crate::protocol::{Event, Reply, Request};

/// Whatever plays Windows.
pub trait Machine: Send + 'static {
    /// Answers a call.
    fn call(&mut self, request: &Request) -> Reply;
    /// Sends events there from now on, until the other end is gone.
    fn tell(&mut self, listener: Sender<Event>);
}

/// Lets stand-ins call `machine` until the listener fails. Each connection has a thread.
pub fn serve<M: Machine>(listener: &TcpListener, machine: &Arc<Mutex<M>>) {
    while let Ok((stream, _)) = listener.accept() {
        let machine = machine.clone();
        // A stand-in that goes away ends its connection, and no more.
        thread::spawn(move || drop(answer(stream, &machine)));
    }
}

fn answer<M: Machine>(stream: TcpStream, machine: &Mutex<M>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut output = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        let request: Request = serde_json::from_str(&line?)?;
        // A test that panicked meanwhile fails by itself.
        let mut machine = machine.lock().unwrap_or_else(PoisonError::into_inner);
        if request.call == Request::EVENTS {
            let (sender, receiver) = mpsc::channel();
            machine.tell(sender);
            drop(machine);
            write(&mut output, &Reply::default())?;
            return pass_on(&receiver, &mut output);
        }
        let reply = machine.call(&request);
        drop(machine);
        write(&mut output, &reply)?;
    }
    Ok(())
}

fn pass_on(events: &Receiver<Event>, output: &mut TcpStream) -> io::Result<()> {
    for event in events {
        write(output, &event)?;
    }
    Ok(())
}

fn write(output: &mut TcpStream, document: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(document)?;
    line.push(b'\n');
    output.write_all(&line)
}
