//! Rounds against the strict model of Windows.

use std::path::Path;
use std::sync::{Arc, Mutex};

use fakes::Machine;
use fakes::hcs::Hcs as Model;
use hcs::{Fake, Hcs, MacAddress, NewNetwork, SystemId};
use uuid::Uuid;

use super::wirer::{OtherWay, Wirer};
use super::{Card, Report};
use crate::goal::Goal;
use crate::store::Store;

/// Hyper-V's management is not installed.
#[derive(Debug)]
pub(crate) struct NoHyperV;

impl OtherWay for NoHyperV {
    fn create_switch(&self, _: &NewNetwork) -> Result<(), String> {
        Err("it is not installed".to_owned())
    }
}

struct Pc {
    model: Arc<Mutex<World>>,
    wirer: Wirer,
    cards: Vec<Card>,
    folder: tempfile::TempDir,
}

/// The model as a machine.
pub(crate) struct World(pub(crate) Model);

impl Machine for World {
    fn call(&mut self, request: &fakes::Request) -> fakes::Reply {
        self.0.answer(request).expect("a call of HCS or HCN")
    }

    fn tell(&mut self, listener: std::sync::mpsc::Sender<fakes::Event>) {
        self.0.tell(listener);
    }
}

const VM: Uuid = Uuid::from_u128(0x1000);

fn vm() -> SystemId {
    SystemId::new(VM.to_string().to_uppercase())
}

fn card(number: u8, alias: &str) -> Card {
    Card {
        guid: Uuid::from_u128(number.into()),
        alias: alias.to_owned(),
        mac: MacAddress([0, 1, 2, 3, 4, number]),
        wanted: true,
    }
}

fn wirer(model: &Arc<Mutex<World>>, folder: &Path) -> Wirer {
    let store = Store::new(folder, |file, bytes| std::fs::write(file, bytes));
    let hcs = Hcs::new(Arc::new(Fake::new(model.clone())));
    Wirer::new(hcs, store, Box::new(NoHyperV))
}

impl Pc {
    /// Two cards, and a VM that runs.
    fn new() -> Self {
        Self::with_cards(["Wi-Fi", "Ethernet 2"])
    }

    fn with_cards(aliases: [&str; 2]) -> Self {
        let mut model = Model::default();
        aliases.iter().for_each(|alias| model.add_nic(alias));
        model.start_system(VM);
        let model = Arc::new(Mutex::new(World(model)));
        let folder = tempfile::tempdir().unwrap();
        Self {
            wirer: wirer(&model, folder.path()),
            model,
            cards: vec![card(1, aliases[0]), card(2, aliases[1])],
            folder,
        }
    }

    fn round(&mut self, goal: Goal, chosen: Option<&SystemId>) -> Report {
        self.wirer.round(goal, &self.cards, chosen)
    }

    fn world<T>(&self, look: impl FnOnce(&mut Model) -> T) -> T {
        look(&mut self.model.lock().unwrap().0)
    }

    fn adapters(&self) -> usize {
        self.world(|it| {
            it.systems()
                .iter()
                .map(|system| system.adapters.len())
                .sum()
        })
    }

    fn calls(&self) -> usize {
        let changes = |call: &str| !call.contains("Query") && !call.contains("Enumerate");
        self.world(|it| it.calls().iter().filter(|it| changes(&it.call)).count())
    }
}

#[test]
fn all_cards_come_into_the_vm_and_everything_goes_again() {
    let mut pc = Pc::new();
    let report = pc.round(Goal::Up, Some(&vm()));
    assert_eq!(report.problems, [""; 0]);
    assert!(
        report
            .cards
            .iter()
            .all(|card| card.plugged_in && card.problem.is_none()),
        "{report:?}"
    );
    assert_eq!(
        report.cards[1].switch.as_deref(),
        Some("MPTCP - Ethernet 2")
    );
    assert_eq!(pc.adapters(), 2);
    let calls = pc.calls();
    pc.round(Goal::Up, Some(&vm()));
    assert_eq!(pc.calls(), calls, "a second round changes nothing");
    pc.round(Goal::Down, Some(&vm()));
    assert_eq!((pc.adapters(), pc.world(|it| it.networks().len())), (0, 2));
    let report = pc.round(Goal::Gone, None);
    assert_eq!(report.problems, [""; 0]);
    assert_eq!(
        pc.world(|it| (it.networks().len(), it.endpoints().len())),
        (0, 0)
    );
}

