//! The settings file that a new hub starts with.

use std::path::Path;

use super::Settings;

impl Settings {
    /// A commented settings file that says where this hub listens, what edges reach it by, and where key and
    /// users are. The rest has its default.
    pub fn first_file(&self) -> String {
        let text = |text: &str| toml::Value::from(text).to_string();
        let path = |path: &Path| text(&path.to_string_lossy());
        let listen: Vec<String> = self.listen.iter().map(|it| text(&it.to_string())).collect();
        let public = match &self.public {
            Some(public) => format!("public = {}", text(&public.to_string())),
            None => "#public = \"hub.example:443\"".to_owned(),
        };
        let announce: Vec<String> = self
            .announce
            .iter()
            .map(|it| text(&it.to_string()))
            .collect();
        let announce = match announce.is_empty() {
            true => "#announce = [\"203.0.113.2\", \"2001:db8::2\"]".to_owned(),
            false => format!("announce = [{}]", announce.join(", ")),
        };
        format!(
            "# Settings of `manypath hub`. What else there is to set: manypath settings example hub\n\
             \n\
             # Where the hub listens for edges (MPTCP, encrypted).\n\
             listen = [{}]\n\
             # Host and port that users' links name: what edges reach this hub by.\n\
             {public}\n\
             # This server's addresses, of which edges are told: for uplinks that have IPv4 or IPv6 alone.\n\
             {announce}\n\
             # The hub's private key. Keep a copy: every link is for this key.\n\
             key = {}\n\
             # Who may use the hub: see `manypath hub user --help`.\n\
             users = {}\n",
            listen.join(", "),
            path(&self.key),
            path(&self.users),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for public in [None, Some("[2001:db8::1]:8443".parse().unwrap())] {
            let settings = Settings {
                listen: vec!["[::]:8443".parse().unwrap()],
                public,
                announce: vec![
                    "203.0.113.2".parse().unwrap(),
                    "2001:db8::2".parse().unwrap(),
                ],
                key: "/a \"quoted\" \u{7f}folder/hub.key".into(),
                users: "/etc/manypath/users'".into(),
                ..Settings::default()
            };
            let text = settings.first_file();
            let read = Settings::parse(&text, "hub.toml").unwrap_or_else(|e| panic!("{e}\n{text}"));
            assert_eq!(read, settings);
        }
    }
}
