//! Every error of the hub's users file, as the user sees it.

use insta::assert_snapshot;
use settings::hub::UserFile;

const KEY: &str = "USERKEYUSERKEYUSERKEYUSERKEYUSERKEYUSERKEYA";
const OTHER_KEY: &str = "KEYOFUSERKEYOFUSERKEYOFUSERKEYOFUSERKEYOFUA";

fn errors(text: &str) -> String {
    UserFile::parse(text, "hub.users.toml")
        .expect_err("the text is wrong")
        .to_string()
}

#[test]
fn names_and_keys() {
    assert_snapshot!(errors("[[user]]\nname = 'alice'\n[[user]]\nkey = 'hunter2'\n[[user]]\n"), @r#"
    hub.users.toml:1:1: user[0]: the user has no key; leave out this table, and run: manypath hub user add NAME
    hub.users.toml:3:1: user[1]: the user has no name; add a line such as name = "alice"
    hub.users.toml:4:7: user[1].key: the user key has 7 bytes of text instead of 43; copy the whole of it (manypath hub user add NAME makes a user with a right one)
    hub.users.toml:5:1: user[2]: the user has no name; add a line such as name = "alice"
    hub.users.toml:5:1: user[2]: the user has no key; leave out this table, and run: manypath hub user add NAME
    "#);
    let twice = format!(
        "[[user]]\nname = 'alice'\nkey = '{KEY}'\n[[user]]\nname = 'alice'\nkey = '{OTHER_KEY}'\n\
         [[user]]\nname = 'bob'\nkey = '{KEY}'"
    );
    assert_snapshot!(errors(&twice), @r#"
    hub.users.toml:5:8: user[1].name: "alice" is the name of user[0].name (line 2) too; give each user an own name
    hub.users.toml:9:7: user[2].key: the key is that of user[0].key (line 3) too; give each user an own one: manypath hub user add NAME
    "#);
}

#[test]
fn limits_and_rules() {
    let text = format!(
        "[[user]]\nname = 'al ice'\nkey = '{KEY}'\nmax_connections = 0\nrate = '50 MB/s'\nallow = []\n\
         deny = ['203.0.113.1/24', 'hub.example:443', '2001:db8::/32:80', '0.0.0.0/0:0', 443]\n\
         max_conections = 1"
    );
    assert_snapshot!(errors(&text), @r#"
    hub.users.toml:2:8: user[0].name: "al ice" is no name for a user; write 1 to 64 letters, digits, '.', '_', '-' and '@', the first one a letter or digit, such as "alice"
    hub.users.toml:4:19: user[0].max_connections: 0 is out of range; write a whole number from 1 to 1000000
    hub.users.toml:5:8: user[0].rate: "50 MB/s" is no rate; write a whole number with kbit/s, Mbit/s or Gbit/s, such as "50 Mbit/s"
    hub.users.toml:6:9: user[0].allow: the list is empty, so the user could go nowhere; leave the key out to allow everything
    hub.users.toml:7:9: user[0].deny[0]: 203.0.113.1/24 is an address within a network; write "203.0.113.0/24" for the whole network or "203.0.113.1" for the address alone
    hub.users.toml:7:27: user[0].deny[1]: "hub.example:443" is no network, with or without ports; write "203.0.113.0/24", "0.0.0.0/0:443" or "[2001:db8::/32]:80-90"
    hub.users.toml:7:46: user[0].deny[2]: "2001:db8::/32:80" is no network, with or without ports; write "203.0.113.0/24", "0.0.0.0/0:443" or "[2001:db8::/32]:80-90"
    hub.users.toml:7:66: user[0].deny[3]: "0" is no port; write a number from 1 to 65535, or a range such as "6000-6010"
    hub.users.toml:7:81: user[0].deny[4]: a whole number is written where text in quotes belongs
    hub.users.toml:8:1: user[0].max_conections: there is no such key; did you mean max_connections?
    "#);
}

#[test]
fn what_is_no_users_file() {
    assert_snapshot!(errors("[[users]]\n"), @"
    hub.users.toml:1:3: users: there is no such key; did you mean user?
    ");
    assert_snapshot!(errors("user = 'alice'\n"), @"
    hub.users.toml:1:8: user: text is written where a list of tables, each under [[user]] in double brackets, belongs
    ");
    assert_snapshot!(errors("[[user]]\nname = "), @"
    hub.users.toml:2:8: this is not TOML: string values must be quoted, expected literal string
    ");
    assert_snapshot!(errors("alice:hunter2\n"), @"
    hub.users.toml:1:14: this is not TOML: key with no value, expected `=`
    ");
    let error = UserFile::load("/nonexistent/hub.users.toml")
        .unwrap_err()
        .to_string();
    assert!(error.contains(": cannot be read: "), "{error}");
}
