//! What has to be done to a server. Pure: no I/O.

use super::observe::{Observed, Program, Rights, User};
use super::place::{self, FileKind};
use super::step::Step;

/// The unit, as distributions package it.
const UNIT: &str = include_str!("../../../../../../../packaging/manypath-hub.service");
const SYSUSERS: &str = include_str!("../../../../../../../packaging/manypath-hub.sysusers");
const ROOT: u32 = 0;
/// Debian's and Ubuntu's accounts for people begin here (login.defs(5), UID_MIN).
const FIRST_PERSON: u32 = 1000;

/// The steps that make a server a hub; none when it is one.
pub fn install(observed: &Observed) -> Vec<Step> {
    let (mut steps, mut new) = (Vec::new(), false);
    if observed.program != Program::Same && !observed.packaged {
        steps.push(Step::CopyProgram);
        new = true;
    }
    if let Some(step) = write(observed, place::SYSUSERS, SYSUSERS.to_owned()) {
        steps.push(step);
    }
    if observed.user.is_none() {
        steps.push(Step::MakeUser);
    }
    if !is_folder_right(observed) {
        steps.push(Step::MakeFolder);
    }
    let init = !is_initialised(observed) && !observed.image;
    if init {
        steps.push(Step::Initialise);
    }
    steps.extend(entrust(observed, init));
    let unit = write(observed, place::UNIT, unit(observed.packaged));
    new |= unit.is_some();
    let read = unit.is_some() || observed.service.unread;
    steps.extend(unit);
    if read && !observed.image {
        steps.push(Step::ReadUnits);
    }
    if !observed.enabled {
        steps.push(Step::Enable);
    }
    if !observed.image {
        steps.extend(run(observed, new));
    }
    steps
}

/// The unit, naming the program where it will be.
fn unit(packaged: bool) -> String {
    match packaged {
        true => UNIT.to_owned(),
        false => UNIT.replace(place::PACKAGED_PROGRAM, place::PROGRAM),
    }
}

fn write(observed: &Observed, path: &'static str, text: String) -> Option<Step> {
    let there = observed.files.get(path) == Some(&text);
    (!there).then_some(Step::Write { path, text })
}

fn is_folder_right(observed: &Observed) -> bool {
    let wanted = observed.user.map(|User { gid, .. }| Rights {
        uid: ROOT,
        gid,
        mode: 0o750,
    });
    observed.folder.is_some() && observed.folder == wanted
}

/// `init` mends what is half there, or says why not.
fn is_initialised(observed: &Observed) -> bool {
    let there = |kind| matches!(observed.entrusted.get(&kind), Some((_, Some(_))));
    there(FileKind::Key) && there(FileKind::Users)
}

/// The files that don't have the rights that they should have, and those that `init` will make.
fn entrust(observed: &Observed, init: bool) -> impl Iterator<Item = Step> {
    let wrong = move |kind: FileKind, is: Option<Rights>| match is {
        Some(is) => observed.user.map(|user| wanted_rights(kind, user)) != Some(is),
        None => init && kind != FileKind::Socks5Users,
    };
    let files = observed.entrusted.iter();
    let wrong = files.filter(move |(kind, (_, is))| wrong(**kind, *is));
    wrong.map(|(kind, (path, _))| Step::Entrust(*kind, path.clone()))
}

/// Whose a file of the hub's has to be.
pub fn wanted_rights(kind: FileKind, user: User) -> Rights {
    Rights {
        uid: if kind.is_secret() { user.uid } else { ROOT },
        gid: user.gid,
        mode: kind.mode(),
    }
}

fn run(observed: &Observed, new: bool) -> Vec<Step> {
    match observed.service.active {
        false if observed.service.failed => {
            vec![Step::ForgetFailures, Step::Start, Step::AwaitListening]
        }
        false => vec![Step::Start, Step::AwaitListening],
        true if new || observed.service.outdated => vec![Step::Restart, Step::AwaitListening],
        true => Vec::new(),
    }
}

/// The steps that take back what [`install`] did. `purge`: key, users and counters too.
pub fn uninstall(observed: &Observed, purge: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    let unit = observed.files.contains_key(place::UNIT);
    if unit && (observed.enabled || observed.service.active) {
        steps.push(Step::Disable);
    }
    if unit {
        steps.push(Step::Remove(place::UNIT.into()));
        steps.extend((!observed.image).then_some(Step::ReadUnits));
    } else if observed.enabled {
        steps.push(Step::Remove(place::ENABLED.into()));
    }
    if observed.files.contains_key(place::SYSUSERS) {
        steps.push(Step::Remove(place::SYSUSERS.into()));
    }
    if observed.program != Program::Absent && !observed.edge {
        steps.push(Step::Remove(place::PROGRAM.into()));
    }
    if purge {
        steps.extend(observed.folders.iter().copied().map(Step::Purge));
        // Not a person's account that happens to have the name.
        let system = observed.user.filter(|user| user.uid < FIRST_PERSON);
        steps.extend(system.map(|_| Step::DeleteUser));
    }
    steps
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
