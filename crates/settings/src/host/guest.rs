//! The Linux in WSL that does the work.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;
use wslconfig::WindowsPath;

use crate::errors::Problem;
use crate::reader::Table;

/// The distribution that the edge runs in, and the kernel under all distributions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(
    extend("unevaluatedProperties" = false),
    extend("dependentRequired" = { "kernel": ["kernel_modules"], "kernel_modules": ["kernel"] })
)]
pub struct Guest {
    /// The name of the WSL distribution that the edge runs in.
    pub distribution: DistributionName,
    /// Another kernel than the one that Manypath brings. It counts only with `manage_wslconfig`.
    #[serde(flatten)]
    pub kernel: Option<Kernel>,
    /// Whether the kernel is written into the user's .wslconfig. Without that somebody else has to see to it that WSL runs a kernel with MPTCP.
    pub manage_wslconfig: bool,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            distribution: DistributionName("Manypath".to_owned()),
            kernel: None,
            manage_wslconfig: true,
        }
    }
}

/// A kernel and its modules. WSL wants both or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Kernel {
    /// Path of the kernel, such as C:\kernel\bzImage. WSL takes ASCII only.
    #[serde(rename = "kernel")]
    #[schemars(with = "String", regex(pattern = PATH))]
    pub image: WindowsPath,
    /// Path of the disk image with the kernel's modules, such as C:\kernel\modules.vhdx. WSL takes ASCII only.
    #[serde(rename = "kernel_modules")]
    #[schemars(with = "String", regex(pattern = PATH))]
    pub modules: WindowsPath,
}

/// What a [`WindowsPath`] looks like.
const PATH: &str = r"^[A-Za-z]:\\[ -~]*[^\\]$";

impl From<Kernel> for wslconfig::Kernel {
    fn from(Kernel { image, modules }: Kernel) -> Self {
        Self {
            kernel: image,
            modules,
        }
    }
}

/// The name of a WSL distribution.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct DistributionName(#[schemars(regex(pattern = r"^[A-Za-z0-9._-]{1,64}$"))] String);

/// The text is no name of a WSL distribution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DistributionNameError {
    /// A character that WSL refuses, or too few or too many of them.
    #[error(
        "{0:?} is no name that WSL takes; write 1 to 64 letters, digits, '.', '_' and '-', such as \"Manypath\""
    )]
    Syntax(String),
    /// WSL keeps it for the distribution of its first version.
    #[error("WSL keeps the name {0:?} for itself; write another one, such as \"Manypath\"")]
    Reserved(String),
}

impl DistributionName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DistributionName {
    type Err = DistributionNameError;

    /// Takes what WSL takes (`LxssUserSessionImpl::s_ValidateDistroName`), but for its longest names.
    fn from_str(text: &str) -> Result<Self, DistributionNameError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !(1..=64).contains(&text.len()) || !text.bytes().all(plain) {
            return Err(DistributionNameError::Syntax(text.to_owned()));
        }
        if text.eq_ignore_ascii_case("legacy") {
            return Err(DistributionNameError::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for DistributionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Guest {
    /// Reads the table `[guest]`.
    pub(super) fn read(root: &Table<'_>) -> Self {
        let table = root.table("guest");
        let default = Self::default();
        let guest = Self {
            distribution: table.parsed("distribution").unwrap_or(default.distribution),
            kernel: kernel(&table),
            manage_wslconfig: table
                .boolean("manage_wslconfig")
                .unwrap_or(default.manage_wslconfig),
        };
        table.finish();
        guest
    }
}

fn kernel(table: &Table<'_>) -> Option<Kernel> {
    let (image, modules) = (table.get("kernel"), table.get("kernel_modules"));
    match (&image, &modules) {
        (Some(alone), None) => alone.add(Problem::KernelAlone("kernel_modules")),
        (None, Some(alone)) => alone.add(Problem::KernelAlone("kernel")),
        _ => {}
    }
    let image = image.and_then(|item| item.value(str::parse));
    let modules = modules.and_then(|item| item.value(str::parse));
    Some(Kernel {
        image: image?.value,
        modules: modules?.value,
    })
}
