use std::collections::BTreeMap;

use minisign::KeyPair;

use super::*;

/// Where WSL is told that the shelf is.
pub const FOR_WSL: &str = r"C:\Program Files\Manypath\kernels";

/// Who signs kernels, and a folder that they lie in.
pub struct Maker {
    folder: tempfile::TempDir,
    pair: KeyPair,
}

impl Maker {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            pair: KeyPair::generate_unencrypted_keypair().unwrap(),
        }
    }

    pub fn key(&self) -> Key {
        Key::parse(&self.pair.pk.to_box().unwrap().to_string()).unwrap()
    }

    /// Makes a kernel of this release.
    pub fn make(&self, release: &str) -> Files {
        let artifact = |name: &str| {
            let contents = format!("{name} of {release}");
            fs::write(self.folder.path().join(name), &contents).unwrap();
            Artifact::measure(name.parse().unwrap(), &mut contents.as_bytes()).unwrap()
        };
        let (kernel, modules) = (artifact("bzImage"), artifact("modules.vhdx"));
        let release = release.parse().unwrap();
        let manifest = Manifest::new(
            release,
            "a test".to_owned(),
            BTreeMap::new(),
            kernel,
            modules,
        );
        self.sign(&manifest.unwrap().to_json().unwrap())
    }

    fn sign(&self, bytes: &[u8]) -> Files {
        let files = Files(self.path("manifest.json"));
        fs::write(&files.0, bytes).unwrap();
        let signature = minisign::sign(Some(&self.pair.pk), &self.pair.sk, bytes, None, None);
        fs::write(
            self.path("manifest.json.minisig"),
            signature.unwrap().to_string(),
        )
        .unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn shelf() -> (tempfile::TempDir, Shelf) {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(folder.path().join("kernels"), FOR_WSL);
    (folder, shelf)
}

fn names(shelf: &Shelf) -> Vec<String> {
    let entries = fs::read_dir(&shelf.folder).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn text(error: &dyn std::error::Error) -> String {
    crate::causes::with_causes(error)
}

#[test]
fn a_signed_kernel_is_placed_where_wsl_can_name_it() {
    let (maker, (_folder, shelf)) = (Maker::new(), shelf());
    let placed = shelf.place(&maker.make("6.1.0"), &maker.key()).unwrap();
    assert!(placed.id.as_str().starts_with("6.1.0-"), "{}", placed.id);
    assert_eq!(shelf.manifest(&placed.id).unwrap(), placed.manifest);
    let kernel = shelf.kernel(&placed.id).unwrap();
    assert_eq!(
        kernel.kernel.as_str(),
        format!(r"{FOR_WSL}\{}\kernel", placed.id)
    );
    assert_eq!(
        kernel.modules.as_str(),
        format!(r"{FOR_WSL}\{}\modules.vhdx", placed.id)
    );
    let copy = fs::read(shelf.folder.join(placed.id.as_str()).join("kernel")).unwrap();
    assert_eq!(copy, b"bzImage of 6.1.0");
    assert_eq!(
        names(&shelf),
        [placed.id.to_string()],
        "nothing is left over"
    );
}

#[test]
fn the_same_one_again_is_left_as_it_is_and_a_damaged_one_mended() {
    let (maker, (_folder, shelf)) = (Maker::new(), shelf());
    let files = maker.make("6.1.0");
    let placed = shelf.place(&files, &maker.key()).unwrap();
    let kernel = shelf.folder.join(placed.id.as_str()).join("kernel");
    let before = fs::metadata(&kernel).unwrap().modified().unwrap();
    assert_eq!(shelf.place(&files, &maker.key()).unwrap(), placed);
    assert_eq!(fs::metadata(&kernel).unwrap().modified().unwrap(), before);
    fs::write(&kernel, "virus").unwrap();
    assert_eq!(shelf.place(&files, &maker.key()).unwrap(), placed);
    assert_eq!(fs::read(&kernel).unwrap(), b"bzImage of 6.1.0");
}

#[test]
fn nothing_is_placed_that_nobody_vouches_for() {
    let (maker, (_folder, shelf)) = (Maker::new(), shelf());
    let files = maker.make("6.1.0");
    let refused = |key: &Key| text(&shelf.place(&files, key).unwrap_err());
    assert!(refused(&Maker::new().key()).contains("signed with another key"));
    let change = |name: &str, contents: &[u8]| fs::write(maker.path(name), contents).unwrap();
    change("bzImage", b"bzImage of 6.1.1");
    let said = refused(&maker.key());
    assert!(
        said.contains("bzImage is not what the manifest says: its SHA-256 is"),
        "{said}"
    );
    change("bzImage", &vec![0; 1 << 20]);
    let said = refused(&maker.key());
    assert!(
        said.contains("bzImage does not have the 16 bytes"),
        "{said}"
    );
    maker.make("6.1.0");
    fs::remove_file(maker.path("modules.vhdx")).unwrap();
    let said = refused(&maker.key());
    assert!(said.contains("modules.vhdx can't be read"), "{said}");
    fs::remove_file(maker.path("manifest.json.minisig")).unwrap();
    let said = refused(&maker.key());
    assert!(
        said.contains("cannot read") && said.contains("manifest.json.minisig"),
        "{said}"
    );
    assert_eq!(names(&shelf), [""; 0], "what was begun is gone");
}

#[test]
fn hostile_manifests_are_refused_even_if_they_are_signed() {
    let (maker, (_folder, shelf)) = (Maker::new(), shelf());
    let files = maker.make("6.1.0");
    let right = fs::read_to_string(&files.0).unwrap();
    for (from, to, complaint) in [
        (
            "\"bzImage\"",
            "\"..\\\\..\\\\bzImage\"",
            "no plain file name",
        ),
        ("\"bzImage\"", "\"/etc/shadow\"", "no plain file name"),
        ("\"6.1.0\"", "\"6/../../x\"", "no kernel release"),
        ("\"bytes\": 16", "\"bytes\": 99999999999999", "are possible"),
        (
            "\"bytes\": 16",
            "\"bytes\": 15",
            "does not have the 15 bytes",
        ),
    ] {
        assert!(right.contains(from));
        let files = maker.sign(right.replacen(from, to, 1).as_bytes());
        let said = text(&shelf.place(&files, &maker.key()).unwrap_err());
        assert!(said.contains(complaint), "{said}");
    }
    let files = maker.sign(&vec![b' '; 1 << 20]);
    let said = text(&shelf.place(&files, &maker.key()).unwrap_err());
    assert!(said.contains("is refused"), "{said}");
    assert_eq!(names(&shelf), [""; 0]);
}

#[test]
fn a_folder_that_wsl_cannot_name_holds_no_kernel() {
    let (maker, (_folder, shelf)) = (Maker::new(), shelf());
    let shelf = Shelf::new(&shelf.folder, r"D:\Prográmme\Manypath\kernels");
    let said = text(&shelf.place(&maker.make("6.1.0"), &maker.key()).unwrap_err());
    assert!(said.contains("ASCII"), "{said}");
}

#[test]
fn what_is_not_in_use_goes() {
    let (maker, (_folder, shelf)) = (Maker::new(), shelf());
    let place = |release| shelf.place(&maker.make(release), &maker.key()).unwrap().id;
    let (first, second, third) = (place("6.1.0"), place("6.1.1"), place("6.1.2"));
    fs::create_dir(shelf.folder.join("6.1.3-00000000.new")).unwrap();
    shelf.clear_but([&first, &third].into_iter());
    assert_eq!(names(&shelf), [first.to_string(), third.to_string()]);
    assert!(shelf.kernel(&second).is_none() && shelf.manifest(&second).is_err());
}
