//! A real browser that speaks HTTP/3.

use std::path::Path;
use std::time::{Duration, Instant};

use lab::rig::Process;
use lab::topology::{Lab, Node, addresses};
use tempfile::TempDir;

use super::{Asked, By, Web};

/// Downloads without end, and says with each what came of the one before.
const PAGE: &str = "<!doctype html><title>again and again</title><script>
    (async () => {
      for (let last = 'none';;) {
        try {
          const answer = await fetch('/data?last=' + last);
          const bytes = new Uint8Array(await answer.arrayBuffer());
          last = bytes.reduce((sum, byte) => (sum * 31 + byte) % 1000003, 0);
        } catch {
          last = 'none';
          await new Promise(done => setTimeout(done, 10));
        }
      }
    })();
  </script>";

/// The query of a request whose page has got every byte before.
fn intact() -> String {
    let sum = |sum: u64, byte: &u8| (sum * 31 + u64::from(*byte)) % 1_000_003;
    format!("/data?last={}", Web::content().iter().fold(0, sum))
}

/// How long a browser may take on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser on the Windows side that downloads from a server on the origin without end, by HTTP/3 where it can.
pub struct Browser {
    // In this order: it ends before what it uses goes.
    process: Process,
    web: Web,
    _folder: TempDir,
}

impl Browser {
    pub fn open(lab: &Lab) -> Self {
        let web = Web::start(lab, PAGE);
        let folder = tempfile::tempdir().expect("a folder");
        let process = chromium(lab, &web, folder.path());
        Self {
            process,
            web,
            _folder: folder,
        }
    }

    /// Waits until a whole download by that protocol is followed by another one. Gives what was asked meanwhile.
    pub fn wait_for_downloads(&self, wanted: By) -> Vec<Asked> {
        let deadline = Instant::now() + PATIENCE;
        let mut asked: Vec<Asked> = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(next) = self.web.asked.recv_timeout(left) else {
                let log = self.process.log_tail();
                panic!("no download by {wanted:?}: {asked:?}\n{log}");
            };
            let follows = asked.last().is_some_and(|last| last.by == wanted);
            let is_done = follows && next.by == wanted && next.path == intact();
            asked.push(next);
            if is_done {
                return asked;
            }
        }
    }
}

fn chromium(lab: &Lab, web: &Web, folder: &Path) -> Process {
    let mut command = lab.command(Node::Windows, "chromium");
    let origin = addresses::ORIGIN.ipv4();
    command
        .arg(format!(
            "--ignore-certificate-errors-spki-list={}",
            web.key_hash
        ))
        // For HTTP/3 a browser believes public authorities only, but for hosts that are named here; with another
        // port, so that at the one that is used it is as free as always.
        .arg(format!("--origin-to-force-quic-on={origin}:1"));
    lab::browser::show(&mut command, folder, &format!("https://{origin}/"));
    Process::start("chromium", command, &folder.join("log")).expect("Chromium starts")
}
