//! Endpoints and limits, compared with what `ip mptcp` shows.

use mptcp::{EndpointFlags, EndpointId, EndpointSpec, Limits, PathManager, PathManagerError};
use rustix::thread::CapabilitySet;

use crate::net::{inside, ip, namespace};

fn spec(address: &str, flags: EndpointFlags) -> EndpointSpec {
    let address = address.parse().unwrap();
    EndpointSpec {
        address,
        port: None,
        interface: None,
        flags,
        id: None,
    }
}

#[test]
fn endpoints_come_and_go() {
    let netns = namespace();
    inside(&netns, async || {
        let manager = PathManager::new().unwrap();
        assert_eq!(manager.endpoints().await.unwrap(), []);

        let four = EndpointSpec {
            interface: Some(1),
            id: Some(EndpointId(7)),
            ..spec("10.0.0.1", EndpointFlags::SUBFLOW | EndpointFlags::BACKUP)
        };
        let six = spec(
            "2001:db8::1",
            EndpointFlags::SUBFLOW | EndpointFlags::FULLMESH,
        );
        let port = EndpointSpec {
            port: Some(8443),
            ..spec("127.0.0.1", EndpointFlags::SIGNAL)
        };
        for spec in [&four, &six, &port] {
            manager.add(spec).await.unwrap();
        }

        let shown = ip(&netns, "mptcp endpoint show");
        assert!(
            shown.contains("10.0.0.1 id 7 subflow backup dev lo"),
            "{shown}"
        );
        assert!(
            shown.contains("2001:db8::1 id 8 subflow fullmesh"),
            "{shown}"
        );
        assert!(shown.contains("127.0.0.1 port 8443 id 9 signal"), "{shown}");
        let mut listed = manager.endpoints().await.unwrap();
        listed.sort_by_key(|endpoint| endpoint.id);
        for (endpoint, (spec, id)) in listed.iter().zip([(&four, 7), (&six, 8), (&port, 9)]) {
            assert_eq!(endpoint.id, EndpointId(id));
            assert_eq!(endpoint.address, spec.address);
            assert_eq!(endpoint.port, spec.port);
            assert_eq!(endpoint.interface, spec.interface);
            assert_eq!(endpoint.flags, spec.flags);
        }

        manager.delete(EndpointId(8)).await.unwrap();
        let shown = ip(&netns, "mptcp endpoint show");
        assert_eq!(shown.lines().count(), 2, "{shown}");
        assert!(!shown.contains("2001:db8::1"), "{shown}");
        manager.flush().await.unwrap();
        assert_eq!(ip(&netns, "mptcp endpoint show"), "");
    });
}

#[test]
fn flags_can_be_changed() {
    let netns = namespace();
    inside(&netns, async || {
        let manager = PathManager::new().unwrap();
        let subflow = EndpointFlags::SUBFLOW;
        manager.add(&spec("10.0.0.1", subflow)).await.unwrap();
        let id = manager.endpoints().await.unwrap()[0].id;
        for flags in [
            subflow | EndpointFlags::BACKUP,
            subflow | EndpointFlags::FULLMESH,
            subflow,
        ] {
            manager.set_flags(id, flags).await.unwrap();
            assert_eq!(manager.endpoints().await.unwrap()[0].flags, flags);
            let shown = ip(&netns, "mptcp endpoint show");
            assert_eq!(
                shown.contains("backup"),
                flags.contains(EndpointFlags::BACKUP),
                "{shown}"
            );
        }
    });
}

#[test]
fn limits_can_be_changed() {
    let netns = namespace();
    inside(&netns, async || {
        let manager = PathManager::new().unwrap();
        let limits = Limits {
            subflows: 5,
            add_addr_accepted: 3,
        };
        manager.set_limits(limits).await.unwrap();
        assert_eq!(manager.limits().await.unwrap(), limits);
        let shown = ip(&netns, "mptcp limits show");
        assert!(shown.contains("add_addr_accepted 3 subflows 5"), "{shown}");

        let limits = Limits {
            subflows: 9,
            add_addr_accepted: 0,
        };
        let error = manager.set_limits(limits).await.unwrap_err();
        assert!(
            matches!(error, PathManagerError::Limits { .. }),
            "{error:?}"
        );
    });
}

#[test]
fn errors_tell_what_is_the_matter() {
    let netns = namespace();
    inside(&netns, async || {
        let manager = PathManager::new().unwrap();
        let first = spec("10.0.0.1", EndpointFlags::SUBFLOW);
        manager.add(&first).await.unwrap();
        let there = manager.endpoints().await.unwrap().remove(0);

        let error = manager.add(&first).await.unwrap_err();
        let PathManagerError::Exists { existing, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*existing, there);
        assert!(error.to_string().contains("10.0.0.1"), "{error}");

        let same_id = EndpointSpec {
            id: Some(there.id),
            ..spec("10.0.0.2", first.flags)
        };
        let error = manager.add(&same_id).await.unwrap_err();
        let PathManagerError::IdTaken { existing, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*existing, there);

        let both = spec("10.0.0.3", EndpointFlags::SIGNAL | EndpointFlags::FULLMESH);
        let error = manager.add(&both).await.unwrap_err();
        let PathManagerError::Rejected {
            operation, reason, ..
        } = &error
        else {
            panic!("{error:?}")
        };
        assert!(operation.contains("10.0.0.3"), "{error}");
        assert!(
            reason.contains("both signal and fullmesh"),
            "the kernel's words: {error}"
        );

        for id in [EndpointId(99), EndpointId::INITIAL] {
            let error = manager.delete(id).await.unwrap_err();
            assert!(
                matches!(error, PathManagerError::NotFound { id: i } if i == id),
                "{error:?}"
            );
        }
        let error = manager
            .set_flags(EndpointId(99), first.flags)
            .await
            .unwrap_err();
        assert!(
            matches!(error, PathManagerError::NotFound { .. }),
            "{error:?}"
        );
    });
}

#[test]
fn a_ninth_endpoint_is_too_many() {
    let netns = namespace();
    inside(&netns, async || {
        let manager = PathManager::new().unwrap();
        for n in 1..=8 {
            manager
                .add(&spec(&format!("10.0.0.{n}"), EndpointFlags::SUBFLOW))
                .await
                .unwrap();
        }
        let error = manager
            .add(&spec("10.0.0.9", EndpointFlags::SUBFLOW))
            .await
            .unwrap_err();
        assert!(
            matches!(error, PathManagerError::TooMany { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("10.0.0.9"), "{error}");
    });
}

#[test]
fn without_the_capability_changes_are_not_permitted() {
    let netns = namespace();
    inside(&netns, async || {
        let mut sets = rustix::thread::capabilities(None).unwrap();
        sets.effective.remove(CapabilitySet::NET_ADMIN);
        sets.permitted.remove(CapabilitySet::NET_ADMIN);
        rustix::thread::set_capabilities(None, sets).unwrap();
        let manager = PathManager::new().unwrap();
        let error = manager
            .add(&spec("10.0.0.1", EndpointFlags::SUBFLOW))
            .await
            .unwrap_err();
        assert!(
            matches!(error, PathManagerError::NotPermitted { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("10.0.0.1"), "{error}");
        let error = PathManager::events().unwrap_err();
        assert!(error.to_string().contains("CAP_NET_ADMIN"), "{error}");
    });
}
