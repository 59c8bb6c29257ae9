use std::time::Duration;

use super::*;

use Use::{Carries, Standby, Unused};

fn working(role: Role) -> Candidate {
    Candidate {
        role,
        up: true,
        drags: false,
        silent: None,
    }
}

fn dragging(role: Role) -> Candidate {
    Candidate {
        drags: true,
        ..working(role)
    }
}

fn gone(role: Role) -> Candidate {
    Candidate {
        up: false,
        ..working(role)
    }
}

fn silent(role: Role, since: Instant) -> Candidate {
    Candidate {
        silent: Some(since),
        ..gone(role)
    }
}

#[test]
fn all_active_ones_carry() {
    let active = working(Role::Active);
    assert_eq!(assign(&[active; 3]), [Carries; 3]);
    assert_eq!(assign(&[]), []);
}

#[test]
fn backups_take_over_in_their_order() {
    let backup = working(Role::Backup);
    assert_eq!(
        assign(&[backup, working(Role::Active), backup]),
        [Standby, Carries, Unused]
    );
    assert_eq!(
        assign(&[backup, gone(Role::Active), backup]),
        [Carries, Unused, Standby]
    );
    assert_eq!(
        assign(&[gone(Role::Backup), gone(Role::Active), backup]),
        [Unused, Unused, Carries]
    );
}

#[test]
fn one_that_drags_stands_by_before_the_backups() {
    let (active, backup) = (working(Role::Active), working(Role::Backup));
    let drags = dragging(Role::Active);
    assert_eq!(assign(&[backup, drags, active]), [Unused, Standby, Carries]);
    assert_eq!(
        assign(&[backup, drags, gone(Role::Active)]),
        [Standby, Carries, Unused]
    );
}

#[test]
fn what_is_off_is_not_used_even_when_nothing_else_works() {
    let now = Instant::now();
    let off = [working(Role::Off), silent(Role::Off, now)];
    assert_eq!(assign(&off), [Unused; 2]);
}

#[test]
fn while_none_works_the_one_given_up_last_carries() {
    let early = Instant::now();
    let late = early + Duration::from_secs(1);
    assert_eq!(
        assign(&[
            silent(Role::Active, early),
            silent(Role::Backup, late),
            gone(Role::Active),
        ]),
        [Unused, Carries, Unused]
    );
    assert_eq!(
        assign(&[silent(Role::Active, early), working(Role::Backup)]),
        [Unused, Carries]
    );
}

#[test]
fn of_those_given_up_at_once_the_preferred_one_carries() {
    let since = Instant::now();
    assert_eq!(
        assign(&[silent(Role::Active, since), silent(Role::Active, since)]),
        [Carries, Unused]
    );
}
