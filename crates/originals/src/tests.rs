use std::collections::BTreeMap;
use std::path::PathBuf;

use netcfg::NetNs;
use tempfile::TempDir;

use super::*;

const KEY: &str = "net.ipv4.tcp_slow_start_after_idle";
const ADDRESS: &str = "127.0.0.9";

/// A namespace of the test's own, and a file.
struct Place {
    folder: TempDir,
    netns: NetNs,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            netns: NetNs::new().expect("a network namespace needs root"),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("run/test.originals")
    }

    /// A run of the program, which ends by being killed unless it restores.
    fn run<T: Send>(&self, act: impl AsyncFnOnce(Originals, PathManager) -> T + Send) -> T {
        self.netns.run(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let originals = Originals::load(&self.path()).unwrap();
                act(originals, PathManager::new().unwrap()).await
            })
        })
    }

    fn is(&self) -> String {
        self.netns.run(|| key().read().unwrap())
    }
}

fn key() -> Sysctl {
    Sysctl::new(KEY).unwrap()
}

fn limits(subflows: u32) -> Limits {
    Limits {
        subflows,
        add_addr_accepted: 1,
    }
}

fn spec(flags: EndpointFlags) -> EndpointSpec {
    EndpointSpec {
        address: ADDRESS.parse().unwrap(),
        port: None,
        interface: None,
        flags,
        id: None,
    }
}

async fn flags(path_manager: &PathManager) -> Vec<EndpointFlags> {
    let endpoints = path_manager.endpoints().await.unwrap();
    endpoints.iter().map(|endpoint| endpoint.flags).collect()
}

#[test]
fn the_oldest_value_survives_a_kill_and_a_second_run() {
    let place = Place::new();
    let before = place.run(async |mut originals, path_manager| {
        let before = path_manager.limits().await.unwrap();
        originals.set(&key(), "0").unwrap();
        originals
            .set_limits(&path_manager, limits(5))
            .await
            .unwrap();
        before
    });
    assert_eq!(place.is(), "0");
    let errors = place.run(async |mut originals, path_manager| {
        originals.set(&key(), "0").unwrap();
        originals
            .set_limits(&path_manager, limits(6))
            .await
            .unwrap();
        originals.restore(&path_manager).await
    });
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(place.is(), "1");
    let after = place.run(async |_, path_manager| path_manager.limits().await.unwrap());
    assert_eq!(after, before);
    assert!(!place.path().exists());
}

#[test]
fn what_others_have_set_since_is_left_to_them() {
    let place = Place::new();
    place.run(async |mut originals, path_manager| {
        originals.set(&key(), "0").unwrap();
        originals
            .set_limits(&path_manager, limits(5))
            .await
            .unwrap();
        path_manager.set_limits(limits(7)).await.unwrap();
        key().write("1").unwrap();
        assert!(originals.restore(&path_manager).await.is_empty());
        assert_eq!(path_manager.limits().await.unwrap(), limits(7));
    });
    assert_eq!(place.is(), "1");
}

#[test]
fn a_value_that_others_set_between_two_runs_is_the_one_to_go_back_to() {
    let place = Place::new();
    let rmem = Sysctl::new("net.ipv4.tcp_rmem").unwrap();
    place.run(async |mut originals, _| originals.set(&rmem, "4096 5000 6000").unwrap());
    place.netns.run(|| rmem.write("4096 7000 8000").unwrap());
    place.run(async |mut originals, path_manager| {
        originals.set(&rmem, "4096 5000 6000").unwrap();
        assert!(originals.restore(&path_manager).await.is_empty());
    });
    let is = place.netns.run(|| rmem.read().unwrap());
    assert!(same(&is, "4096 7000 8000"), "{is}");
}

#[test]
fn endpoints_of_a_killed_run_go_when_nobody_wants_them() {
    let place = Place::new();
    let signal = spec(EndpointFlags::SIGNAL);
    place.run(async |mut originals, path_manager| {
        originals
            .set_endpoints(&path_manager, std::slice::from_ref(&signal))
            .await
            .unwrap();
    });
    place.run(async |mut originals, path_manager| {
        originals
            .set_endpoints(&path_manager, std::slice::from_ref(&signal))
            .await
            .unwrap();
        assert_eq!(flags(&path_manager).await, [EndpointFlags::SIGNAL]);
    });
    place.run(async |mut originals, path_manager| {
        originals.set_endpoints(&path_manager, &[]).await.unwrap();
        assert_eq!(flags(&path_manager).await, []);
    });
    assert!(!place.path().exists());
}

