//! An edge whose words a test chooses.

use std::io::{BufRead, BufReader, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use channel::{Applied, EdgeHello, Mptcp, PROTOCOL, ToEdge, ToHost, line};
use uuid::Uuid;
use winproc::fake::{Pen, Stdio};

use super::pc::VM;

/// All edges of a PC, one after the other.
#[derive(Clone, Default)]
pub struct Edges(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    starts: usize,
    /// Where the one that runs speaks.
    pen: Option<Pen>,
    heard: Vec<ToEdge>,
    holds_breath: bool,
    is_dead: bool,
    /// If it is another than the first.
    vm: Option<Uuid>,
    /// The kernel of the VM, if it is another than the first.
    kernel: Option<String>,
    /// The networking mode, if it is another than the first.
    mode: Option<String>,
}

impl Edges {
    /// What runs in place of the edge's program.
    pub fn run(&self, mut stdio: Stdio) -> u32 {
        let (vm, kernel, mode) = {
            let mut state = self.0.0.lock().unwrap();
            state.starts += 1;
            state.heard.clear();
            (state.is_dead, state.holds_breath) = (false, false);
            state.pen = Some(stdio.stdout.clone());
            let kernel = state.kernel.clone();
            (
                state.vm.unwrap_or(VM),
                kernel.unwrap_or_else(|| "6.18".to_owned()),
                state.mode.clone().unwrap_or_else(|| "nat".to_owned()),
            )
        };
        let hello = ToHost::Hello(EdgeHello {
            protocol: PROTOCOL,
            version: "0.1.0".to_owned(),
            kernel,
            mptcp: Mptcp::Available,
            vm: Some(vm.to_string()),
            networking: Some(mode),
        });
        stdio.stdout.write_all(&line(&hello)).unwrap();
        let breath = self.clone();
        std::thread::spawn(move || breath.breathe());
        let reader = self.clone();
        let stdin = stdio.stdin;
        std::thread::spawn(move || reader.hear(BufReader::new(stdin)));
        let (lock, changed) = &*self.0;
        let state = lock.lock().unwrap();
        let mut state = changed.wait_while(state, |it| !it.is_dead).unwrap();
        state.pen = None;
        0
    }

    fn breathe(&self) {
        loop {
            {
                let mut state = self.0.0.lock().unwrap();
                let is_silent = state.holds_breath;
                let Some(pen) = &mut state.pen else {
                    return;
                };
                if !is_silent && pen.write_all(&line(&ToHost::Alive)).is_err() {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn hear(&self, mut lines: impl BufRead) {
        let mut text = String::new();
        while let Ok(1..) = lines.read_line(&mut text) {
            let message: ToEdge = serde_json::from_str(&text).unwrap();
            text.clear();
            match &message {
                ToEdge::Status => self.say(ToHost::Status(serde_json::json!({ "it": "runs" }))),
                ToEdge::Settings(_) => self.say(ToHost::Applied(Applied::Taken {
                    need_restart: Vec::new(),
                })),
                ToEdge::Hello(_) | ToEdge::Unplugged(_) | ToEdge::Stop => {}
            }
            let stops = message == ToEdge::Stop;
            self.0.0.lock().unwrap().heard.push(message);
            if stops {
                return self.die();
            }
        }
        self.die();
    }

    /// Has the edge that runs, or the next one, say this.
    pub fn say(&self, message: ToHost) {
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        loop {
            let mut state = self.0.0.lock().unwrap();
            if let Some(pen) = &mut state.pen {
                let _ = pen.write_all(&line(&message));
                return;
            }
            drop(state);
            assert!(std::time::Instant::now() < deadline, "no edge runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn die(&self) {
        self.0.0.lock().unwrap().is_dead = true;
        self.0.1.notify_all();
    }

    /// Those to come are in this VM.
    pub fn live_in(&self, vm: Uuid) {
        self.0.0.lock().unwrap().vm = Some(vm);
    }

    /// The VM starts with this kernel from now on.
    pub fn boot(&self, kernel: String) {
        self.0.0.lock().unwrap().kernel = Some(kernel);
    }

    /// WSL connects VMs by this mode from now on.
    pub fn connect_by(&self, mode: &str) {
        self.0.0.lock().unwrap().mode = Some(mode.to_owned());
    }

    /// It says nothing any more.
    pub fn hold_breath(&self) {
        self.0.0.lock().unwrap().holds_breath = true;
    }

    pub fn starts(&self) -> usize {
        self.0.0.lock().unwrap().starts
    }

    pub fn heard(&self) -> Vec<ToEdge> {
        self.0.0.lock().unwrap().heard.clone()
    }

    /// The last settings that it was sent.
    pub fn settings(&self) -> String {
        let heard = self.heard();
        let last = heard.iter().rev().find_map(|it| match it {
            ToEdge::Settings(text) => Some(text.0.clone()),
            _ => None,
        });
        last.unwrap_or_default()
    }
}
