//! `manypath kernel`

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use host::control::Request;
use host::kernels::check::{Report, Verdict, compare};
use host::kernels::shelf::Files;
use host::kernels::web::{self, Link};
use host::windows::{SERVICE, shelf};
use kernelpack::{Artifact, Key};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::{change, elevate, status_of_service};
use crate::Failure;

/// Who signs Manypath's kernels.
const KEY: &str = include_str!("../../../../../guest/kernel/minisign.pub");

/// How long a server may take to answer, and everything that is brought to come.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(3600);

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Compare the kernel that WSL runs with the one that is installed. Exit codes: 0 the same, or nothing to
    /// compare with; 1 another one runs, or it can't be known.
    Check(super::Json),
    /// Install a kernel with its modules, and try it: without a hello from it within 60 seconds the former one
    /// comes back. Ends WSL with everything that runs in it. Asks for an administrator's consent.
    Install(InstallArguments),
}

#[derive(Debug, clap::Args)]
pub struct InstallArguments {
    /// The manifest (manifest.json), with its signature (manifest.json.minisig), the kernel and the modules
    /// beside it: a file, or a URL that begins with https://.
    manifest: String,
    /// The public key of who signed it (minisign.pub), in place of the one of Manypath's releases.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Do not ask whether WSL may be ended.
    #[arg(long, short)]
    yes: bool,
}

pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Check(super::Json { json }) => check(json),
        Command::Install(arguments) => install(&arguments),
    }
}

fn check(json: bool) -> Result<(), Failure> {
    let report = compare(&status_of_service()?);
    let report = report.context("the service is of another version; run manypath install")?;
    match json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print!("{}", text(&report)),
    }
    match report.verdict {
        Verdict::Right | Verdict::NothingToCompare => Ok(()),
        Verdict::Other | Verdict::Trying | Verdict::NotRunning => {
            Err(anyhow::anyhow!(report.advice()).into())
        }
    }
}

fn text(report: &Report) -> String {
    let kernels = &report.kernels;
    let lines = [
        ("running", &report.running),
        ("wanted", &kernels.wanted),
        ("installed", &kernels.installed),
        ("previous", &kernels.previous),
    ];
    let mut text = String::new();
    for (name, release) in lines {
        text += &format!("{name:<10} {}\n", release.as_deref().unwrap_or("-"));
    }
    match report.verdict {
        Verdict::Right | Verdict::NothingToCompare => text + report.advice() + "\n",
        // The error says it.
        Verdict::Other | Verdict::Trying | Verdict::NotRunning => text,
    }
}

fn install(arguments: &InstallArguments) -> Result<(), Failure> {
    if winproc::service_state(SERVICE)?.is_none() {
        return Err(
            anyhow::anyhow!("Manypath is not installed; run manypath install first").into(),
        );
    }
    let key_file = arguments.key.as_deref().map(absolute).transpose()?;
    // Before anybody is asked for anything.
    let key = key(key_file.as_deref())?;
    if !arguments.yes && !may_end_wsl()? {
        println!("Nothing was changed.");
        return Ok(());
    }
    // What is brought here lies there until it is installed.
    let folder = tempfile::tempdir()?;
    let manifest = match Link::is_meant(&arguments.manifest) {
        true => bring(&arguments.manifest.parse()?, &key, folder.path())?,
        false => absolute(Path::new(&arguments.manifest))?,
    };
    if !winproc::is_elevated()? {
        let (manifest, key_file) = (
            manifest.to_string_lossy(),
            key_file.map(|it| it.to_string_lossy().into_owned()),
        );
        let mut again = vec!["kernel", "install", "--yes", &manifest];
        again.extend(key_file.iter().flat_map(|file| ["--key", file]));
        return elevate::again(&again);
    }
    println!("check and copy {} ...", manifest.display());
    let placed = shelf()?.place(&Files(manifest), &key)?;
    println!(
        "try {}, which may take two minutes ...",
        placed.manifest.release
    );
    change(&Request::TryKernel { id: placed.id }, false)
}

/// Brings a kernel from the web. Servers are known by the certificates that Windows trusts.
fn bring(link: &Link, key: &Key, folder: &Path) -> Result<PathBuf, Failure> {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_recv_response(Some(CONNECT_LIMIT))
        .timeout_global(Some(LIMIT))
        .build()
        .new_agent();
    let get = |url: &str| -> io::Result<Box<dyn Read>> {
        let response = agent.get(url).call().map_err(ureq::Error::into_io)?;
        Ok(Box::new(response.into_body().into_reader()))
    };
    let mut progress =
        |it: &Artifact| println!("get {}, {} MB ...", it.file, it.bytes.div_ceil(1_000_000));
    Ok(web::bring(link, key, folder, &get, &mut progress)?)
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}

fn key(file: Option<&Path>) -> anyhow::Result<Key> {
    let Some(file) = file else {
        return Ok(Key::parse(KEY)?);
    };
    let name = || file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(name)?;
    Key::parse(&text).with_context(name)
}

fn may_end_wsl() -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        println!("This ends WSL with everything that runs in it; say --yes to allow it.");
        return Ok(false);
    }
    print!("This ends WSL with everything that runs in it. Go on? [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}
