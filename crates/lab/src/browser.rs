//! How the lab starts Chromium.

use std::path::Path;
use std::process::Command;

/// Makes `command`, which is Chromium, show one page without a screen, a cache or a history, and say nothing of its
/// own to the Internet. `folder` is where it keeps things, and may be used by one browser only.
pub fn show(command: &mut Command, folder: &Path, url: &str) {
    command
        .args([
            "--headless=new",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--mute-audio",
        ])
        // The lab's programs run as root, and root has no sandbox.
        .arg("--no-sandbox")
        .args([
            "--no-first-run",
            "--disable-extensions",
            "--disable-background-networking",
        ])
        .args(["--disable-component-update", "--disable-sync", "--no-pings"])
        .args([
            "--autoplay-policy=no-user-gesture-required",
            "--no-proxy-server",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(url)
        .env("HOME", folder);
}
