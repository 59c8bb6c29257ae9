//! A kernel and those of its modules that the edge needs, as an unpacked package has them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::VmError;

/// What the VM's cards and pipes, and the edge, need. WSL's kernel has all of it built in, as each kernel has some.
const WANTED: [&str; 18] = [
    "virtio_pci",
    "virtio_net",
    "virtio_console",
    "nf_tables",
    "nft_chain_nat",
    "nft_ct",
    "nft_fib_inet",
    "nft_masq",
    "nft_nat",
    "nft_redir",
    "nft_reject_inet",
    "nft_socket",
    "nft_tproxy",
    "inet_diag",
    "tcp_diag",
    "mptcp_diag",
    "tcp_bbr",
    "sch_fq",
];

/// The kernel itself.
pub(super) fn vmlinuz(kernel: &Path) -> Result<PathBuf, VmError> {
    if kernel.is_file() {
        return Ok(kernel.to_owned());
    }
    let missing = || missing(kernel, "boot/vmlinuz");
    let files = fs::read_dir(kernel.join("boot")).map_err(|_| missing())?;
    let mut files = files.flatten().map(|file| file.path());
    let is_kernel = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("vmlinuz")
    };
    files.find(is_kernel).ok_or_else(missing)
}

/// The files of the modules, each after those that it needs. A kernel alone has none.
pub(super) fn in_order(kernel: &Path) -> Result<Vec<PathBuf>, VmError> {
    if kernel.is_file() {
        return Ok(Vec::new());
    }
    let missing = |what: &str| missing(kernel, what);
    let folder = fs::read_dir(kernel.join("lib/modules")).ok();
    let folder = folder.and_then(|mut folders| folders.next()?.ok());
    let folder = folder.ok_or_else(|| missing("lib/modules"))?.path();
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|_| missing(name));
    let (dep, built_in) = (read("modules.dep")?, read("modules.builtin")?);
    let tree = Tree::parse(&dep, &built_in);
    let mut order = Vec::new();
    for name in WANTED {
        tree.add(name, &mut order)
            .map_err(|name| missing(&format!("module {name}")))?;
    }
    Ok(order.into_iter().map(|file| folder.join(file)).collect())
}

fn missing(kernel: &Path, what: &str) -> VmError {
    VmError::Kernel {
        kernel: kernel.to_owned(),
        what: what.to_owned(),
    }
}

/// Modules by their names: files, and the files that they need.
struct Tree<'a> {
    modules: HashMap<String, (&'a str, Vec<&'a str>)>,
    built_in: Vec<String>,
}

impl<'a> Tree<'a> {
    fn parse(dep: &'a str, built_in: &str) -> Self {
        let entry = |line: &'a str| {
            let (file, needs) = line.split_once(':')?;
            Some((name(file), (file, needs.split_whitespace().collect())))
        };
        Self {
            modules: dep.lines().filter_map(entry).collect(),
            built_in: built_in.lines().map(name).collect(),
        }
    }

    /// Says which module is missing.
    fn add(&self, wanted: &str, order: &mut Vec<&'a str>) -> Result<(), String> {
        let Some((file, needs)) = self.modules.get(wanted) else {
            let is_built_in = self.built_in.iter().any(|it| it == wanted);
            return is_built_in.then_some(()).ok_or_else(|| wanted.to_owned());
        };
        if order.contains(file) {
            return Ok(());
        }
        for other in needs {
            self.add(&name(other), order)?;
        }
        order.push(file);
        Ok(())
    }
}

/// `virtio_net` for `kernel/drivers/net/virtio-net.ko.xz`.
fn name(file: &str) -> String {
    let base = file.rsplit('/').next().unwrap_or(file);
    let stem = base.split('.').next().unwrap_or(base);
    stem.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEP: &str = "kernel/net/nft_ct.ko: kernel/net/nf_tables.ko.xz kernel/net/nf-conntrack.ko\n\
                       kernel/net/nf-conntrack.ko: kernel/lib/libcrc32c.ko\n\
                       kernel/net/nf_tables.ko.xz: kernel/lib/libcrc32c.ko\n\
                       kernel/lib/libcrc32c.ko:\n";

    #[test]
    fn what_is_needed_comes_first_and_once() {
        let tree = Tree::parse(DEP, "kernel/drivers/virtio-pci.ko\n");
        let mut order = Vec::new();
        for name in ["virtio_pci", "nft_ct", "nf_tables"] {
            tree.add(name, &mut order).unwrap();
        }
        assert_eq!(
            order,
            [
                "kernel/lib/libcrc32c.ko",
                "kernel/net/nf_tables.ko.xz",
                "kernel/net/nf-conntrack.ko",
                "kernel/net/nft_ct.ko",
            ]
        );
        assert_eq!(tree.add("nft_redir", &mut order).unwrap_err(), "nft_redir");
    }
}
