use netcfg::{Family, Sysctl, SysctlError};

use crate::{Namespace, chain, name};

#[tokio::test]
async fn a_setting_is_that_of_the_threads_namespace() {
    let (one, other) = (Namespace::new(), Namespace::new());
    let forward = Sysctl::new("net.ipv4.ip_forward").unwrap();
    one.netns.run(|| forward.write(1)).unwrap();
    other.netns.run(|| forward.write("0")).unwrap();
    assert_eq!(one.netns.run(|| forward.read()).unwrap(), "1");
    assert_eq!(other.netns.run(|| forward.read()).unwrap(), "0");
    let shown = one
        .netns
        .command("sysctl")
        .args(["-n", "net.ipv4.ip_forward"])
        .output();
    assert_eq!(shown.unwrap().stdout, b"1\n");
}

#[tokio::test]
async fn an_interface_may_have_dots_in_its_name() {
    let (namespace, _) = Namespace::with_link("wan.5").await;
    for family in [Family::V4, Family::V6] {
        let forwarding = Sysctl::of_interface(family, &name("wan.5"), "forwarding").unwrap();
        namespace.netns.run(|| forwarding.write(1)).unwrap();
        assert_eq!(namespace.netns.run(|| forwarding.read()).unwrap(), "1");
    }
    let shown = namespace
        .netns
        .command("cat")
        .arg("/proc/sys/net/ipv4/conf/wan.5/forwarding")
        .output();
    assert_eq!(shown.unwrap().stdout, b"1\n");
}

#[tokio::test]
async fn errors_name_the_setting_and_the_value() {
    let namespace = Namespace::new();
    let unknown = Sysctl::new("net.mptcp.there_is_no_such_one").unwrap();
    for error in [
        namespace.netns.run(|| unknown.read()).unwrap_err(),
        namespace.netns.run(|| unknown.write(1)).unwrap_err(),
    ] {
        assert!(matches!(error, SysctlError::NotFound { .. }), "{error}");
        assert_eq!(
            error.to_string(),
            "this kernel has no setting net.mptcp.there_is_no_such_one"
        );
    }
    let forward = Sysctl::new("net.ipv4.ip_forward").unwrap();
    let error = namespace.netns.run(|| forward.write("maybe")).unwrap_err();
    let text = chain(&error);
    let wanted = "cannot set the kernel setting net.ipv4.ip_forward to \"maybe\": Invalid argument";
    assert!(text.starts_with(wanted), "{text}");
}