#[test]
fn an_endpoint_that_was_there_before_comes_back() {
    let place = Place::new();
    place.run(async |mut originals, path_manager| {
        path_manager
            .add(&spec(EndpointFlags::SUBFLOW))
            .await
            .unwrap();
        let wanted = [spec(EndpointFlags::SIGNAL)];
        originals
            .set_endpoints(&path_manager, &wanted)
            .await
            .unwrap();
        assert_eq!(flags(&path_manager).await, [EndpointFlags::SIGNAL]);
        assert!(originals.restore(&path_manager).await.is_empty());
        assert_eq!(flags(&path_manager).await, [EndpointFlags::SUBFLOW]);
    });
}

#[test]
fn an_endpoint_of_the_administrators_that_serves_is_left_alone() {
    let place = Place::new();
    place.run(async |mut originals, path_manager| {
        let wanted = [spec(EndpointFlags::SIGNAL)];
        path_manager.add(&wanted[0]).await.unwrap();
        originals
            .set_endpoints(&path_manager, &wanted)
            .await
            .unwrap();
        assert!(originals.restore(&path_manager).await.is_empty());
        assert_eq!(flags(&path_manager).await, [EndpointFlags::SIGNAL]);
    });
}

#[test]
fn two_programs_never_keep_their_values_in_one_file() {
    let place = Place::new();
    let first = Originals::load(&place.path()).unwrap();
    let error = Originals::load(&place.path()).unwrap_err();
    assert!(matches!(error, OriginalsError::Running { .. }), "{error}");
    drop(first);
    drop(Originals::load(&place.path()).unwrap());
    let left = std::fs::read_dir(place.path().parent().unwrap()).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn nothing_is_changed_when_it_cant_be_written_down() {
    let place = Place::new();
    place.run(async |mut originals, _| {
        // A folder where the file should be: it can't be replaced.
        std::fs::create_dir_all(place.path().join("x")).unwrap();
        let error = originals.set(&key(), "0").unwrap_err();
        assert!(matches!(error, OriginalsError::File { .. }), "{error}");
    });
    assert_eq!(place.is(), "1");
}

#[test]
fn a_damaged_file_counts_as_none_and_gone_interfaces_are_no_error() {
    let place = Place::new();
    std::fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    std::fs::write(place.path(), "{ half").unwrap();
    let gone = Kept {
        former: "1".to_owned(),
        ours: "2".to_owned(),
    };
    place.run(async |mut originals, path_manager| {
        assert_eq!(originals.0.values, file::Values::default());
        originals.0.values.sysctls =
            BTreeMap::from([("net.ipv4.conf.gone0.rp_filter".to_owned(), gone)]);
        originals.0.save().unwrap();
        assert!(originals.restore(&path_manager).await.is_empty());
    });
    assert!(!place.path().exists());
}

#[test]
fn a_link_that_was_down_is_down_again_after_a_kill() {
    let place = Place::new();
    let lo = netcfg::InterfaceName::new("lo").unwrap();
    let is_up = async |netlink: &Netlink| netlink.links().await.unwrap()[0].up;
    place.run(async |mut originals, _| {
        let netlink = Netlink::new().unwrap();
        assert!(!is_up(&netlink).await);
        let index = InterfaceIndex::LOOPBACK;
        originals.set_up(&netlink, index, &lo).await.unwrap();
        assert!(is_up(&netlink).await);
    });
    place.run(async |mut originals, path_manager| {
        let netlink = Netlink::new().unwrap();
        assert_eq!(originals.take_down(&netlink).await.len(), 0);
        assert!(!is_up(&netlink).await);
        assert_eq!(originals.restore(&path_manager).await.len(), 0);
    });
    assert!(!place.path().exists());
}
