//! What an earlier program of this kind got wrong. It replaced what the pattern `kernel\s*=\s*(.*)` found,
//! or added a line at the end of the file, and kept nothing.

use super::*;

/// The lines that a kernel adds.
const LINES: &str = "kernel=C:\\\\Program Files\\\\M\\\\bzImage\nkernelModules=C:\\\\Program Files\\\\M\\\\modules.vhdx\n";

#[test]
fn other_keys_that_begin_or_end_alike_are_left_alone() {
    let others = "kernelCommandLine = quiet kernel=x\nloadKernelModules=tun\nkernelDebugPort=1\n";
    let bench = Bench::new(format!("[wsl2]\n{others}")).set(&kernel());
    assert_eq!(bench.text(), format!("[wsl2]\n{LINES}{others}"));
    bench.assert_restores();

    let bench = Bench::new("[wsl2]\nkernelModules=C:\\\\m\nkernel=C:\\\\k\n").set(&kernel());
    assert_eq!(bench.document.get(Key::Kernel).unwrap().text, KERNEL);
    assert_eq!(
        bench.document.get(Key::KernelModules).unwrap().text,
        MODULES
    );
    bench.assert_restores();
}

#[test]
fn a_comment_is_no_setting() {
    let file = "[wsl2]\n# kernel = C:\\\\mine\n; kernel=x\n";
    let bench = Bench::new(file).set(&kernel());
    assert_eq!(
        bench.text(),
        file.replace("[wsl2]\n", &format!("[wsl2]\n{LINES}"))
    );
    bench.assert_restores();
}

#[test]
fn lines_go_into_the_right_section() {
    let bench = Bench::new("[wsl2]\nmemory=8GB\n\n[experimental]\nsparseVhd=true\n").set(&kernel());
    let expected = format!("[wsl2]\n{LINES}memory=8GB\n\n[experimental]\nsparseVhd=true\n");
    assert_eq!(bench.text(), expected);
    bench.assert_restores();

    let file = "[experimental]\nkernel=C:\\\\not\\\\read\n";
    let bench = Bench::new(file).set(&kernel());
    assert_eq!(bench.text(), format!("{file}\n[wsl2]\n{LINES}"));
    bench.assert_restores();
}

#[test]
fn line_breaks_of_windows_are_kept() {
    let file = "[wsl2]\r\nkernel=C:\\\\k\r\nmemory=8GB\r\n";
    let bench = Bench::new(file).set(&kernel());
    let text = bench.text();
    assert_eq!(text.matches('\n').count(), 4);
    assert_eq!(text.matches("\r\n").count(), 4);
    assert!(!text.contains("\r\r"), "{text:?}");
    bench.assert_restores();
}

#[test]
fn backslashes_are_escaped() {
    // "\U" makes WSL skip the line, "\b" is a backspace.
    let bench = Bench::new("").set(&kernel_at(r"C:\Users\bob\k", r"C:\Users\bob\m"));
    let found = |key| bench.document.get(key).unwrap().text;
    assert_eq!(found(Key::Kernel), r"C:\Users\bob\k");
    assert_eq!(found(Key::KernelModules), r"C:\Users\bob\m");
    bench.assert_restores();
}

#[test]
fn no_kernel_without_its_modules() {
    for file in [
        "",
        "[wsl2]\nkernel=C:\\\\k\n",
        "[wsl2]\nkernelModules=C:\\\\m",
        "[wsl2]",
    ] {
        let bench = Bench::new(file).set(&kernel());
        assert_eq!(bench.document.get(Key::Kernel).unwrap().text, KERNEL);
        assert_eq!(
            bench.document.get(Key::KernelModules).unwrap().text,
            MODULES
        );
        bench.assert_restores();
    }
}
