use std::fs;

use super::*;

fn at(time: &str) -> SystemTime {
    humantime::parse_rfc3339(time).unwrap()
}

fn cap(keys: &str) -> Cap {
    let text = format!("[[uplink]]\ninterface = \"eth1\"\nmonthly_cap = \"1MB\"\n{keys}");
    let settings = settings::edge::Settings::parse(&text, "edge.toml").unwrap();
    settings.uplinks[0].cap.unwrap()
}

/// One that has no file.
fn empty() -> Allowance {
    let (allowance, warning) = Allowance::load(Path::new("/nonexistent/usage"));
    assert_eq!(warning, None);
    allowance
}

const NOW: &str = "2026-11-27T12:00:00Z";
const MINUTE: Duration = Duration::from_secs(60);

fn carried(allowance: &Allowance, name: &str) -> u64 {
    allowance.all().get(name).copied().unwrap_or_default()
}

#[test]
fn bytes_are_counted_from_the_first_look_on_and_by_uplink() {
    let (mut allowance, cap) = (empty(), cap(""));
    assert_eq!(carried(&allowance, "lte"), 0);
    for (counter, used) in [(5000, 0), (5000, 0), (6000, 1000), (1_004_999, 999_999)] {
        allowance.note("lte", counter, Some(&cap), at(NOW));
        assert_eq!(carried(&allowance, "lte"), used);
    }
    allowance.note("wifi", 7, None, at(NOW));
    allowance.note("wifi", 8, None, at(NOW));
    assert_eq!(carried(&allowance, "wifi"), 1);
    allowance.note("lte", 1_005_000, Some(&cap), at(NOW));
}

#[test]
fn a_counter_that_begins_anew_goes_on_from_nothing() {
    let mut allowance = empty();
    for (counter, used) in [(900, 0), (1000, 100), (0, 100), (30, 130), (29, 159)] {
        allowance.note("lte", counter, None, at(NOW));
        assert_eq!(carried(&allowance, "lte"), used, "{counter}");
    }
    allowance.note("lte", u64::MAX, None, at(NOW));
    allowance.note("lte", u64::MAX - 1, None, at(NOW));
    assert_eq!(carried(&allowance, "lte"), u64::MAX);
}

#[test]
fn it_is_counted_anew_on_the_caps_day() {
    let (mut allowance, cap) = (empty(), cap("cap_resets_on = 3\n"));
    for (time, counter, used) in [
        ("2026-11-27T12:00:00Z", 0, 0),
        ("2026-11-30T12:00:00Z", 10, 10),
        ("2026-12-02T23:59:59Z", 30, 30),
        ("2026-12-03T00:00:00Z", 35, 5),
        ("2027-01-02T12:00:00Z", 36, 6),
        // The edge did not run for months.
        ("2027-05-01T12:00:00Z", 40, 4),
        ("2027-05-03T12:00:00Z", 41, 1),
    ] {
        allowance.note("lte", counter, Some(&cap), at(time));
        assert_eq!(carried(&allowance, "lte"), used, "{time}");
    }
    let next = |time| next_reset(&cap, at(time)).to_string();
    assert_eq!(next("2026-12-02T23:59:59Z"), "2026-12-03");
    assert_eq!(next("2026-12-03T00:00:00Z"), "2027-01-03");
}

#[test]
fn without_a_cap_it_is_counted_anew_on_the_first() {
    let mut allowance = empty();
    allowance.note("lte", 0, None, at(NOW));
    allowance.note("lte", 7, None, at("2026-11-30T23:59:59Z"));
    assert_eq!(carried(&allowance, "lte"), 7);
    allowance.note("lte", 8, None, at("2026-12-01T00:00:00Z"));
    assert_eq!(carried(&allowance, "lte"), 1);
}

