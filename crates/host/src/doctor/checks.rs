//! One function for each prerequisite, in the order in which a user would mend them.

use wslconfig::{Key, POLICIES};

use super::{Card, Edge, Facts, Finding, Fix, Service, Verdict};

/// Windows 10 20H1: the first build with the WSL that is installed from the Store.
const OLDEST_BUILD: u32 = 19041;

/// The first WSL that has `kernelModules` in `.wslconfig` and `.wsl` images.
const OLDEST_WSL: [u32; 3] = [2, 4, 4];

/// Everything that can be said.
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![windows(facts), vm_platform(facts), wsl(facts)];
    findings.extend(policies(facts));
    findings.extend(mode(facts));
    findings.extend(connections(facts));
    findings.extend(facts.cards.iter().filter(|it| it.wanted).map(card));
    findings.push(cards(facts));
    findings.push(service(facts));
    if let Some(service) = facts.service.as_ref().filter(|it| it.running && it.up) {
        findings.extend(edge(service));
    }
    findings
}

fn ok(subject: &str, text: impl Into<String>) -> Finding {
    found(subject, Verdict::Ok, text, "")
}

fn problem(subject: &str, text: impl Into<String>, advice: &str) -> Finding {
    found(subject, Verdict::Problem, text, advice)
}

fn warning(subject: &str, text: impl Into<String>, advice: &str) -> Finding {
    found(subject, Verdict::Warning, text, advice)
}

fn found(subject: &str, verdict: Verdict, text: impl Into<String>, advice: &str) -> Finding {
    Finding {
        subject: subject.to_owned(),
        verdict,
        text: text.into(),
        advice: (!advice.is_empty()).then(|| advice.to_owned()),
        fix: None,
    }
}

impl Finding {
    fn with_fix(self, fix: Fix) -> Self {
        Self {
            fix: Some(fix),
            ..self
        }
    }
}

fn windows(facts: &Facts) -> Finding {
    let windows = &facts.windows;
    let text = format!("{}, build {}", windows.name, windows.build);
    if windows.build >= OLDEST_BUILD {
        ok("Windows", text)
    } else {
        let advice = format!("update Windows to build {OLDEST_BUILD} or newer");
        problem("Windows", text, &advice)
    }
}

fn vm_platform(facts: &Facts) -> Finding {
    let subject = "Virtual Machine Platform";
    if facts.windows.has_vm_platform {
        return ok(subject, "it is on");
    }
    let advice = "switch it on (wsl --install --no-distribution does) and restart the PC; \
                  virtualization must be on in the firmware, too";
    problem(subject, "it is off, and WSL 2 runs on it", advice).with_fix(Fix::InstallWsl)
}

fn wsl(facts: &Facts) -> Finding {
    let Some(wsl) = &facts.wsl else {
        let advice = "install it: wsl --install --no-distribution";
        return problem("WSL", "it is not installed", advice).with_fix(Fix::InstallWsl);
    };
    let wanted = OLDEST_WSL.map(|it| it.to_string()).join(".");
    match parts(&wsl.version) {
        Some(version) if version >= OLDEST_WSL => ok("WSL", format!("version {}", wsl.version)),
        Some(_) => problem(
            "WSL",
            format!("version {} is older than {wanted}", wsl.version),
            "update it: wsl --update",
        )
        .with_fix(Fix::UpdateWsl),
        None => problem(
            "WSL",
            "it is the one that came with Windows, which cannot load kernel modules",
            "get the one of the Store: wsl --update",
        )
        .with_fix(Fix::UpdateWsl),
    }
}

/// The first three numbers of a version.
fn parts(version: &str) -> Option<[u32; 3]> {
    let mut numbers = version.trim().split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some([next()?, next()?, next()?])
}

fn policies(facts: &Facts) -> Vec<Finding> {
    let is_off = |name: &str| {
        let mut policies = facts.policies.iter();
        policies.any(|(it, value)| it.eq_ignore_ascii_case(name) && *value == 0)
    };
    let needed = [
        Some("AllowWSL"),
        Key::Kernel.policy(),
        Key::NetworkingMode.policy(),
    ];
    let off = needed.into_iter().flatten().filter(|name| is_off(name));
    off.map(|name| {
        let text = format!("{name} is 0: the administrator of this PC forbids what Manypath needs");
        let advice = format!("have {name} set to 1 below HKEY_LOCAL_MACHINE\\{POLICIES}");
        problem("Policies", text, &advice)
    })
    .collect()
}

