//! Has the linker export what is forwarded, besides what is defined here.

fn main() {
    println!("cargo::rerun-if-changed=iphlpapi.def");
    let folder = env!("CARGO_MANIFEST_DIR");
    println!("cargo::rustc-link-arg-cdylib={folder}/iphlpapi.def");
}
