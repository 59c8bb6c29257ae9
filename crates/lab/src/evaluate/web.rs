//! nginx on the origin.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::browser::Told;
use super::fixtures::{Certificate, Fixtures};
use super::site::Site;
use crate::rig::{Mode, Process};

/// nginx: the fixtures' documents by HTTP/1.1, by TLS and by HTTP/2, `PUT /upload/NAME`, and `/report?…`,
/// where pages in a browser say what they have measured.
#[derive(Debug)]
pub(super) struct Web {
    _process: Process,
    folder: PathBuf,
}

impl Web {
    const PORT: u16 = 8080;
    const TLS_PORT: u16 = 8443;

    pub(super) fn start(site: &Site, fixtures: &Fixtures, folder: &Path) -> anyhow::Result<Self> {
        let uploads = folder.join("upload");
        fs::create_dir_all(&uploads).context("cannot make a folder for uploads")?;
        let file = folder.join("nginx.conf");
        let text = configuration(folder, &fixtures.documents(), &fixtures.certificate()?);
        fs::write(&file, text).context("cannot write nginx' settings")?;
        // Without a hub MPTCP ends at the origin.
        let mut command = match site.setup.proxies() {
            Mode::Single => {
                let mut command = site.lasting_origin("mptcpize");
                command.args(["run", "nginx"]);
                command
            }
            Mode::Double => site.lasting_origin("nginx"),
        };
        command.args(["-e", "stderr", "-c"]).arg(&file);
        let process = Process::start("nginx", command, &folder.join("nginx.log"))?;
        site.wait_for_origin(&process, Self::PORT)?;
        Ok(Self {
            _process: process,
            folder: folder.to_owned(),
        })
    }

    pub(super) fn url(path: &str) -> String {
        format!("http://{}:{}/{path}", Site::origin_address(), Self::PORT)
    }

    pub(super) fn tls_url(path: &str) -> String {
        format!(
            "https://{}:{}/{path}",
            Site::origin_address(),
            Self::TLS_PORT
        )
    }

    /// What came as `PUT /upload/NAME`.
    pub(super) fn uploaded(&self, name: &str) -> PathBuf {
        self.folder.join("upload").join(name)
    }

    /// All that pages have told so far.
    pub(super) fn told(&self) -> anyhow::Result<Vec<Told>> {
        let path = self.folder.join("reports");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        text.lines().map(Told::parse).collect()
    }
}

/// Without `tcp_nopush`, which Debian sets: on an MPTCP socket of Linux 6.18 the last piece of an answer
/// waits for 200 ms then, if the connection is closed behind it.
fn configuration(folder: &Path, documents: &Path, certificate: &Certificate) -> String {
    let (folder, documents) = (folder.display(), documents.display());
    let (key, chain) = (certificate.key.display(), certificate.chain.display());
    let (port, tls_port) = (Web::PORT, Web::TLS_PORT);
    format!(
        "daemon off; master_process off; user root; pid {folder}/pid;
         events {{ worker_connections 1024; }}
         http {{
           access_log off; sendfile on;
           client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
           fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
           client_max_body_size 0; keepalive_requests 100000;
           log_format report $args;
           types {{
             text/html html; text/javascript js; image/bmp bmp;
             application/vnd.apple.mpegurl m3u8; video/mp4 mp4 m4s; video/mp2t ts;
           }}
           server {{
             listen {port};
             listen {tls_port} ssl http2;
             ssl_certificate {chain}; ssl_certificate_key {key};
             root {documents}; default_type application/octet-stream;
             add_header Cache-Control no-store;
             location /report {{ access_log {folder}/reports report; return 204; }}
             location /upload/ {{ root {folder}; dav_methods PUT; }}
           }}
         }}"
    )
}
