//! What a user's WSL needs: two lines in `.wslconfig`, and the distribution that the edge lives in.
//!
//! Both are the user's own, so each user who logs on gets them, and gets back what was there before.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wslconfig::{Changes, Document, Kernel, Key, ParseError, Setting};

use crate::goal::Goal;

#[cfg(test)]
mod tests;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whether everything is to be there, or nothing of ours.
    pub goal: Goal,
    /// What `.wslconfig` is to say.
    pub kernel: WantedKernel,
    /// The name of the distribution.
    pub distribution: String,
    /// The image that comes with this version: what identifies its contents.
    pub image: String,
}

/// Which kernel `.wslconfig` is to name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedKernel {
    /// This one, with its modules.
    Ours(Kernel),
    /// The one that was there before, as there is none of ours any more.
    Former,
    /// Somebody else sees to it: the file is left alone.
    Theirs,
}

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// `.wslconfig`; empty if there is none.
    pub config: Vec<u8>,
    /// Values below [`wslconfig::POLICIES`] that are 0.
    pub forbidden: Vec<String>,
    /// The user's distributions.
    pub distributions: Vec<Distribution>,
    /// The one that `wsl` without a name starts.
    pub default: Option<Uuid>,
    /// What was changed for this user.
    pub record: Record,
}

/// One of a user's distributions, as registered below `Lxss` in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// The name of its key.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// What was changed for one user, written down before it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Record {
    /// In `.wslconfig`.
    pub changes: Changes,
    /// The distribution.
    pub import: Option<Import>,
}

/// A distribution that was imported, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Its name.
    pub name: String,
    /// What it was made from.
    pub image: String,
    /// The default distribution before.
    pub former_default: Option<Uuid>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write down what is changed next.
    Record(Record),
    /// Write `.wslconfig`. It counts when the VM starts the next time.
    WriteConfig(Vec<u8>),
    /// Take the distribution away, with all that is in it.
    Unregister(String),
    /// Make the distribution from the image.
    Import(String),
    /// Make another distribution the default again.
    SetDefault(Distribution),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(_) => write!(f, "write down what is changed"),
            Self::WriteConfig(_) => write!(f, "write .wslconfig"),
            Self::Unregister(name) => write!(f, "unregister the distribution {name}"),
            Self::Import(name) => write!(f, "import the distribution {name}"),
            Self::SetDefault(other) => write!(f, "make {} the default distribution", other.name),
        }
    }
}

/// What keeps the goal from being reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// WSL can't read the file either.
    #[error(".wslconfig can't be edited: {0}")]
    Config(ParseError),
    /// The administrator does not let users choose a kernel.
    #[error(
        "the computer's policy {policy} forbids {key} in .wslconfig, so WSL starts its own kernel, which has no Multipath TCP; have the policy set to 1 below HKEY_LOCAL_MACHINE\\{}",
        wslconfig::POLICIES
    )]
    Forbidden {
        /// The value in the registry.
        policy: &'static str,
        /// The setting.
        key: Key,
    },
    /// In safe mode WSL ignores the kernel.
    #[error("safeMode in line {0} of .wslconfig makes WSL ignore the kernel; take that line out")]
    SafeMode(usize),
    /// The user has a distribution of that name.
    #[error(
        "you have a distribution called {0:?} that is not Manypath's; rename it, or choose another name for guest.distribution in the settings"
    )]
    NameTaken(String),
    /// Modules of the user's own are left without a kernel.
    #[error(
        ".wslconfig has kernelModules but no kernel, and WSL does not start like that; take out that line or add the kernel it belongs to"
    )]
    ModulesWithoutKernel,
}

/// What to do, and what can't be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order.
    pub steps: Vec<Step>,
    /// For the user to see.
    pub problems: Vec<Problem>,
}

/// The steps that lead from what there is to what is wanted.
pub fn plan(wanted: &Wanted, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    match wanted.goal {
        Goal::Up => {
            match &wanted.kernel {
                WantedKernel::Ours(kernel) => set_config(kernel, observed, &mut plan),
                WantedKernel::Former => restore_config(observed, &mut plan),
                WantedKernel::Theirs => {}
            }
            import(wanted, observed, &mut plan);
        }
        // A stopped edge costs nothing, and what is set up needs no second `wsl --shutdown`.
        Goal::Down => {}
        Goal::Gone => {
            restore_config(observed, &mut plan);
            unregister(observed, &mut plan);
        }
    }
    plan
}

