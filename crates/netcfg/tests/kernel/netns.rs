use std::fs;
use std::panic;

use netcfg::{InterfaceIndex, NetNs, NetNsError, Netlink};

use crate::{Namespace, chain};

const THIS_THREAD: &str = "/proc/thread-self/ns/net";

#[test]
fn run_returns_from_inside_and_leaves_the_caller_outside() {
    let outside = fs::read_link(THIS_THREAD).unwrap();
    let netns = NetNs::new().unwrap();
    let inside = netns.run(|| fs::read_link(THIS_THREAD).unwrap());
    assert_ne!(inside, outside);
    assert_eq!(fs::read_link(THIS_THREAD).unwrap(), outside);
    assert_eq!(netns.run(|| fs::read_link(THIS_THREAD).unwrap()), inside);
    assert_ne!(
        NetNs::new()
            .unwrap()
            .run(|| fs::read_link(THIS_THREAD).unwrap()),
        inside
    );
}

#[test]
fn run_passes_a_panic_on() {
    let netns = NetNs::new().unwrap();
    let result = panic::catch_unwind(|| netns.run(|| panic!("of the work")));
    assert_eq!(result.unwrap_err().downcast_ref(), Some(&"of the work"));
}

#[test]
fn threads_and_programs_live_inside() {
    let netns = NetNs::new().unwrap();
    let inside = netns.run(|| fs::read_link(THIS_THREAD).unwrap());
    let thread = netns.spawn("inside", || {
        let name = std::thread::current().name().map(str::to_owned);
        (name, fs::read_link(THIS_THREAD).unwrap())
    });
    assert_eq!(
        thread.unwrap().join().unwrap(),
        (Some("inside".to_owned()), inside.clone())
    );

    let mut command = netns.command("readlink");
    drop(netns);
    let output = command.arg("/proc/self/ns/net").output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim_end(),
        inside.to_str().unwrap()
    );
}

#[test]
fn a_namespace_is_opened_by_its_path_and_the_path_alone() {
    let netns = NetNs::new().unwrap();
    let mut child = netns
        .command("cat")
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let same = NetNs::open(format!("/proc/{}/ns/net", child.id())).unwrap();
    let inode = |netns: &NetNs| netns.run(|| fs::read_link(THIS_THREAD).unwrap());
    assert_eq!(inode(&same), inode(&netns));
    drop(child.stdin.take());
    child.wait().unwrap();

    let error = NetNs::open("/run/netns/there-is-no-such-one").unwrap_err();
    assert!(
        chain(&error).contains("/run/netns/there-is-no-such-one: No such file"),
        "{error}"
    );
    let error = NetNs::open("/proc/self/ns/uts")
        .unwrap()
        .try_run(|| ())
        .unwrap_err();
    assert!(matches!(error, NetNsError::Enter(_)), "{error}");
}

#[test]
fn a_socket_is_in_the_namespace_of_the_thread_that_opens_it() {
    let namespace = NetNs::new().unwrap();
    let links = namespace.run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let netlink = Netlink::new().unwrap();
            netlink.set_link_up(InterfaceIndex::LOOPBACK).await.unwrap();
            netlink.links().await.unwrap()
        })
    });
    assert_eq!(links.len(), 1);
    assert!(links[0].loopback && links[0].up && links[0].carrier);
    let shown = namespace
        .command("ip")
        .args(["-j", "link"])
        .output()
        .unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        shown[0]["flags"],
        serde_json::json!(["LOOPBACK", "UP", "LOWER_UP"])
    );
}

#[tokio::test]
async fn a_new_namespace_holds_a_loopback_that_is_down() {
    let namespace = Namespace::new();
    let links = namespace.ip_list("link");
    assert_eq!(links.len(), 1);
    assert_eq!(links[0]["ifname"], "lo");
    assert_eq!(links[0]["flags"], serde_json::json!(["LOOPBACK"]));
}
