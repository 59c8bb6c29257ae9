//! Errors of the host's file, as the user sees them. Those of the tables that the edge's file has, too, are in
//! `edge_errors.rs`.

use insta::assert_snapshot;
use settings::host::Settings;

/// What is wrong with the text.
fn errors(text: &str) -> String {
    Settings::parse(text, "settings.toml")
        .expect_err("the text is wrong")
        .to_string()
}

/// What is wrong with rules, each given by the lines of its table.
fn rules(tables: &[&str]) -> String {
    let tables = tables.iter().map(|lines| format!("[[uplink]]\n{lines}\n"));
    errors(&tables.collect::<String>())
}

#[test]
fn what_is_taken_in() {
    assert_snapshot!(errors("capture = \"al\"\nset_proxy = 1"), @r#"
    settings.toml:1:11: capture: "al" is not known here; write "all" or "proxy"
    settings.toml:2:13: set_proxy: a whole number is written where true or false belongs
    "#);
    assert_snapshot!(errors("set_proxy = true"), @r#"
    settings.toml:1:13: set_proxy: with capture = "all" no program needs a proxy; leave this key out, or write capture = "proxy"
    "#);
    assert_snapshot!(errors("capture = \"all\"\nset_proxy = true"), @r#"
    settings.toml:2:13: set_proxy: with capture = "all" no program needs a proxy; leave this key out, or write capture = "proxy"
    "#);
}

#[test]
fn which_adapters() {
    assert_snapshot!(errors("uplinks = \"some\""), @r#"
    settings.toml:1:11: uplinks: "some" is not known here; write "all" or "listed"
    "#);
    assert_snapshot!(errors("uplinks = \"listed\""), @r#"
    settings.toml:1:11: uplinks: no network adapter is listed, so nothing could leave; add a table [[uplink]] with a line such as adapter = "Wi-Fi", or write "all"
    "#);
    assert_snapshot!(errors("[uplink]\nadapter = \"Wi-Fi\""), @"
    settings.toml:1:1: uplink: a table is written where a list of tables, each under [[uplink]] in double brackets, belongs
    ");
    assert_snapshot!(errors("uplink = [\"Wi-Fi\"]"), @"
    settings.toml:1:11: uplink[0]: text is written where a table, with its name in brackets and a line for each key, belongs
    ");
    assert_snapshot!(rules(&["role = \"backup\"", "adapter = \"\"\ninterface = \"eth1\""]), @r#"
    settings.toml:1:1: uplink[0]: nothing says which network adapter this is for; add a line such as adapter = "Wi-Fi"
    settings.toml:4:11: uplink[1].adapter: the name is empty; write the adapter's name in Windows, such as "Wi-Fi", or a pattern such as "Ethernet*"
    settings.toml:5:1: uplink[1].interface: there is no such key; the keys here are adapter, name, role, metered, monthly_cap, after_cap, cap_resets_on, ipv6
    "#);
    assert_snapshot!(rules(&["adapter = 2", "adapter = \"a\\tb\"", "adapter = \"{1-2}\""]), @r#"
    settings.toml:2:11: uplink[0].adapter: a whole number is written where text in quotes belongs
    settings.toml:4:11: uplink[1].adapter: no adapter's name holds '\t'; write the name as `Get-NetAdapter` shows it
    settings.toml:6:11: uplink[2].adapter: "{1-2}" starts as a GUID and is none; write it as `Get-NetAdapter | Format-List Name, InterfaceGuid` shows it
    "#);
}

#[test]
fn what_an_uplink_does() {
    assert_snapshot!(rules(&["adapter = \"5G\"\nrole = \"standby\"\nmetered = \"yes\"\nafter_cap = \"off\"\nipv6 = 4"]), @r#"
    settings.toml:3:8: uplink[0].role: "standby" is not known here; write "active", "backup" or "off"
    settings.toml:4:11: uplink[0].metered: text is written where true or false belongs
    settings.toml:5:13: uplink[0].after_cap: there is no monthly_cap that this could be about; add a line such as monthly_cap = "50GB", or leave this key out
    settings.toml:6:8: uplink[0].ipv6: a whole number is written where true or false belongs
    "#);
}

#[test]
fn rules_that_get_into_each_others_way() {
    assert_snapshot!(rules(&["adapter = \"Wi-Fi\"", "adapter = \"Wi-Fi\"\nrole = \"off\""]), @r#"
    settings.toml:4:11: uplink[1].adapter: "Wi-Fi" is the adapter of uplink[0] (line 2) too; join the two
    "#);
    let id = "7a08391f-f5a0-4ac0-9802-d13fd964f8df";
    let (plain, braced) = (
        format!("adapter = \"{id}\""),
        format!("adapter = \"{{{id}}}\""),
    );
    assert_snapshot!(rules(&[&plain, &braced.to_uppercase().replace("ADAPTER", "adapter")]), @r#"
    settings.toml:4:11: uplink[1].adapter: "7a08391f-f5a0-4ac0-9802-d13fd964f8df" is the adapter of uplink[0] (line 2) too; join the two
    "#);
    assert_snapshot!(rules(&["adapter = \"Ethernet*\"", "adapter = \"Ethernet 2\""]), @r#"
    settings.toml:4:11: uplink[1].adapter: "Ethernet 2" fits the pattern "Ethernet*" of uplink[0] (line 2) already, and the first rule counts; move this uplink before that one
    "#);
    assert_snapshot!(rules(&["adapter = \"Ethernet*\"\nname = \"lan\""]), @r#"
    settings.toml:3:8: uplink[0].name: "Ethernet*" can match several adapters, which cannot all have this name; leave the name out, or write the adapter's full name
    "#);
    assert_snapshot!(rules(&["adapter = \"WLAN\"", "adapter = \"LAN\"\nname = \"WLAN\"", &format!("{plain}\nname = \"WLAN\"")]), @r#"
    settings.toml:5:8: uplink[1].name: "WLAN" is the name of uplink[0] (line 2) too; give each uplink its own
    settings.toml:8:8: uplink[2].name: "WLAN" is the name of uplink[0] (line 2) too; give each uplink its own
    "#);
}

#[test]
fn the_guest() {
    let guest = |lines: &str| errors(&format!("[guest]\n{lines}"));
    assert_snapshot!(guest("distribution = \"Many path\"\nmanage_wslconfig = 0"), @r#"
    settings.toml:2:16: guest.distribution: "Many path" is no name that WSL takes; write 1 to 64 letters, digits, '.', '_' and '-', such as "Manypath"
    settings.toml:3:20: guest.manage_wslconfig: a whole number is written where true or false belongs
    "#);
    assert_snapshot!(guest("distribution = \"Legacy\""), @r#"
    settings.toml:2:16: guest.distribution: WSL keeps the name "Legacy" for itself; write another one, such as "Manypath"
    "#);
    assert_snapshot!(guest("kernel = 'C:\\kernel\\bzImage'"), @"
    settings.toml:2:10: guest.kernel: WSL needs a kernel and its modules, and kernel_modules is not there; add it, or leave this key out
    ");
    assert_snapshot!(guest("kernel_modules = 'modules.vhdx'"), @r#"
    settings.toml:2:18: guest.kernel_modules: WSL needs a kernel and its modules, and kernel is not there; add it, or leave this key out
    settings.toml:2:18: guest.kernel_modules: the path "modules.vhdx" does not start with a drive; write it such as "C:\ProgramData\kernel", in single quotes
    "#);
    assert_snapshot!(guest("kernel = 'C:\\Jürgen\\bzImage'\nkernel_modules = '\\\\server\\modules.vhdx'"), @r#"
    settings.toml:2:10: guest.kernel: the path "C:\\Jürgen\\bzImage" holds 'ü', and WSL reads nothing but ASCII in .wslconfig; put the file into a folder without such characters, such as one below C:\ProgramData, in single quotes
    settings.toml:3:18: guest.kernel_modules: the path "\\\\server\\modules.vhdx" does not start with a drive; write it such as "C:\ProgramData\kernel", in single quotes
    "#);
}

#[test]
fn tables_of_the_edges_file() {
    assert_snapshot!(errors("host = {}\ncontrol = {}\nusage = \"/u\"\n[out]\nhub = \"hub\"\n[proxy]\nport = 0\n[bypass]\nports = [0]\n[mptcp]\nsubflows = 9\n[guest]\nkernels = 1"), @r#"
    settings.toml:1:1: host: there is no such key; the keys here are capture, set_proxy, uplinks, uplink, proxy, out, bypass, rule, dns, portal, mptcp, guest
    settings.toml:2:1: control: there is no such key; the keys here are capture, set_proxy, uplinks, uplink, proxy, out, bypass, rule, dns, portal, mptcp, guest
    settings.toml:3:1: usage: there is no such key; the keys here are capture, set_proxy, uplinks, uplink, proxy, out, bypass, rule, dns, portal, mptcp, guest
    settings.toml:5:7: out.hub: the address starts neither with manypath:// nor with socks5://; write the hub's link, or "socks5://user:password@host:port"
    settings.toml:7:8: proxy.port: 0 is out of range; write a whole number from 1 to 65535
    settings.toml:9:10: bypass.ports[0]: 0 is out of range; write a whole number from 1 to 65535
    settings.toml:11:12: mptcp.subflows: 9 is out of range; write a whole number from 0 to 8
    settings.toml:13:1: guest.kernels: there is no such key; did you mean kernel?
    "#);
}

#[test]
fn a_mark_that_windows_puts_before_the_text_moves_nothing() {
    assert_snapshot!(errors("\u{feff}capture = 1\r\nuplinks = 2"), @"
    settings.toml:1:11: capture: a whole number is written where text in quotes belongs
    settings.toml:2:11: uplinks: a whole number is written where text in quotes belongs
    ");
}
