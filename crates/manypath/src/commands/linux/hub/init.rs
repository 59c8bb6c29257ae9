//! `manypath hub init`: makes what a hub needs. What is there already stays as it is.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;
use settings::create_file;
use settings::hub::{Settings, UserFile, UserName};
use tls::HubKey;

use super::link::{self, DEFAULT_SETTINGS, NewUser, Place};
use super::user::edit_failure;
use crate::Failure;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) place: Place,
    /// The first user's name.
    #[arg(long, value_name = "NAME", default_value = "first")]
    pub(super) user: UserName,
    /// The settings file. Key and users are beside it, unless it is there and says otherwise.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_SETTINGS)]
    pub(super) settings: PathBuf,
    /// Print the link, the user's name, the hub's pin and the files as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let json = arguments.json;
    set_up(arguments)?;
    if !json {
        println!(
            "To start the hub: `manypath hub install` makes it a service, `manypath hub` runs it."
        );
    }
    Ok(())
}

/// Makes key, settings and first user, and prints the user's link.
pub fn set_up(arguments: Arguments) -> Result<(), Failure> {
    let path = std::path::absolute(&arguments.settings)?;
    let mut hub = Found::look(path, &arguments.place)?;
    hub.refuse_a_second_time()?;
    let own = link::public_addresses()?;
    let reach = arguments.place.reach(&hub.settings, &own)?;
    if !hub.has_settings && own.len() > 1 {
        hub.settings.announce = own;
    }
    let key = hub.key.clone().unwrap_or_else(HubKey::generate);
    let new = NewUser::new(arguments.user, &key, reach);
    let made = hub.write(&key, &new)?;
    if arguments.json {
        return new.print_json(&hub.path, &hub.settings);
    }
    for (path, what) in made {
        println!("made {}: {what}", path.display());
    }
    if hub.settings.public.is_none() {
        println!(
            "so that further links need no --host, add to {}: public = \"{}\"",
            hub.path.display(),
            new.link.destination
        );
    }
    println!();
    new.print();
    Ok(())
}

/// What there is of a hub.
struct Found {
    path: PathBuf,
    settings: Settings,
    has_settings: bool,
    key: Option<HubKey>,
    users: Option<UserFile>,
}

impl Found {
    fn look(path: PathBuf, place: &Place) -> Result<Self, Failure> {
        let has_settings = link::exists(&path)?;
        let wrong = |errors: settings::Errors| Failure::Settings(errors.to_string());
        let settings = match has_settings {
            true => Settings::load(&path).map_err(wrong)?,
            false => beside(&path, place),
        };
        let key = match link::exists(&settings.key)? {
            true => Some(link::read_key(&settings.key)?),
            false => None,
        };
        let users = match link::exists(&settings.users)? {
            true => Some(UserFile::load(&settings.users).map_err(wrong)?),
            false => None,
        };
        Ok(Self {
            path,
            settings,
            has_settings,
            key,
            users,
        })
    }

    /// Users have links, which a new key would make useless.
    fn refuse_a_second_time(&self) -> Result<(), Failure> {
        let users = self.users.as_ref().map_or(0, |users| users.iter().len());
        if users == 0 {
            return Ok(());
        }
        let again = link::command("init", &self.path);
        let (key, file) = (self.settings.key.display(), self.settings.users.display());
        let text = match self.key {
            None => format!(
                "the key {key} is missing, and the links of the {users} in {file} are for it. Put it back from a \
                 copy. If there is none, those links are lost: rm {file}, and then: {again}",
                users = people(users),
            ),
            Some(_) => format!(
                "this hub is set up already, and was left as it is:\n  \
                 settings  {settings}\n  key       {key}\n  users     {file} ({users})\n\
                 To add a user: {add}\n\
                 To start anew, after which none of its links works any more: rm {key} {file}, and then: {again}",
                settings = self.path.display(),
                users = people(users),
                add = link::command("user add NAME", &self.path),
            ),
        };
        Err(anyhow::anyhow!(text).into())
    }

    /// Writes what is missing, the user last: a run that was cut off can be repeated.
    fn write(
        &mut self,
        key: &HubKey,
        new: &NewUser,
    ) -> Result<Vec<(&Path, &'static str)>, Failure> {
        let mut made = Vec::new();
        if self.key.is_none() {
            create(&self.settings.key, &key.to_pem(), 0o600)?;
            made.push((
                &*self.settings.key,
                "the hub's private key. Keep a copy: every link is for it",
            ));
        }
        if !self.has_settings {
            self.settings.public = Some(new.link.destination.clone());
            create(&self.path, &self.settings.first_file(), 0o640)?;
            made.push((&*self.path, "its settings"));
        }
        match self.users {
            Some(_) => UserFile::add(&self.settings.users, &new.user).map_err(edit_failure)?,
            None => {
                make_folder_of(&self.settings.users)?;
                UserFile::create(&self.settings.users, &new.user).map_err(edit_failure)?;
                made.push((&*self.settings.users, "its users"));
            }
        }
        Ok(made)
    }
}

fn people(count: usize) -> String {
    match count {
        1 => "1 user".to_owned(),
        _ => format!("{count} users"),
    }
}

/// Settings for a new file, with key and users in the same folder.
fn beside(path: &Path, place: &Place) -> Settings {
    let default = Settings::default();
    let file = |default: &Path| path.with_file_name(default.file_name().unwrap_or_default());
    let mut settings = Settings {
        key: file(&default.key),
        users: file(&default.users),
        ..Settings::default()
    };
    if let Some(port) = place.port {
        settings.listen.iter_mut().for_each(|it| it.set_port(port));
    }
    settings
}

fn create(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    make_folder_of(path)?;
    let made = create_file(path, text, mode).map_err(|error| {
        let next = match error.kind() {
            io::ErrorKind::AlreadyExists => "somebody else makes it at this moment; run this again",
            _ => "run this as root",
        };
        let what = format!("cannot make {}; {next}", path.display());
        anyhow::Error::from(error).context(what)
    });
    Ok(made?)
}

fn make_folder_of(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    let made = fs::create_dir_all(folder);
    Ok(made.with_context(|| {
        format!(
            "cannot make the folder {}; run this as root, or name another place: --settings FILE",
            folder.display()
        )
    })?)
}
