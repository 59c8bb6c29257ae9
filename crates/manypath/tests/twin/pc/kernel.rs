//! A kernel from the web.

use super::Pc;
use crate::web::{MANIFEST, Web};

impl Pc {
    /// It is taken from a server that Windows knows, and from no other, tried, and kept.
    pub fn assert_installs_kernel(&self) {
        let release = rustix::system::uname();
        let release = release.release().to_str().expect("it is text");
        let web = Web::up(self.lab(), release);
        let key = std::fs::copy(web.key(), self.wine.file("minisign.pub"));
        key.expect("a file");
        let install = [
            "kernel",
            "install",
            MANIFEST,
            "--key",
            r"C:\minisign.pub",
            "--yes",
        ];
        let refused = self
            .manypath(&install)
            .expect_err("nobody knows the server");
        assert!(refused.contains("certificate"), "{refused}");

        self.wine.trust(self.lab(), &web.authority());
        self.manypath(&install).expect("it is installed");
        let said = self.manypath(&["kernel", "check"]).expect("it runs");
        assert!(said.contains(&format!("installed  {release}")), "{said}");
        let config = std::fs::read_to_string(self.config()).expect("a file");
        assert!(config.contains(&format!(r"kernels\\{release}")), "{config}");
    }
}