/// Machines without a battery start in 1970, until they know better.
#[test]
fn a_clock_that_is_behind_forgets_nothing() {
    let mut allowance = empty();
    for (time, counter) in [(NOW, 0), (NOW, 10), ("1970-01-01T00:00:09Z", 12), (NOW, 15)] {
        allowance.note("lte", counter, None, at(time));
    }
    assert_eq!(carried(&allowance, "lte"), 15);
}

#[test]
fn what_is_saved_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage");
    let (mut allowance, warning) = Allowance::load(&path);
    assert_eq!(warning, None);
    allowance.save().unwrap();
    assert!(!path.exists(), "nothing to write down");
    allowance.note("lte", 100, None, at(NOW));
    allowance.note("lte", 140, None, at(NOW));
    allowance.save().unwrap();
    let (mut again, warning) = Allowance::load(&path);
    assert_eq!((carried(&again, "lte"), warning), (40, None));
    // The interface went on counting, and then the machine was started anew.
    again.note("lte", 150, None, at(NOW));
    again.note("lte", 7, None, at(NOW));
    assert_eq!(carried(&again, "lte"), 57);
    again.note("lte", 8, None, at("2026-12-05T00:00:00Z"));
    assert_eq!(carried(&again, "lte"), 1);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn the_file_is_written_once_a_minute_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage");
    let (mut allowance, _) = Allowance::load(&path);
    let in_file = || carried(&Allowance::load(&path).0, "lte");
    let mut now = at(NOW);
    let mut step = |counter, later| {
        now += later;
        allowance.note("lte", counter, None, now);
        allowance.save_if_needed(now).unwrap();
        in_file()
    };
    step(0, Duration::ZERO);
    assert_eq!(step(10, MINUTE / 2), 0);
    assert_eq!(step(20, MINUTE / 2), 20);
    assert_eq!(step(30, MINUTE / 2), 20);
    // A clock that was set back does not stop it.
    let before = at("2026-11-01T00:00:00Z");
    allowance.save_if_needed(before).unwrap();
    assert_eq!(in_file(), 30);
    allowance.note("lte", 40, None, before);
    allowance.save().unwrap();
    assert_eq!(in_file(), 40);
}

#[test]
fn a_broken_file_is_kept_aside_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage");
    let aside = folder.path().join("usage.broken");
    for broken in [
        "",
        "{\"lte\":{\"since\":\"2026-11-31\",\"used\":1,\"counter\":2}}",
        "{\"lte\":{\"since\":\"2026-11-01\",\"used\":-1,\"counter\":2}}",
        "\u{0}\u{0}",
    ] {
        fs::write(&path, broken).unwrap();
        let (mut allowance, warning) = Allowance::load(&path);
        let warning = warning.expect("it is broken");
        let words = format!("it is kept as {}", aside.display());
        assert!(warning.ends_with(&words), "{warning}");
        assert_eq!(carried(&allowance, "lte"), 0);
        assert_eq!(fs::read_to_string(&aside).unwrap(), broken);
        allowance.note("lte", 1, None, at(NOW));
        allowance.note("lte", 3, None, at(NOW));
        allowance.save().unwrap();
        assert_eq!(carried(&Allowance::load(&path).0, "lte"), 2);
    }
}

#[test]
fn a_folder_that_cannot_be_made_costs_the_numbers_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later/usage");
    fs::write(folder.path().join("later"), "a file").unwrap();
    let mut allowance = Allowance::load(&path).0;
    let now = at(NOW);
    allowance.note("lte", 1, None, now);
    allowance.note("lte", 3, None, now);
    allowance.save_if_needed(now).unwrap_err();
    fs::remove_file(folder.path().join("later")).unwrap();
    // Not tried again and again.
    allowance.save_if_needed(now).unwrap();
    assert!(!path.exists());
    allowance.save_if_needed(now + MINUTE).unwrap();
    assert_eq!(carried(&Allowance::load(&path).0, "lte"), 2);
    assert_eq!(carried(&allowance, "lte"), 2);
}
