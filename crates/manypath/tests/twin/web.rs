//! A server on the PC that is what a release is on the web: a signed kernel, by HTTPS.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use kernelpack::{Artifact, Manifest};
use lab::topology::{Lab, Node};
use tempfile::TempDir;

/// The manifest, as programs of the PC know it.
pub const MANIFEST: &str = "https://localhost/manifest.json";

/// The list of certificates that are no good any more. It is empty.
const REVOKED: &str = "revoked.der";
const CA: &str =
    "[ca]\ndefault_ca = authority\n[authority]\ndatabase = index.txt\ndefault_md = sha256\n";

/// Ends with its value.
pub struct Web {
    folder: TempDir,
    server: Child,
}

impl Web {
    /// A kernel of this release, which nothing boots.
    pub fn up(lab: &Lab, release: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let artifact = |name: &str| {
            fs::write(folder.path().join(name), name).expect("a file");
            let file = name.parse().expect("a plain name");
            Artifact::measure(file, &mut name.as_bytes()).expect("it can be read")
        };
        let (kernel, modules) = (artifact("bzImage"), artifact("modules.vhdx"));
        let release = release.parse().expect("a release");
        let manifest = Manifest::new(
            release,
            "a test".to_owned(),
            std::collections::BTreeMap::new(),
            kernel,
            modules,
        );
        let manifest = manifest.and_then(|it| it.to_json()).expect("a manifest");
        fs::write(folder.path().join("manifest.json"), manifest).expect("a file");
        run(&folder, "minisign -G -W -p minisign.pub -s minisign.key");
        run(&folder, "minisign -S -H -s minisign.key -m manifest.json");
        make_certificates(&folder);
        let server = serve(lab, &folder);
        let web = Self { folder, server };
        serve_revoked(lab, web.file(REVOKED));
        web
    }

    /// Who vouches for the kernel.
    pub fn key(&self) -> PathBuf {
        self.file("minisign.pub")
    }

    /// The certificate of who vouches for the server, in DER.
    pub fn authority(&self) -> PathBuf {
        self.file("authority.der")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn make_certificates(folder: &TempDir) {
    let request = "openssl req -x509 -newkey rsa:2048 -nodes -days 1";
    run(
        folder,
        &format!("{request} -subj /CN=authority -keyout authority.key -out authority.pem"),
    );
    run(
        folder,
        "openssl x509 -in authority.pem -outform DER -out authority.der",
    );
    let by = "-CA authority.pem -CAkey authority.key";
    let name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost";
    let more = "-extensions usr_cert -addext crlDistributionPoints=URI:http://localhost/revoked";
    run(
        folder,
        &format!("{request} {by} {name} {more} -keyout server.key -out server.pem"),
    );
    for (file, text) in [("index.txt", ""), ("ca.conf", CA)] {
        fs::write(folder.path().join(file), text).expect("a file");
    }
    let by = "-config ca.conf -keyfile authority.key -cert authority.pem";
    run(
        folder,
        &format!("openssl ca -gencrl -crldays 1 {by} -out revoked.pem"),
    );
    run(
        folder,
        &format!("openssl crl -in revoked.pem -outform DER -out {REVOKED}"),
    );
}

/// Comes back when it listens.
fn serve(lab: &Lab, folder: &TempDir) -> Child {
    let mut command = lab.command(Node::Windows, "openssl");
    let arguments = "s_server -accept 443 -cert server.pem -key server.key -WWW";
    command
        .current_dir(folder.path())
        .args(arguments.split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut server = command.spawn().expect("openssl is there");
    let mut output = BufReader::new(server.stdout.take().expect("piped"));
    let mut line = String::new();
    while line.trim() != "ACCEPT" {
        line.clear();
        let length = output.read_line(&mut line).expect("it is text");
        assert!(length > 0, "the server has ended");
    }
    // It tells of each connection.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    server
}

/// Wine wants to know which certificates have been revoked; Windows takes one as well where nobody tells.
fn serve_revoked(lab: &Lab, file: PathBuf) {
    let windows = lab.namespace(Node::Windows);
    let listener = windows.run(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 80)));
    let listener = listener.expect("the port is free in a namespace of its own");
    let answer = move |mut stream: TcpStream| -> io::Result<()> {
        let list = fs::read(&file)?;
        let request = BufReader::new(stream.try_clone()?).lines();
        request
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .for_each(drop);
        let length = list.len();
        write!(
            stream,
            "HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n"
        )?;
        stream.write_all(&list)
    };
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            // Who asked may have gone.
            let _ = answer(stream);
        }
    });
}

fn run(folder: &TempDir, command: &str) {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap_or_default())
        .args(words)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output();
    let output = output.unwrap_or_else(|error| panic!("{command}: {error}"));
    assert!(output.status.success(), "{command}: {output:?}");
}
