//! Chromium, without a screen. Pages tell what they have measured by `/report?KEY=VALUE&…`.

use std::path::Path;
use std::time::{Duration, Instant};

use super::stage::Stage;
use super::web::Web;
use crate::browser::show;
use crate::rig::Process;

/// Between two looks at the reports; they have no event.
const POLL: Duration = Duration::from_millis(20);

/// A browser that shows one page, until dropped.
#[derive(Debug)]
pub(super) struct Browser(Process);

/// What a page has told: keys and numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told(Vec<(String, f64)>);

impl Browser {
    /// Opens a page in a new browser, without cache and history. `folder` may be used by one browser only.
    pub(super) fn open(stage: &Stage<'_>, folder: &Path, url: &str) -> anyhow::Result<Self> {
        let mut command = stage.site.lasting_client("chromium");
        show(&mut command, folder, url);
        let log = folder.join("chromium.log");
        Ok(Self(Process::start("chromium", command, &log)?))
    }

    /// Waits until pages have told `count` things altogether since nginx has started.
    pub(super) fn wait_for_reports(
        &self,
        web: &Web,
        count: usize,
        limit: Duration,
    ) -> anyhow::Result<Vec<Told>> {
        let deadline = Instant::now() + limit;
        loop {
            let told = web.told()?;
            if told.len() >= count {
                return Ok(told);
            }
            anyhow::ensure!(
                !self.0.has_ended() && Instant::now() < deadline,
                "the page told nothing; the end of chromium's log:\n{}",
                self.0.log_tail()
            );
            std::thread::sleep(POLL);
        }
    }
}

impl Told {
    pub(super) fn parse(query: &str) -> anyhow::Result<Self> {
        let pairs = query.split('&').map(|pair| {
            let parsed = pair
                .split_once('=')
                .and_then(|(key, value)| Some((key.to_owned(), value.parse().ok()?)));
            parsed.ok_or_else(|| anyhow::anyhow!("the page told {pair:?}"))
        });
        Ok(Self(pairs.collect::<anyhow::Result<_>>()?))
    }

    pub(super) fn get(&self, key: &str) -> anyhow::Result<f64> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| anyhow::anyhow!("the page told no {key}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let told = Told::parse("load=412.5&images=100").unwrap();
        assert_eq!(told.get("load").unwrap(), 412.5);
        assert_eq!(told.get("images").unwrap(), 100.0);
        assert!(told.get("other").is_err());
        assert!(Told::parse("load=fast").is_err());
    }
}