fn set_config(kernel: &Kernel, observed: &Observed, plan: &mut Plan) {
    let mut document = match Document::parse(&observed.config) {
        Ok(document) => document,
        Err(error) => return plan.problems.push(Problem::Config(error)),
    };
    let forbids = |policy: &&str| observed.forbidden.iter().any(|it| it == policy);
    if let Some(policy) = Key::Kernel.policy().filter(forbids) {
        let key = Key::Kernel;
        plan.problems.push(Problem::Forbidden { policy, key });
    }
    let safe_mode = document.get(Key::SafeMode);
    if let Some(found) = safe_mode.filter(|found| found.text.eq_ignore_ascii_case("true")) {
        plan.problems.push(Problem::SafeMode(found.line));
    }
    let mut record = observed.record.clone();
    document.set(&Setting::Kernel(kernel.clone()), &mut record.changes);
    write_config(&document, record, observed, plan);
}

fn restore_config(observed: &Observed, plan: &mut Plan) {
    if observed.record.changes.is_empty() {
        return;
    }
    match Document::parse(&observed.config) {
        Ok(mut document) => {
            let mut record = observed.record.clone();
            document.restore(std::mem::take(&mut record.changes));
            if document.has_modules_without_kernel() {
                plan.problems.push(Problem::ModulesWithoutKernel);
            }
            // The file first: what was there before must not be forgotten while it is not back.
            plan.steps
                .push(Step::WriteConfig(document.as_bytes().to_vec()));
            plan.steps.push(Step::Record(record));
        }
        Err(error) => plan.problems.push(Problem::Config(error)),
    }
}

fn write_config(document: &Document, record: Record, observed: &Observed, plan: &mut Plan) {
    if record != observed.record {
        plan.steps.push(Step::Record(record));
    }
    if document.as_bytes() != observed.config {
        plan.steps
            .push(Step::WriteConfig(document.as_bytes().to_vec()));
    }
}

fn import(wanted: &Wanted, observed: &Observed, plan: &mut Plan) {
    let name = &wanted.distribution;
    let present = observed.distribution(name);
    let recorded = observed.record.import.as_ref();
    match (present, recorded.filter(|it| it.name == *name)) {
        (Some(_), None) => return plan.problems.push(Problem::NameTaken(name.clone())),
        (Some(ours), Some(import)) if import.image == wanted.image => {
            plan.steps.extend(default_back(ours, import, observed));
            return;
        }
        (Some(_), Some(_)) => plan.steps.push(Step::Unregister(name.clone())),
        (None, _) => {}
    }
    // One under another name, from former settings.
    unregister_other(name, observed, plan);
    let ours = present.map(|it| it.id);
    let before = observed.default.filter(|id| Some(*id) != ours);
    let former_default = before.or(recorded.and_then(|it| it.former_default));
    let record = Record {
        changes: recorded_changes(plan, observed),
        import: Some(Import {
            name: name.clone(),
            image: wanted.image.clone(),
            former_default,
        }),
    };
    plan.steps.push(Step::Record(record));
    plan.steps.push(Step::Import(name.clone()));
}

/// The changes to `.wslconfig` as they are when the steps so far are done.
fn recorded_changes(plan: &Plan, observed: &Observed) -> Changes {
    let mut steps = plan.steps.iter().rev();
    let newest = steps.find_map(|step| match step {
        Step::Record(record) => Some(&record.changes),
        _ => None,
    });
    newest.unwrap_or(&observed.record.changes).clone()
}

fn unregister_other(name: &str, observed: &Observed, plan: &mut Plan) {
    let import = observed.record.import.as_ref();
    let other = import.filter(|it| it.name != name && observed.distribution(&it.name).is_some());
    plan.steps
        .extend(other.map(|it| Step::Unregister(it.name.clone())));
}

fn unregister(observed: &Observed, plan: &mut Plan) {
    let Some(import) = &observed.record.import else {
        return;
    };
    if let Some(ours) = observed.distribution(&import.name) {
        plan.steps.extend(default_back(ours, import, observed));
        plan.steps.push(Step::Unregister(import.name.clone()));
    }
    plan.steps.push(Step::Record(Record {
        changes: recorded_changes(plan, observed),
        import: None,
    }));
}

/// A first distribution, or one that WSL asks about, becomes the default
/// (WSL `src/windows/service/exe/LxssUserSession.cpp:4044-4073`).
fn default_back(ours: &Distribution, import: &Import, observed: &Observed) -> Option<Step> {
    let former = import.former_default?;
    let mut distributions = observed.distributions.iter();
    let former = distributions.find(|it| it.id == former)?;
    (observed.default == Some(ours.id)).then(|| Step::SetDefault(former.clone()))
}

impl Observed {
    fn distribution(&self, name: &str) -> Option<&Distribution> {
        // WSL compares names without regard to case.
        let mut distributions = self.distributions.iter();
        distributions.find(|it| it.name.eq_ignore_ascii_case(name))
    }
}
