//! `manypath hub install` and `manypath hub uninstall`: make a server with systemd a hub, and take it back.
//!
//! `observe` reads the server, `plan` decides, `apply` does one step: so a second run does what is left
//! to do, if anything.
//!
//! The user is made by systemd-sysusers and not by `DynamicUser=`: root writes the settings and the key,
//! which the hub has to be able to read under a number that stays the same. A file for systemd-sysusers,
//! rather than a call of useradd(8), also makes it where /etc is set up anew at boot, and works on images.
//! BBR is loaded by `modprobe@tcp_bbr.service`, which the unit wants: no file in modules-load.d is needed.

mod apply;
mod firewall;
mod observe;
mod place;
mod plan;
mod step;

use std::collections::BTreeSet;
use std::path::PathBuf;

use settings::hub::UserName;

use super::init;
use super::link::{Place, public_addresses};
use crate::Failure;
use observe::Observed;
use place::Root;
use step::Step;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    place: Place,
    /// The first user's name. Without meaning where there are users.
    #[arg(long, value_name = "NAME", default_value = "first")]
    user: UserName,
}

#[derive(Debug, clap::Args)]
pub struct UninstallArguments {
    #[command(flatten)]
    server: Server,
    /// Delete the hub's key, its settings, its users and their counters, too.
    #[arg(long)]
    purge: bool,
}

#[derive(Debug, clap::Args)]
struct Server {
    /// Print the steps and take none.
    #[arg(long)]
    dry_run: bool,
    /// Work on the image of a server, below this folder. Nothing of it is started, and it gets no key.
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let (root, dry_run) = arguments.server.check(by_hand)?;
    let observed = observe::observe(&root)?;
    let steps = plan::install(&observed);
    if dry_run {
        print(&steps);
        return Ok(());
    }
    if steps.contains(&Step::Initialise) {
        // Nobody can tell the address that clients use: better now than half way.
        let settings = observe::settings(&root)?;
        arguments.place.reach(&settings, &public_addresses()?)?;
    }
    let mut first = Some(init::Arguments {
        place: arguments.place,
        user: arguments.user,
        settings: place::SETTINGS.into(),
        json: false,
    });
    for step in &steps {
        println!("{step}");
        apply::apply(&root, step, &mut first)?;
    }
    if steps.is_empty() {
        println!("nothing to do");
    }
    match observed.image {
        true => println!(
            "the image is ready. On each server that comes of it, run: {} hub install",
            place::PROGRAM
        ),
        false => println!("the hub runs; its log: journalctl -u {}", place::SERVICE),
    }
    advise(&root);
    Ok(())
}

pub fn uninstall(arguments: UninstallArguments) -> Result<(), Failure> {
    let (root, dry_run) = arguments.server.check(|| NO_SYSTEMD.to_owned())?;
    let observed = observe::observe(&root)?;
    let steps = plan::uninstall(&observed, arguments.purge);
    if dry_run {
        print(&steps);
        return Ok(());
    }
    // What can't be taken back must not keep the rest from it.
    let mut failures = Vec::new();
    for step in &steps {
        println!("{step}");
        if let Err(Failure::Other(error)) = apply::apply(&root, step, &mut None) {
            failures.push(format!("{error:#}"));
        }
    }
    match (steps.is_empty(), failures.is_empty()) {
        (true, _) => println!("nothing to do"),
        (false, true) => println!("the hub is uninstalled"),
        (false, false) => return Err(anyhow::anyhow!(failures.join("\n       ")).into()),
    }
    if !arguments.purge {
        say_what_stays(&observed);
    }
    Ok(())
}

impl Server {
    /// The server, and whether steps are only to be printed.
    fn check(self, without_systemd: impl Fn() -> String) -> Result<(Root, bool), Failure> {
        let root = match &self.root {
            Some(folder) => Some(std::path::absolute(folder)?),
            None => None,
        };
        if let Some(folder) = root.as_deref().filter(|folder| !folder.is_dir()) {
            return Err(Failure::Settings(format!(
                "--root: {} is no folder",
                folder.display()
            )));
        }
        if root.is_none() && !observe::is_systemd_here() {
            return Err(anyhow::anyhow!(without_systemd()).into());
        }
        if !self.dry_run && !rustix::process::geteuid().is_root() {
            return Err(anyhow::anyhow!("this changes the server: run it as root (sudo)").into());
        }
        Ok((Root::new(root), self.dry_run))
    }
}

fn print(steps: &[Step]) {
    if steps.is_empty() {
        println!("nothing to do");
    }
    for step in steps {
        println!("{step}");
    }
}

const NO_SYSTEMD: &str =
    "systemd does not run this machine (there is no /run/systemd/system); nothing was changed";

/// What the steps would be on a machine that somebody else's service manager runs.
fn by_hand() -> String {
    let (program, user, folder, state) = (place::PROGRAM, place::USER, place::FOLDER, place::STATE);
    let this = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("manypath"));
    format!(
        "{NO_SYSTEMD}. By hand, as root:\n\
         install -m 755 {} {program}\n\
         useradd --system --home-dir {state} --shell /usr/sbin/nologin {user}\n\
         install -d -o root -g {user} -m 750 {folder}\n\
         install -d -o {user} -g {user} -m 750 {state} {}\n\
         {program} hub init\n\
         chown root:{user} {folder}/hub.toml {folder}/hub.users.toml; chmod 640 {folder}/hub.toml {folder}/hub.users.toml\n\
         chown {user}:{user} {folder}/hub.key\n\
         And have this started with the machine, with room for many open files:\n\
         setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs \
         --inh-caps -all,+net_admin,+net_bind_service --ambient-caps -all,+net_admin,+net_bind_service \
         --bounding-set -all,+net_admin,+net_bind_service {program} hub",
        this.display(),
        place::RUNTIME
    )
}

/// How clients get through to the hub. It is for the server's owner to open it.
fn advise(root: &Root) {
    let settings = observe::settings(root).unwrap_or_default();
    let ports: BTreeSet<u16> = settings.listen.iter().map(|it| it.port()).collect();
    let commands = firewall::commands(&firewall::observe(root), &ports);
    if !commands.is_empty() {
        println!("this server has a firewall. To let clients in, run:");
    }
    for command in commands {
        println!("  {command}");
    }
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    println!(
        "if the server's provider has a firewall (security group) too, allow incoming TCP and UDP to port {} there",
        ports.join(", ")
    );
}

fn say_what_stays(observed: &Observed) {
    if observed.edge {
        println!(
            "{} stays: there are settings of an edge, {}",
            place::PROGRAM,
            place::EDGE_SETTINGS
        );
    }
    if !observed.left.is_empty() {
        let files = observed.left.iter().map(|path| path.display().to_string());
        println!(
            "key, users and counters stay, and the system user {}: {}. To delete them: manypath hub \
             uninstall --purge",
            place::USER,
            files.collect::<Vec<_>>().join(" ")
        );
    }
}
