use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::observe::Service;
use super::*;

const HUB: User = User { uid: 990, gid: 989 };

/// A server that has nothing.
fn bare() -> Observed {
    let settings = settings::hub::Settings::default();
    let absent = |kind: FileKind| Some((kind, (kind.path(&settings)?.to_owned(), None)));
    Observed {
        entrusted: FileKind::ALL.into_iter().filter_map(absent).collect(),
        ..Observed::default()
    }
}

/// A server that has everything, and is running.
fn installed() -> Observed {
    let entrusted = bare().entrusted.into_iter();
    let right = |(kind, (path, _))| (kind, (path, Some(wanted_rights(kind, HUB))));
    Observed {
        program: Program::Same,
        files: BTreeMap::from([
            (place::UNIT, unit(false)),
            (place::SYSUSERS, SYSUSERS.to_owned()),
        ]),
        user: Some(HUB),
        folder: Some(Rights {
            uid: 0,
            gid: HUB.gid,
            mode: 0o750,
        }),
        entrusted: entrusted.map(right).collect(),
        enabled: true,
        service: Service {
            active: true,
            ..Service::default()
        },
        left: vec!["/etc/manypath/hub.key".into()],
        folders: vec![place::FOLDER, place::STATE],
        ..Observed::default()
    }
}

fn words(steps: &[Step]) -> Vec<String> {
    steps.iter().map(Step::to_string).collect()
}