/// NAT is what leaves the guest's cards to us. WSL falls back to other modes without a word to
/// programs, so what the edge sees counts more than what was asked for.
fn mode(facts: &Facts) -> Option<Finding> {
    let wsl = facts.wsl.as_ref()?;
    let edge = facts.service.as_ref().and_then(|it| it.edge.as_ref());
    let real = edge.and_then(|it| it.mode.as_deref());
    let mode = real.unwrap_or(&wsl.wanted_mode);
    if mode == "nat" {
        return Some(ok("Networking mode", "nat"));
    }
    let text = match real {
        Some(real) if real != wsl.wanted_mode => {
            format!("WSL fell back from {} to {real}", wsl.wanted_mode)
        }
        _ => format!("{mode}: Manypath works with nat"),
    };
    let advice = "set networkingMode=nat below [wsl2] in .wslconfig, and run: wsl --shutdown";
    Some(problem("Networking mode", text, advice))
}

fn connections(facts: &Facts) -> Option<Finding> {
    let subject = "Wi-Fi beside Ethernet";
    facts.minimizes_connections.then(|| {
        let text = "Windows switches Wi-Fi off as soon as Ethernet is there (fMinimizeConnections)";
        if facts.connections_are_forced {
            let advice =
                "have it set to 0 in the group policy: the administrator of this PC does that";
            return warning(subject, text, advice);
        }
        let advice = "let Manypath change that; uninstall puts it back";
        warning(subject, text, advice).with_fix(Fix::KeepConnections)
    })
}

fn card(card: &Card) -> Finding {
    let subject = format!("Card {}", card.alias);
    match (&card.switch, &card.problem) {
        (Some(switch), _) if card.connected => ok(&subject, format!("on the switch {switch:?}")),
        (Some(_), _) => warning(
            &subject,
            "it is not connected",
            "plug it in or switch it on",
        ),
        (None, Some(problem_text)) => problem(&subject, problem_text, ""),
        (None, None) => found(&subject, Verdict::Unknown, "it has no switch yet", ""),
    }
}

fn cards(facts: &Facts) -> Finding {
    let usable = facts.cards.iter().filter(|it| it.wanted && it.connected);
    match usable.count() {
        0 => problem(
            "Internet connections",
            "no card is connected",
            "plug a cable in, or join a Wi-Fi",
        ),
        1 => warning(
            "Internet connections",
            "one: there is nothing to add up, and nothing to fall back on",
            "connect a second one, such as a phone by USB",
        ),
        count => ok("Internet connections", count.to_string()),
    }
}

fn service(facts: &Facts) -> Finding {
    match &facts.service {
        None => problem("Service", "it is not installed", "run: manypath install"),
        Some(service) if !service.running => {
            problem("Service", "it does not run", "run: manypath up").with_fix(Fix::StartService)
        }
        Some(service) if !service.up => warning(
            "Service",
            "it runs, and is switched off",
            "run: manypath up",
        ),
        Some(_) => ok("Service", "it runs"),
    }
}

fn edge(service: &Service) -> Vec<Finding> {
    let Some(edge) = &service.edge else {
        let (text, advice) = match (&service.user, &service.trouble) {
            (None, _) => ("nobody is logged on, and WSL belongs to users", "log on"),
            (_, Some(trouble)) => (trouble.as_str(), "run: manypath logs"),
            (_, None) => ("it is being started", ""),
        };
        let verdict = match service.trouble {
            Some(_) => Verdict::Problem,
            None => Verdict::Unknown,
        };
        return vec![found("Edge", verdict, text, advice)];
    };
    let mut findings = vec![kernel(edge)];
    findings.extend(hub(edge));
    findings
}

fn kernel(edge: &Edge) -> Finding {
    let wanted = edge.wanted_kernel.as_ref();
    if let Some(wanted) = wanted.filter(|wanted| **wanted != edge.kernel) {
        let text = format!("WSL runs {} and not {wanted}, which is set", edge.kernel);
        let advice = "it counts when WSL starts the next time: wsl --shutdown";
        let verdict = match edge.has_mptcp {
            true => Verdict::Warning,
            false => Verdict::Problem,
        };
        return found("Kernel", verdict, text, advice);
    }
    if edge.has_mptcp {
        return ok("Kernel", format!("{} has Multipath TCP", edge.kernel));
    }
    let text = format!("WSL runs {}, which has no Multipath TCP", edge.kernel);
    let advice =
        "a kernel that was set in .wslconfig counts when WSL starts the next time: wsl --shutdown";
    problem("Kernel", text, advice)
}

fn hub(edge: &Edge) -> Vec<Finding> {
    let Some(hub) = &edge.hub else {
        let text = "none: only servers that speak Multipath TCP themselves are reached over several connections";
        return vec![warning("Hub", text, "run: manypath connect LINK")];
    };
    let by_uplink = |uplink: &super::Uplink| {
        let subject = format!("Hub {hub} by {}", uplink.name);
        if uplink.answers {
            ok(&subject, &uplink.reason)
        } else {
            problem(
                &subject,
                &uplink.reason,
                "look whether this connection reaches the Internet",
            )
        }
    };
    edge.uplinks.iter().map(by_uplink).collect()
}
