//! A web server that many use, as origin.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use lab::rig::Process;
use lab::topology::{Lab, Node, addresses};
use tempfile::TempDir;

use super::{eventually, http_get};

/// nginx on the origin, until dropped. It serves `/data` ([`body`]), `/chunked` (the same, chunked when
/// asked for gzip), `PUT /upload/…`, and `/whoami` (the address that it sees).
pub struct Nginx {
    _process: Process,
    folder: TempDir,
}

impl Nginx {
    /// Where it listens, beside what it was asked for.
    pub const PORT: u16 = 8080;

    pub fn start(lab: &Lab) -> Self {
        Self::start_with(lab, "nginx", &[])
    }

    /// Listens on more ports. `program` is nginx, or what makes it speak MPTCP.
    pub fn start_with(lab: &Lab, program: &str, ports: &[u16]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let www = folder.path().join("www");
        fs::create_dir_all(www.join("upload")).expect("a folder");
        for name in ["data", "chunked"] {
            fs::write(www.join(name), body()).expect("a file");
        }
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration(folder.path(), ports)).expect("a file");
        let mut command = lab.command(Node::Origin, "sh");
        command.args([
            "-c",
            &format!("exec {program} -e stderr -c {}", file.display()),
        ]);
        let log = folder.path().join("log");
        let process = Process::start("nginx", command, &log).expect("nginx starts");
        let address = SocketAddr::from((addresses::ORIGIN.ipv4(), Self::PORT));
        eventually("nginx answers", || {
            assert!(!process.has_ended(), "{}", process.log_tail());
            let ready = lab
                .namespace(Node::Origin)
                .run(|| http_get(address, "/whoami"));
            ready.ok()
        });
        Self {
            _process: process,
            folder,
        }
    }

    /// What was uploaded as `/upload/NAME`.
    pub fn uploaded(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join("www/upload").join(name)).unwrap_or_default()
    }
}

/// What `/data` holds: a mebibyte without repetition.
pub fn body() -> Vec<u8> {
    let mut state = 0x4d50_u64;
    let step = |_| {
        // xorshift64 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..1 << 17).flat_map(step).collect()
}

fn configuration(folder: &Path, ports: &[u16]) -> String {
    let folder = folder.display();
    let listen: String = [Nginx::PORT]
        .iter()
        .chain(ports)
        .map(|port| format!("listen {port}; listen [::]:{port};\n"))
        .collect();
    format!(
        "daemon off; master_process off; user root; pid {folder}/pid;
         events {{ worker_connections 1024; }}
         http {{
           access_log off;
           client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
           fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
           client_max_body_size 0; keepalive_requests 100000;
           server {{
             {listen}
             root {folder}/www; default_type application/octet-stream;
             location /whoami {{ default_type text/plain; return 200 $remote_addr; }}
             location /connection {{ default_type text/plain; return 200 $connection; }}
             location /chunked {{ gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; }}
             location /upload/ {{ dav_methods PUT; }}
           }}
         }}"
    )
}
