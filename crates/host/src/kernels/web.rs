//! Kernels from the web: a manifest by its URL, with everything else beside it.
//!
//! They are brought into a folder of the user's first, with the user's rights, and only what is vouched for gets
//! that far. Where an administrator's rights begin, the same is checked again.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;
use kernelpack::{Artifact, CopyError, FileName, Key};

use super::shelf::{MANIFEST, SIGNATURE, ShelfError, Source, open};

/// The URL of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Up to the last slash.
    folder: String,
    file: FileName,
}

/// A text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} does not name a manifest: write it such as https://github.com/…/releases/download/kernel-…/manifest.json, without anything behind it"
)]
pub struct LinkError(String);

impl Link {
    /// Whether a text is meant to be a URL, and not a file.
    pub fn is_meant(text: &str) -> bool {
        text.contains("://")
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let failed = || LinkError(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| failed())?;
        let host = uri.authority().filter(|it| !it.as_str().contains('@'));
        let is_right =
            uri.scheme() == Some(&Scheme::HTTPS) && host.is_some() && uri.query().is_none();
        let (folder, file) = text
            .rsplit_once('/')
            .filter(|_| is_right)
            .ok_or_else(failed)?;
        let file = file.parse().map_err(|_| failed())?;
        // The slash could be one of the two behind the scheme.
        let folder = format!("{folder}/");
        match uri.path() {
            "/" | "" => Err(failed()),
            _ => Ok(Self { folder, file }),
        }
    }
}

/// A manifest on the web.
struct Web<'a> {
    link: &'a Link,
    get: &'a dyn Fn(&str) -> io::Result<Box<dyn Read>>,
}

impl Source for Web<'_> {
    fn manifest(&self, behind: &str) -> io::Result<Box<dyn Read + '_>> {
        (self.get)(&format!("{}{behind}", self.name()))
    }

    fn beside(&self, name: &FileName) -> io::Result<Box<dyn Read + '_>> {
        (self.get)(&format!("{}{name}", self.link.folder))
    }

    fn name(&self) -> String {
        format!("{}{}", self.link.folder, self.link.file)
    }
}

/// Brings a kernel into an empty folder, if the key vouches for all of it, and gives the manifest's place.
/// `get` opens a URL; `progress` is told what is brought next.
///
/// # Errors
/// When something can't be had or written, or nobody vouches for it.
pub fn bring(
    link: &Link,
    key: &Key,
    folder: &Path,
    get: &dyn Fn(&str) -> io::Result<Box<dyn Read>>,
    progress: &mut dyn FnMut(&Artifact),
) -> Result<PathBuf, ShelfError> {
    let web = Web { link, get };
    let opened = open(&web, key)?;
    for artifact in [&opened.manifest.kernel, &opened.manifest.modules] {
        progress(artifact);
        let failed = |source| CopyError::Read {
            file: artifact.file.clone(),
            source,
        };
        let from = web.beside(&artifact.file).map_err(failed)?;
        let path = folder.join(artifact.file.as_str());
        let mut to = File::create_new(&path).map_err(ShelfError::disk("make", &path))?;
        artifact.copy(from, &mut to)?;
    }
    let manifest = folder.join(MANIFEST);
    let signature = folder.join(format!("{MANIFEST}{SIGNATURE}"));
    for (path, bytes) in [(&manifest, &opened.bytes), (&signature, &opened.signature)] {
        let mut to = File::create_new(path).map_err(ShelfError::disk("make", path))?;
        to.write_all(bytes)
            .map_err(ShelfError::disk("write", path))?;
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::shelf::tests::Maker;
    use super::super::shelf::{Files, Shelf};
    use super::*;

    const URL: &str = "https://example.org/releases/kernel-1/manifest.json";

    #[test]
    fn links() {
        let link: Link = URL.parse().unwrap();
        assert_eq!(link.folder, "https://example.org/releases/kernel-1/");
        assert_eq!(link.file.as_str(), "manifest.json");
        assert!(Link::is_meant("http://a/b") && !Link::is_meant(r"C:\manifest.json"));
        for text in [
            "http://example.org/manifest.json",
            "https://example.org/",
            "https://example.org",
            "https://manifest.json",
            "https://ann:secret@example.org/manifest.json",
            "https://example.org/manifest.json?token=1",
            "https://example.org/releases/",
            "https://example.org/..",
            "https:///manifest.json",
            "file:///C:/manifest.json",
            "manifest.json",
        ] {
            assert_eq!(
                text.parse::<Link>(),
                Err(LinkError(text.to_owned())),
                "{text}"
            );
        }
    }

    /// Brings what lies in the maker's folder, as if it were on the web.
    fn bring_from(files: &Files, key: &Key, folder: &Path) -> Result<PathBuf, ShelfError> {
        let web = files.0.parent().unwrap().to_owned();
        let get = move |url: &str| -> io::Result<Box<dyn Read>> {
            let name = url
                .strip_prefix("https://example.org/releases/kernel-1/")
                .expect(url);
            Ok(Box::new(File::open(web.join(name))?))
        };
        bring(&URL.parse().unwrap(), key, folder, &get, &mut |_| {})
    }

    #[test]
    fn what_is_brought_can_be_put_onto_the_shelf() {
        let (maker, folder) = (Maker::new(), tempfile::tempdir().unwrap());
        let manifest = bring_from(&maker.make("6.1.0"), &maker.key(), folder.path()).unwrap();
        let place = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(place.path(), super::super::shelf::tests::FOR_WSL);
        let placed = shelf.place(&Files(manifest), &maker.key()).unwrap();
        assert_eq!(placed.manifest.release.as_str(), "6.1.0");
    }

    #[test]
    fn of_a_manifest_that_nobody_vouches_for_nothing_more_is_brought() {
        let (maker, folder) = (Maker::new(), tempfile::tempdir().unwrap());
        let files = maker.make("6.1.0");
        assert!(bring_from(&files, &Maker::new().key(), folder.path()).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(files.0.with_file_name("modules.vhdx"), "other modules").unwrap();
        let error = bring_from(&files, &maker.key(), folder.path()).unwrap_err();
        assert!(error.to_string().contains("modules.vhdx"), "{error}");
        assert!(
            !folder.path().join(MANIFEST).exists(),
            "it can't be taken for a whole one"
        );
    }
}
