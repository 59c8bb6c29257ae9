//! What really runs after a start, against what was asked for: WSL falls back to other things without a word to
//! programs. Pure.

use channel::EdgeHello;

/// The only networking mode that leaves the guest's cards to us.
pub const MODE: &str = "nat";

/// What is otherwise, and what to do. `kernel` is the release that WSL is to start, if that is known.
pub fn differences(hello: &EdgeHello, kernel: Option<&str>) -> Vec<String> {
    let kernel = kernel
        .filter(|wanted| *wanted != hello.kernel)
        .map(|wanted| {
            format!(
                "WSL runs the kernel {} and not {wanted}; it counts when WSL starts the next time: run wsl --shutdown, \
                 and manypath doctor if that does not help",
                hello.kernel
            )
        });
    // Outside of WSL, or where it can't tell, there is nothing to compare.
    let mode = hello.networking.as_deref();
    let mode = mode.filter(|mode| *mode != MODE).map(|mode| {
        format!(
            "WSL has connected its VM in the mode {mode} and not by {MODE}, so network cards can't be used there; \
             set networkingMode={MODE} below [wsl2] in .wslconfig and run wsl --shutdown; if it says so already, WSL \
             fell back from it: restart the PC, and run wsl --update"
        )
    });
    kernel.into_iter().chain(mode).collect()
}

#[cfg(test)]
mod tests {
    use channel::{Mptcp, PROTOCOL};

    use super::*;

    fn hello(kernel: &str, mode: Option<&str>) -> EdgeHello {
        EdgeHello {
            protocol: PROTOCOL,
            version: "0.1.0".to_owned(),
            kernel: kernel.to_owned(),
            mptcp: Mptcp::Available,
            vm: None,
            networking: mode.map(str::to_owned),
        }
    }

    #[test]
    fn what_was_asked_for_is_no_news() {
        for mode in [Some("nat"), None] {
            assert_eq!(differences(&hello("6.18", mode), Some("6.18")), [""; 0]);
            assert_eq!(differences(&hello("6.18", mode), None), [""; 0]);
        }
    }

    #[test]
    fn a_fall_back_is_named_with_what_to_do() {
        let found = differences(&hello("6.6-microsoft", Some("consomme")), Some("6.18"));
        let [kernel, mode] = &found[..] else {
            panic!("{found:?}")
        };
        assert!(kernel.contains("6.6-microsoft and not 6.18"), "{kernel}");
        assert!(
            mode.contains("consomme") && mode.contains("wsl --shutdown"),
            "{mode}"
        );
    }
}
