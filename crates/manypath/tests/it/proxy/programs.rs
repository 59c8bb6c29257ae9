//! Other programs than curl.

use std::fs;

use lab::rig::Rig;
use lab::topology::Node;

use crate::support::{Names, Nginx, body, command, output, proxy_spec, run, run_with};

const USERS: &str = "[proxy]\nusers = [{ name = \"ann\", password = \"secret\" }]";

#[test]
fn ncat() {
    let rig = Rig::up(proxy_spec()).unwrap();
    let _nginx = Nginx::start(rig.lab());
    for kind in ["socks4", "socks5", "http"] {
        // nginx takes a half-closed connection for one that nobody wants any more.
        let arguments = [
            "--no-shutdown",
            "--proxy",
            "172.22.0.1:1080",
            "--proxy-type",
            kind,
            "203.0.113.18",
            "8080",
        ];
        let request = b"GET /data HTTP/1.0\r\n\r\n";
        let ncat = command(rig.lab(), Node::Windows, "ncat", &arguments);
        let answer = run_with(ncat, request).ok_bytes();
        assert!(answer.ends_with(&body()), "{kind}: {} bytes", answer.len());
    }
}

#[test]
fn ncat_with_user_and_password() {
    let mut spec = proxy_spec();
    spec.edge_settings = USERS.into();
    let rig = Rig::up(spec).unwrap();
    let _nginx = Nginx::start(rig.lab());
    for kind in ["socks5", "http"] {
        let answer = |user: &str| {
            let arguments = [
                "--proxy",
                "172.22.0.1:1080",
                "--proxy-type",
                kind,
                "--proxy-auth",
                user,
                "203.0.113.18",
                "8080",
            ];
            let request = b"GET /whoami HTTP/1.0\r\n\r\n";
            run_with(
                command(rig.lab(), Node::Windows, "ncat", &arguments),
                request,
            )
        };
        assert!(answer("ann:secret").ok().ends_with("203.0.113.2"), "{kind}");
        assert_ne!(answer("ann:public").code, 0, "{kind}");
    }
}

const PYSOCKS: &str = r#"
import sys, socket, socks
kind, host, port, remote = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "remote"
s = socks.socksocket()
s.set_proxy(getattr(socks, kind), "172.22.0.1", 1080, rdns=remote)
s.settimeout(10)
try:
    s.connect((host, port))
except socks.ProxyError as error:
    print(error)
    sys.exit(7)
s.sendall(b"GET /whoami HTTP/1.0\r\n\r\n")
s.shutdown(socket.SHUT_WR)
answer = b""
while piece := s.recv(65536):
    answer += piece
print(answer.split(b"\r\n\r\n")[1].decode())
"#;

#[test]
fn pysocks() {
    let names = Names::new("hub", "203.0.113.18 origin.test\n");
    let mut spec = proxy_spec();
    spec.program = names.program();
    let rig = Rig::up(spec).unwrap();
    let _nginx = Nginx::start(rig.lab());
    // Debian's own, which has the package: another Python may come first in PATH.
    let python = |arguments: &[&str]| {
        let arguments = [&["-c", PYSOCKS], arguments].concat();
        run(rig.lab(), Node::Windows, "/usr/bin/python3", &arguments)
    };
    for kind in ["SOCKS4", "SOCKS5", "HTTP"] {
        let seen = python(&[kind, "203.0.113.18", "8080", "local"]).ok();
        assert_eq!(seen.trim(), "203.0.113.2", "{kind}");
        let seen = python(&[kind, "origin.test", "8080", "remote"]).ok();
        assert_eq!(seen.trim(), "203.0.113.2", "{kind}");
        assert_eq!(
            python(&[kind, "203.0.113.18", "84", "local"]).code,
            7,
            "{kind}"
        );
    }
    let seen = python(&["SOCKS5", "2001:db8:b::2", "8080", "remote"]).ok();
    assert!(seen.starts_with("2001:db8:a::"), "{seen}");
}

#[test]
fn proxychains() {
    let names = Names::new("hub", "203.0.113.18 origin.test\n");
    let mut spec = proxy_spec();
    spec.program = names.program();
    let rig = Rig::up(spec).unwrap();
    let _nginx = Nginx::start(rig.lab());
    let file = tempfile::NamedTempFile::new().unwrap();
    for kind in ["socks4", "socks5", "http"] {
        let text =
            format!("strict_chain\nproxy_dns\nquiet_mode\n[ProxyList]\n{kind} 172.22.0.1 1080\n");
        fs::write(file.path(), text).unwrap();
        for host in ["203.0.113.18", "origin.test"] {
            let url = format!("http://{host}:8080/whoami");
            let arguments = [
                "-q",
                "-f",
                file.path().to_str().unwrap(),
                "curl",
                "-sSf",
                &url,
            ];
            let seen = output(&rig, Node::Windows, "proxychains4", &arguments);
            assert_eq!(seen, "203.0.113.2", "{kind} {host}");
        }
    }
}
