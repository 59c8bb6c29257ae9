//! What must be as it was when Manypath is gone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::windows::PROXY;
use super::{LXSS, Pc, STORE};

/// All that must be again as it was.
#[derive(Debug, PartialEq, Eq)]
pub struct World {
    routes: String,
    files: BTreeMap<PathBuf, Vec<u8>>,
    registry: String,
    switches: usize,
    plugged: usize,
}

impl Pc {
    pub fn world(&self) -> World {
        let twin = self.twin.lock().expect("no panic");
        let (switches, plugged) = (twin.hcs.networks().len(), self.guest.plugged().len());
        drop(twin);
        let config = self.config();
        let mut files = BTreeMap::new();
        files.insert(config.clone(), std::fs::read(config).expect("it is there"));
        for folder in [STORE, "Program Files/Manypath"] {
            for entry in std::fs::read_dir(self.wine.file(folder))
                .into_iter()
                .flatten()
            {
                files.insert(entry.expect("an entry").path(), Vec::new());
            }
        }
        let user = self.wine.registry(self.lab(), &format!(r"HKCU\{LXSS}"));
        let service = r"HKLM\System\CurrentControlSet\Services\manypath";
        let internet = self.wine.registry(self.lab(), PROXY);
        let is_proxy = |line: &&str| line.contains("Proxy") || line.contains("AutoConfig");
        let proxy: String = internet.lines().filter(is_proxy).collect();
        World {
            routes: self.route_list() + &self.list_v6(),
            files,
            registry: user + &self.wine.registry(self.lab(), service) + &proxy,
            switches,
            plugged,
        }
    }

    pub fn assert_same(&self, before: &World) {
        assert_eq!(&self.world(), before, "{}", self.logs());
    }
}
