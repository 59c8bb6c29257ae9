//! The files that a manifest vouches for.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::name::FileName;

/// What is read at a time.
const CHUNK: usize = 256 << 10;

/// A SHA-256, written as 64 small hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

/// A text is no SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no SHA-256: 64 hexadecimal digits, in small letters")]
pub struct Sha256Error(String);

/// A file, by its name, its length and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Its name beside the manifest.
    pub file: FileName,
    /// Its length in bytes.
    pub bytes: u64,
    /// Of its contents.
    pub sha256: Sha256,
}

/// Why a file was not taken. What has been written of it must be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It can't be read.
    #[error("{file} can't be read")]
    Read {
        /// Which.
        file: FileName,
        /// Why.
        source: io::Error,
    },
    /// The copy can't be written.
    #[error("the copy of {file} can't be written")]
    Write {
        /// Of which.
        file: FileName,
        /// Why.
        source: io::Error,
    },
    /// It is longer or shorter. Not more than one byte too many is read.
    #[error("{file} does not have the {bytes} bytes that the manifest says; get it again")]
    Length {
        /// Which.
        file: FileName,
        /// How many there should be.
        bytes: u64,
    },
    /// Other contents.
    #[error(
        "{file} is not what the manifest says: its SHA-256 is {found}, not {wanted}; get it again"
    )]
    Contents {
        /// Which.
        file: FileName,
        /// What it is.
        found: Sha256,
        /// What it should be.
        wanted: Sha256,
    },
}

impl Artifact {
    /// Looks at a file.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn measure(file: FileName, from: &mut impl Read) -> io::Result<Self> {
        let mut hasher = Hasher::default();
        let bytes = io::copy(from, &mut hasher)?;
        let sha256 = hasher.finish();
        Ok(Self {
            file,
            bytes,
            sha256,
        })
    }

    /// Copies a file, and makes sure that it is this one.
    ///
    /// # Errors
    /// When it can't be read or the copy not written, and when it is another file.
    pub fn copy(&self, from: impl Read, to: &mut impl Write) -> Result<(), CopyError> {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; CHUNK];
        let mut left = self.bytes;
        // One more, to see whether there is more.
        let mut from = from.take(self.bytes.saturating_add(1));
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => &buffer[..read],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(CopyError::Read {
                        file: self.file.clone(),
                        source,
                    });
                }
            };
            left = left
                .checked_sub(read.len() as u64)
                .ok_or_else(|| self.length())?;
            hasher.0.update(read);
            to.write_all(read).map_err(|source| CopyError::Write {
                file: self.file.clone(),
                source,
            })?;
        }
        let found = hasher.finish();
        match (left, found == self.sha256) {
            (0, true) => Ok(()),
            (0, false) => Err(CopyError::Contents {
                file: self.file.clone(),
                found,
                wanted: self.sha256,
            }),
            _ => Err(self.length()),
        }
    }

    fn length(&self) -> CopyError {
        CopyError::Length {
            file: self.file.clone(),
            bytes: self.bytes,
        }
    }
}

impl Sha256 {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

#[derive(Default)]
struct Hasher(sha2::Sha256);

impl Hasher {
    fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl FromStr for Sha256 {
    type Err = Sha256Error;

    fn from_str(text: &str) -> Result<Self, Sha256Error> {
        let failed = || Sha256Error(text.to_owned());
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(failed()),
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(failed());
        };
        let bytes = pairs
            .iter()
            .map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?));
        let bytes: Vec<u8> = bytes.collect::<Result<_, _>>()?;
        Ok(Self(bytes.try_into().map_err(|_| failed())?))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = Sha256Error;

    fn try_from(text: String) -> Result<Self, Sha256Error> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(hash: Sha256) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// FIPS 180-4, example "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn artifact(contents: &[u8]) -> Artifact {
        Artifact::measure("bzImage".parse().unwrap(), &mut &*contents).unwrap()
    }

    #[test]
    fn a_hash_is_what_the_standard_says() {
        let abc = artifact(b"abc");
        assert_eq!((abc.bytes, abc.sha256), (3, ABC.parse().unwrap()));
        assert_eq!(Sha256::of(b"abc").to_string(), ABC);
        for text in [
            "",
            &ABC[1..],
            &ABC.to_uppercase(),
            &format!("{ABC}00"),
            &ABC.replace('b', "g"),
        ] {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }

    #[test]
    fn another_file_is_refused() {
        let wanted = artifact(b"kernel");
        let copy = |contents: &[u8]| wanted.copy(contents, &mut Vec::new());
        assert!(copy(b"kernel").is_ok());
        assert!(matches!(copy(b"Kernel"), Err(CopyError::Contents { .. })));
        assert!(matches!(copy(b"kerne"), Err(CopyError::Length { .. })));
        assert!(matches!(copy(b"kernels"), Err(CopyError::Length { .. })));
    }

    #[test]
    fn of_an_endless_file_hardly_more_than_its_length_is_read() {
        let wanted = artifact(b"kernel");
        let mut copied = Vec::new();
        let result = wanted.copy(io::repeat(0), &mut copied);
        assert!(matches!(result, Err(CopyError::Length { .. })));
        assert!(copied.len() <= 7, "{}", copied.len());
    }

    proptest! {
        #[test]
        fn only_the_same_bytes_pass(first: Vec<u8>, second: Vec<u8>) {
            let mut copied = Vec::new();
            let passes = artifact(&first).copy(&*second, &mut copied).is_ok();
            prop_assert_eq!(passes, first == second);
            prop_assert!(!passes || copied == second);
        }

        #[test]
        fn a_hash_survives_being_written(bytes: [u8; 32]) {
            let hash = Sha256(bytes);
            prop_assert_eq!(hash.to_string().parse(), Ok(hash));
        }
    }
}