#[test]
fn a_bare_server_gets_everything_in_an_order_that_works() {
    let steps = install(&bare());
    insta::assert_snapshot!(words(&steps).join("\n"), @r"
    copy this program to /usr/local/bin/manypath
    write /usr/local/lib/sysusers.d/manypath-hub.conf
    make the system user manypath
    make /etc/manypath (mode 0750, of root and the group manypath)
    make the hub's key, settings and first user
    give /etc/manypath/hub.toml to manypath (mode 0640)
    give /etc/manypath/hub.key to manypath (mode 0600)
    give /etc/manypath/hub.users.toml to manypath (mode 0640)
    write /usr/local/lib/systemd/system/manypath-hub.service
    have systemd read its units again
    have manypath-hub.service start with the machine
    start manypath-hub.service
    wait until the hub listens
    ");
    let Some(Step::Write { text, .. }) = steps.iter().rfind(|it| matches!(it, Step::Write { .. }))
    else {
        panic!("no unit");
    };
    assert!(text.contains("\nExecStart=/usr/local/bin/manypath hub --settings "));
    assert!(!text.contains(place::PACKAGED_PROGRAM));
}

#[test]
fn an_installed_hub_needs_nothing() {
    assert_eq!(install(&installed()), []);
}

#[test]
fn each_difference_is_mended_alone() {
    let mended = |change: fn(&mut Observed)| {
        let mut observed = installed();
        change(&mut observed);
        words(&install(&observed))
    };
    let restart = "restart manypath-hub.service; connections may go on for as long as `drain` says";
    let wait = "wait until the hub listens";
    assert_eq!(
        mended(|it| it.program = Program::Other),
        [
            "copy this program to /usr/local/bin/manypath",
            restart,
            wait
        ]
    );
    // Somebody was interrupted between the copy and the restart.
    assert_eq!(mended(|it| it.service.outdated = true), [restart, wait]);
    assert_eq!(
        mended(|it| it.service.unread = true),
        ["have systemd read its units again"]
    );
    assert_eq!(
        mended(|it| it.service.active = false),
        ["start manypath-hub.service", wait]
    );
    let fail = |it: &mut Observed| {
        it.service.active = false;
        it.service.failed = true;
    };
    assert_eq!(
        mended(fail),
        [
            "have systemd forget that manypath-hub.service has failed",
            "start manypath-hub.service",
            wait
        ]
    );
    assert_eq!(
        mended(|it| it.enabled = false),
        ["have manypath-hub.service start with the machine"]
    );
    let read_by_all = |it: &mut Observed| {
        let (_, rights) = it.entrusted.get_mut(&FileKind::Key).expect("it is there");
        *rights = rights.map(|is| Rights { mode: 0o644, ..is });
    };
    assert_eq!(
        mended(read_by_all),
        ["give /etc/manypath/hub.key to manypath (mode 0600)"]
    );
    assert_eq!(
        mended(|it| it.folder = it.folder.map(|is| Rights { gid: 0, ..is })),
        ["make /etc/manypath (mode 0750, of root and the group manypath)"]
    );
}

#[test]
fn passwords_of_socks5_users_are_guarded_where_there_are_any() {
    let mut observed = installed();
    let loose = Rights {
        uid: 0,
        gid: 0,
        mode: 0o644,
    };
    let path = PathBuf::from("/etc/manypath/hub.socks5.users");
    let found = (path.clone(), Some(loose));
    observed.entrusted.insert(FileKind::Socks5Users, found);
    assert_eq!(
        install(&observed),
        [Step::Entrust(FileKind::Socks5Users, path)]
    );
}

#[test]
fn an_interrupted_init_is_done_again() {
    let mut observed = installed();
    let (_, users) = observed
        .entrusted
        .get_mut(&FileKind::Users)
        .expect("it is there");
    *users = None;
    let steps = words(&install(&observed));
    assert_eq!(
        steps,
        [
            "make the hub's key, settings and first user",
            "give /etc/manypath/hub.users.toml to manypath (mode 0640)"
        ]
    );
}

#[test]
fn a_packaged_program_is_used_where_it_is() {
    let steps = install(&Observed {
        packaged: true,
        ..bare()
    });
    assert!(!steps.contains(&Step::CopyProgram), "{steps:?}");
    let unit = unit(true);
    assert!(unit.contains("\nExecStart=/usr/bin/manypath hub"));
    assert!(steps.contains(&Step::Write {
        path: place::UNIT,
        text: unit
    }));
}

#[test]
fn nothing_is_run_and_no_key_made_on_an_image() {
    let steps = install(&Observed {
        image: true,
        ..bare()
    });
    for never in [
        Step::Initialise,
        Step::ReadUnits,
        Step::Start,
        Step::Restart,
        Step::AwaitListening,
    ] {
        assert!(!steps.contains(&never), "{steps:?}");
    }
    assert!(steps.contains(&Step::Enable), "{steps:?}");
}

#[test]
fn uninstalling_keeps_what_can_not_be_made_again() {
    let steps = uninstall(&installed(), false);
    insta::assert_snapshot!(words(&steps).join("\n"), @r"
    stop manypath-hub.service and disable it
    delete /usr/local/lib/systemd/system/manypath-hub.service
    have systemd read its units again
    delete /usr/local/lib/sysusers.d/manypath-hub.conf
    delete /usr/local/bin/manypath
    ");
}

#[test]
fn purging_takes_the_rest() {
    let steps = uninstall(&installed(), true);
    let kept = uninstall(&installed(), false);
    insta::assert_snapshot!(words(&steps[kept.len()..]).join("\n"), @r"
    delete the hub's files in /etc/manypath, and the folder unless it has others
    delete the hub's files in /var/lib/manypath, and the folder unless it has others
    delete the system user manypath
    ");
}

#[test]
fn uninstalling_again_has_nothing_to_do() {
    assert_eq!(uninstall(&Observed::default(), false), []);
    assert_eq!(uninstall(&Observed::default(), true), []);
}

#[test]
fn an_edge_keeps_the_program_and_a_person_keeps_the_account() {
    let mut observed = installed();
    observed.edge = true;
    observed.user = Some(User {
        uid: 1000,
        gid: 1000,
    });
    let steps = uninstall(&observed, true);
    assert!(
        !steps.contains(&Step::Remove(place::PROGRAM.into())),
        "{steps:?}"
    );
    assert!(!steps.contains(&Step::DeleteUser), "{steps:?}");
}