#[test]
fn a_vm_that_starts_again_gets_the_cards_again() {
    let mut pc = Pc::new();
    pc.round(Goal::Up, Some(&vm()));
    pc.world(|it| it.stop_system(vm().as_str()));
    pc.round(Goal::Up, None);
    assert_eq!(
        pc.world(|it| it.endpoints().len()),
        0,
        "they would outlive the VM"
    );
    let other = Uuid::from_u128(0x2000);
    pc.world(|it| it.start_system(other));
    let report = pc.round(Goal::Up, Some(&SystemId::new(other.to_string())));
    assert_eq!(pc.adapters(), 2, "{report:?}");
}

#[test]
fn what_a_killed_service_left_is_found_and_used() {
    let mut pc = Pc::new();
    pc.round(Goal::Up, Some(&vm()));
    let calls = pc.calls();
    pc.wirer = wirer(&pc.model, pc.folder.path());
    pc.round(Goal::Up, Some(&vm()));
    assert_eq!(pc.calls(), calls);
    pc.wirer = wirer(&pc.model, pc.folder.path());
    pc.round(Goal::Gone, None);
    assert_eq!(
        pc.world(|it| (it.networks().len(), it.endpoints().len())),
        (0, 0)
    );
}

#[test]
fn a_card_that_refuses_its_switch_is_reported_and_the_others_work() {
    let mut pc = Pc::new();
    let not_found = 0x803B_0006;
    pc.world(|it| it.fail_next("HcnCreateNetwork", 1, not_found, "An adapter was not found"));
    let report = pc.round(Goal::Up, Some(&vm()));
    let problem = report.cards[0].problem.as_deref().unwrap();
    assert!(
        problem.contains("0x803B0006") && problem.contains("not installed"),
        "{problem}"
    );
    assert!(report.cards[1].plugged_in);
    // It is not tried again all the time, and still reported.
    let calls = pc.calls();
    let again = pc.round(Goal::Up, Some(&vm()));
    assert_eq!(pc.calls(), calls);
    assert_eq!(again.cards[0].problem.as_deref(), Some(problem));
    pc.wirer.forgive();
    let report = pc.round(Goal::Up, Some(&vm()));
    assert!(
        report.cards[0].plugged_in && report.cards[0].problem.is_none(),
        "{report:?}"
    );
}

#[test]
fn a_card_that_is_pulled_out_leaves_the_vm() {
    let mut pc = Pc::new();
    pc.round(Goal::Up, Some(&vm()));
    pc.cards.pop();
    pc.world(|it| it.remove_nic("Ethernet 2"));
    pc.round(Goal::Up, Some(&vm()));
    assert_eq!(pc.adapters(), 1);
    assert_eq!(pc.world(|it| it.endpoints().len()), 1);
}

#[test]
fn a_windows_that_refuses_everything_is_said() {
    let mut pc = Pc::new();
    let denied = 0x8037_011B;
    pc.world(|it| it.fail_next("HcnEnumerateNetworks", 1, denied, ""));
    let report = pc.round(Goal::Up, Some(&vm()));
    assert!(report.problems[0].contains("0x8037011B"), "{report:?}");
}

#[test]
fn cards_with_any_name_come_into_the_vm_and_go_again() {
    let long = "x".repeat(256);
    let mut pc = Pc::with_cards([r#"it's "5G" \ 'stick'"#, &long]);
    let report = pc.round(Goal::Up, Some(&vm()));
    assert!(report.cards.iter().all(|it| it.plugged_in), "{report:?}");
    pc.round(Goal::Gone, None);
    let model = pc.model.lock().unwrap();
    assert_eq!(
        (model.0.networks().len(), model.0.endpoints().len()),
        (0, 0)
    );
}
