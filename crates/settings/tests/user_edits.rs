//! Editing the hub's users file: every comment and byte stays that an edit is not about.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use insta::assert_snapshot;
use proptest::prelude::*;
use settings::hub::{EditError, User, UserFile, UserName};
use wire::hub::UserKey;

struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hub.users.toml");
        fs::write(&path, text).expect("a file");
        Self {
            _folder: folder,
            path,
        }
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).expect("a file")
    }

    /// What an error says, without the path.
    fn says(&self, error: EditError) -> String {
        let path = self.path.display().to_string();
        error.to_string().replace(&path, "hub.users.toml")
    }

    fn names(&self) -> Vec<String> {
        let users = UserFile::load(&self.path).expect("a users file");
        users.iter().map(|user| user.name.to_string()).collect()
    }
}

fn name(text: &str) -> UserName {
    text.parse().expect("a name")
}

fn user(text: &str, key: u8) -> User {
    User::new(name(text), UserKey::from_bytes([key; 32]))
}

fn table(name: &str, key: u8) -> String {
    let key = UserKey::from_bytes([key; 32]);
    format!("[[user]]\nname = \"{name}\"\nkey = \"{key}\"\n")
}

/// With comments in every place that can have one.
fn commented() -> String {
    let key = |n| UserKey::from_bytes([n; 32]);
    format!(
        "# Our hub.\n\n# Alice's laptop\n  # and her phone\n[[user]] # first\n  name = 'alice' # the boss\n\
         key = \"{}\" \nrate='1 kbit/s'\n# after alice\n\n\n# Bob\n[[ user ]]\nkey = '{}'\nname = 'bob'\n\
         allow = [\n  '0.0.0.0/0:443', # web\n  # nothing else\n] # that's it\n\n[['user']]\nname = 'carol'\nkey = '{}'\n\n# the end",
        key(1),
        key(2),
        key(3),
    )
}

