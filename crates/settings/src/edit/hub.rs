//! Writes a hub's link into a settings file.

use super::{Change, EditError, Editable, edited, set};
use crate::edge::Hub;
use crate::hub_link::HubLink;

/// The text of a settings file of type `S` with this link as its hub. It holds the link's secret.
///
/// # Errors
/// When the text is wrong, or is written in a way that can't be edited.
pub fn with_hub<S: Editable>(text: &str, link: &HubLink) -> Result<String, EditError> {
    const WHAT: &str = "out.hub";
    S::read(text, "the settings")?;
    let secret = link.expose();
    let edited = edited(
        text,
        |document| match document.get_mut("out") {
            Some(out) => {
                set(out.as_table_like_mut()?, "hub", &secret);
                Some(Change::Made)
            }
            None => Some(Change::AtEnd(format!("[out]\nhub = \"{}\"\n", *secret))),
        },
        WHAT,
    )?;
    match *S::read(&edited, "the edited settings")?.hub() == Hub::Manypath(link.clone()) {
        true => Ok(edited),
        false => Err(EditError::Unusual(WHAT)),
    }
}
