//! Without the Virtual Machine Platform the DLLs are not there. A process of its own, because a DLL that
//! is loaded stays; and under Wine only, because it moves files in system32.
#![cfg(all(windows, not(target_env = "msvc")))]

use std::fs;
use std::path::PathBuf;

use hcs::{Dlls, LoadError};

/// A DLL that is put back however the test ends.
struct Away {
    dll: PathBuf,
    away: PathBuf,
}

impl Away {
    fn take(name: &str) -> Self {
        let system32 = PathBuf::from(r"C:\windows\system32");
        let (dll, away) = (system32.join(name), system32.join(format!("{name}.away")));
        fs::rename(&dll, &away).expect("the stand-in is in system32");
        Self { dll, away }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        fs::rename(&self.away, &self.dll).expect("it was there before");
    }
}

#[test]
fn a_missing_dll_says_what_to_turn_on() {
    for name in ["computecore.dll", "computenetwork.dll"] {
        let away = Away::take(name);
        // One beside the program is not the one.
        let beside = std::env::current_exe().unwrap().with_file_name(name);
        fs::copy(&away.away, &beside).unwrap();
        let error = Dlls::load().unwrap_err();
        fs::remove_file(&beside).unwrap();
        assert!(
            matches!(error, LoadError::Missing { dll, .. } if dll == name),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            format!(
                "{name} is missing: the Virtual Machine Platform is off; turn that Windows feature on \
                 (wsl --install does) and restart Windows"
            )
        );
    }
    Dlls::load().unwrap();
}
