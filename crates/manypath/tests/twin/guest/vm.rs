//! A VM: the image that the service was given to import, with a kernel of its own and cards that are plugged into
//! it. It ends with its edge, as WSL's does some time after the last program.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use lab::topology::Uplink;
use lab::vm::{Switches, Vm, VmSpec};

use super::{Linux, Program};
use crate::SOON;

pub struct Virtual {
    switches: Switches,
    spec: VmSpec,
    vm: Running,
}

/// The VM, while it runs.
type Running = Arc<Mutex<Option<Vm>>>;

impl Virtual {
    /// None runs yet: what it is made from need not be there.
    pub fn new(switches: Switches, spec: VmSpec) -> Self {
        let vm = Running::default();
        Self { switches, spec, vm }
    }

    fn vm(&self) -> MutexGuard<'_, Option<Vm>> {
        self.vm.lock().expect("no panic")
    }
}

impl Linux for Virtual {
    fn start(&self, arguments: &[String]) -> Program {
        assert_eq!(arguments, ["edge", "--stdio"], "what the VM's init runs");
        let mut running = self.vm();
        assert!(running.is_none(), "one edge at a time");
        let vm = Vm::boot(&self.switches, &self.spec);
        let mut vm = vm.unwrap_or_else(|error| panic!("{error}"));
        let (stdin, stdout) = (vm.take_stdin(), vm.stdout().try_clone());
        *running = Some(vm);
        let ended = Arc::clone(&self.vm);
        Program {
            stdin: Box::new(stdin.expect("nobody has taken it")),
            stdout: Box::new(stdout.expect("a socket")),
            // It goes into a file.
            stderr: Box::new(io::empty()),
            end: Box::new(move || end(&ended)),
        }
    }

    fn runs(&self) -> bool {
        self.vm().is_some()
    }

    fn plug_in(&self, uplink: Uplink, mac: &str) {
        if let Some(vm) = &mut *self.vm() {
            let plugged = vm.plug(uplink, mac.parse().expect("a MAC address"));
            plugged.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    fn unplug(&self, uplink: Uplink) {
        if let Some(vm) = &mut *self.vm() {
            // One that is about to end lets nothing go. Another card in the same place would not go in.
            if let Err(error) = vm.unplug(uplink) {
                println!("{error}");
            }
        }
    }

    fn kill(&self) {
        drop(self.vm().take());
    }

    fn halt(&self) {
        self.kill();
    }

    fn logs(&self) -> String {
        self.vm().as_ref().map(Vm::logs).unwrap_or_default()
    }
}

/// The edge's exit code; that of a program that was killed, where the VM was pulled from under it.
fn end(vm: &Running) -> i32 {
    let vm = vm.lock().expect("no panic").take();
    let ended = vm.map(|vm| vm.wait(SOON));
    let code = ended.map(|it| it.unwrap_or_else(|error| panic!("{error}")));
    code.and_then(|code| i32::try_from(code).ok())
        .unwrap_or(137)
}
