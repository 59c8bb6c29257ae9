//! Writing the edge's settings.

use toml::{Table, Value};
use zeroize::Zeroizing;

use super::Settings;

impl Settings {
    /// A file's text that [`Settings::parse`] reads as these settings. Other than what `Serialize` writes,
    /// it holds the secrets.
    pub fn to_toml(&self) -> Zeroizing<String> {
        let mut file = Table::try_from(self).expect("TOML has all types of the settings");
        if let Some(hub) = self.out.hub.expose()
            && let Some(out) = file.get_mut("out").and_then(Value::as_table_mut)
        {
            out.insert("hub".to_owned(), hub);
        }
        let users = file
            .get_mut("proxy")
            .and_then(|proxy| proxy.get_mut("users"));
        let users = users.and_then(Value::as_array_mut).into_iter().flatten();
        for (written, user) in users.zip(&self.proxy.users) {
            written["password"] = user.password().expose().into();
        }
        let text = toml::to_string(&file).expect("a table is a document");
        Zeroizing::new(text)
    }
}