#[test]
fn adding_appends() {
    let file = File::new(&commented());
    let mut dave = user("dave", 4);
    dave.max_connections = 5;
    dave.rate = Some("50 Mbit/s".parse().expect("a rate"));
    dave.allow = vec!["[2001:db8::/32]:80-90".parse().expect("a rule")];
    dave.deny = vec![
        "0.0.0.0/0:25".parse().expect("a rule"),
        "::/0".parse().expect("a rule"),
    ];
    UserFile::add(&file.path, &dave).expect("it can be added");
    let text = file.text();
    let added = text.strip_prefix(&commented()).expect("all that was there");
    assert_snapshot!(added, @r#"


    [[user]]
    name = "dave"
    key = "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ"
    max_connections = 5
    rate = "50 Mbit/s"
    allow = ["[2001:db8::/32]:80-90"]
    deny = ["0.0.0.0/0:25", "::/0"]
    "#);
    let users = UserFile::load(&file.path).expect("a users file");
    assert_eq!(users.by_name(&name("dave")), Some(&dave));
    assert_eq!(file.names(), ["alice", "bob", "carol", "dave"]);
}

#[test]
fn removing_takes_the_user_and_the_comments_right_above() {
    let left = |who: &str| {
        let file = File::new(&commented());
        UserFile::remove(&file.path, &name(who)).expect("it can be removed");
        file.text()
    };
    let text = commented();
    let (alice, bob, carol, end) = (
        text.find("# Alice").expect("it is there"),
        text.find("# Bob").expect("it is there"),
        text.find("[['user").expect("it is there"),
        text.find("# the end").expect("it is there"),
    );
    let behind_alice = text.find("# after alice").expect("it is there");
    assert_eq!(
        left("alice"),
        format!("{}{}", &text[..alice], &text[behind_alice..])
    );
    assert_eq!(left("bob"), format!("{}{}", &text[..bob], &text[carol..]));
    assert_eq!(left("carol"), format!("{}{}", &text[..carol], &text[end..]));
}

#[test]
fn the_last_user_can_go() {
    let file = File::new("");
    UserFile::add(&file.path, &user("alice", 1)).expect("it can be added");
    assert_eq!(file.text(), table("alice", 1));
    UserFile::remove(&file.path, &name("alice")).expect("it can be removed");
    assert_eq!(file.text(), "");
    assert_eq!(file.names(), [""; 0]);
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_stay() {
    let text = format!(
        "\u{feff}# Our hub.\r\n{}",
        table("alice", 1).replace('\n', "\r\n")
    );
    let file = File::new(&text);
    UserFile::add(&file.path, &user("bob", 2)).expect("it can be added");
    let bob = table("bob", 2).replace('\n', "\r\n");
    assert_eq!(file.text(), format!("{text}\r\n{bob}"));
    UserFile::remove(&file.path, &name("bob")).expect("it can be removed");
    assert_eq!(file.text(), text);
}

#[test]
fn what_can_not_be_done_changes_nothing() {
    let file = File::new(&commented());
    let error = UserFile::add(&file.path, &user("bob", 9)).expect_err("there is one");
    assert_snapshot!(file.says(error), @"
    hub.users.toml: there is a user bob already; choose another name, or run first: manypath hub user remove bob
    ");
    let error = UserFile::add(&file.path, &user("dave", 2)).expect_err("it is bob's key");
    assert_snapshot!(file.says(error), @"
    hub.users.toml:29:7: user[3].key: the key is that of user[1].key (line 14) too; give each user an own one: manypath hub user add NAME
    ");
    let error = UserFile::remove(&file.path, &name("dave")).expect_err("there is none");
    assert_snapshot!(file.says(error), @"
    hub.users.toml: there is no user dave; the users are alice, bob, carol
    ");
    assert_eq!(file.text(), commented());

    for users in [
        "",
        "{ name = 'bob', key = 'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI' }",
    ] {
        let text = format!("user = [{users}]");
        let file = File::new(&text);
        let error = UserFile::add(&file.path, &user("alice", 1)).expect_err("it is a list");
        let says = file.says(error);
        assert!(says.contains("write a table [[user]] for each"), "{says}");
        assert_eq!(file.text(), text);
    }

    let broken = format!("{}\n[[user]]\nname = 'b b'\n", commented());
    let file = File::new(&broken);
    let error = UserFile::add(&file.path, &user("dave", 4)).expect_err("it is broken");
    assert_snapshot!(file.says(error), @r#"
    hub.users.toml:26:1: user[3]: the user has no key; leave out this table, and run: manypath hub user add NAME
    hub.users.toml:27:8: user[3].name: "b b" is no name for a user; write 1 to 64 letters, digits, '.', '_', '-' and '@', the first one a letter or digit, such as "alice"
    "#);
    assert_eq!(file.text(), broken);

    let gone = file.path.with_file_name("gone/users.toml");
    let error = UserFile::remove(&gone, &name("bob")).expect_err("there is no file");
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[test]
fn rights_stay_and_links_are_followed() {
    let file = File::new(&table("alice", 1));
    for mode in [0o600, 0o640, 0o664] {
        fs::set_permissions(&file.path, fs::Permissions::from_mode(mode)).expect("rights");
        let link = file.path.with_file_name(format!("link{mode}"));
        std::os::unix::fs::symlink(&file.path, &link).expect("a link");
        UserFile::add(&link, &user("bob", 2)).expect("it can be added");
        UserFile::remove(&file.path, &name("bob")).expect("it can be removed");
        let now = fs::metadata(&file.path)
            .expect("a file")
            .permissions()
            .mode()
            & 0o7777;
        assert_eq!(now, mode);
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    }
    let folder = file.path.parent().expect("a folder");
    assert_eq!(
        fs::read_dir(folder).expect("a folder").count(),
        4,
        "drafts stay behind"
    );
}

#[test]
fn new_files() {
    let file = File::new("");
    let path = file.path.with_file_name("new.toml");
    UserFile::create(&path, &user("alice", 1)).expect("it can be made");
    let text = fs::read_to_string(&path).expect("a file");
    assert!(text.starts_with("# Who may use this hub"), "{text}");
    assert!(
        text.ends_with(&format!("\n\n{}", table("alice", 1))),
        "{text}"
    );
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
    UserFile::create(&path, &user("bob", 2)).expect_err("there is one");
    assert_eq!(fs::read_to_string(&path).expect("a file"), text);
    UserFile::remove(&path, &name("alice")).expect("it can be removed");
    let left = fs::read_to_string(&path).expect("a file");
    assert!(
        text.starts_with(&left) && left.lines().count() == 7,
        "{left}"
    );
}

#[test]
fn editors_at_once_lose_nothing() {
    let file = File::new(&commented());
    std::thread::scope(|scope| {
        for editor in 0..8u8 {
            let path = &file.path;
            scope.spawn(move || {
                for i in 0..8 {
                    let who = format!("user{editor}.{i}");
                    UserFile::add(path, &user(&who, 10 + 8 * editor + i)).expect("it can be added");
                    if i % 2 == 1 {
                        UserFile::remove(path, &name(&who)).expect("it can be removed");
                    }
                }
            });
        }
    });
    assert_eq!(file.names().len(), 3 + 8 * 4);
    assert!(file.text().starts_with(&commented()));
}

/// Lines of a users file that mean nothing.
fn idle_lines() -> impl Strategy<Value = String> {
    prop::collection::vec("(# ?\\PC{0,9})? {0,2}", 0..4).prop_map(|lines| {
        let lines = lines.into_iter().map(|line| line + "\n");
        lines.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_file_keeps_the_lines_of_others(blocks in prop::collection::vec((idle_lines(), "[ \t]{0,2}", "( # \\PC{0,5})?"), 1..5), end in idle_lines(), which in 0..4usize) {
        let which = which % blocks.len();
        let blocks: Vec<(String, String)> = (0..).zip(&blocks).map(|(i, (above, indent, behind))| {
            (above.clone(), format!("{indent}[[user]]{behind}\n{indent}name = 'u{i}'{behind}\nkey = '{}'{behind}\n", UserKey::from_bytes([i; 32])))
        }).collect();
        let whole: String = blocks.iter().map(|(above, user)| format!("{above}{user}")).collect::<String>() + &end;
        let file = File::new(&whole);
        UserFile::add(&file.path, &user("new", 99)).expect("it can be added");
        prop_assert!(file.text().starts_with(&whole));
        UserFile::remove(&file.path, &name("new")).expect("it can be removed");
        let again = file.text();
        prop_assert_eq!(again.trim_end(), whole.trim_end());

        fs::write(&file.path, &whole).expect("a file");
        UserFile::remove(&file.path, &name(&format!("u{which}"))).expect("it can be removed");
        let users = file.names();
        prop_assert_eq!(users.len(), blocks.len() - 1);
        // Line by line nothing else is gone than the user, comments right above, and one blank line.
        let (above, removed) = &blocks[which];
        let right_above = above.lines().rev().take_while(|line| line.trim_start().starts_with('#')).count();
        let count = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
        prop_assert_eq!(count(&file.text()), count(&whole) - count(removed) - right_above);
        let lines = |text: &str| text.lines().count();
        let gone = lines(&whole) - lines(&file.text()) - lines(removed) - right_above;
        prop_assert!(gone <= 1, "{} blank lines are gone", gone);
    }
}
