//! Access lists, as text in Windows' security descriptor language.

use std::fmt::Write as _;

use crate::sid::Sid;

/// What somebody may do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Full,
    /// Read a file or list a directory.
    Read,
    /// Connect to a named pipe, read and write.
    Connect,
}

impl Access {
    /// The rights that a client of a named pipe gets, and has to ask for.
    ///
    /// All that `FILE_GENERIC_READ` and `FILE_GENERIC_WRITE` stand for but for the bit
    /// `FILE_CREATE_PIPE_INSTANCE`: who has it can add a server's end of its own to the pipe and be
    /// taken for the service by the next client.
    pub const CONNECT: u32 = 0x0012_019B;

    fn sddl(self) -> String {
        match self {
            Self::Full => "FA".to_owned(),
            Self::Read => "FR".to_owned(),
            Self::Connect => format!("{:#x}", Self::CONNECT),
        }
    }
}

/// Who may do what with an object. Nobody else may do anything, and nothing is inherited from where
/// the object lies. It belongs to Windows' administrators, so only they and Windows itself can make
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessList {
    entries: Vec<(Sid, Access)>,
}

impl AccessList {
    /// Everything for Windows itself and its administrators, nothing for others.
    pub fn private() -> Self {
        Self {
            entries: vec![
                (Sid::SYSTEM, Access::Full),
                (Sid::ADMINISTRATORS, Access::Full),
            ],
        }
    }

    /// Lets somebody else in.
    #[must_use]
    pub fn and(mut self, who: Sid, access: Access) -> Self {
        self.entries.push((who, access));
        self
    }

    /// The security descriptor of a pipe or a file: `O:BAD:P(A;;FA;;;S-1-5-18)…`.
    pub fn sddl(&self) -> String {
        self.text("")
    }

    /// That of a directory, whose files and directories inherit it.
    pub fn directory_sddl(&self) -> String {
        self.text("OICI")
    }

    fn text(&self, inheritance: &str) -> String {
        let mut text = format!("O:{}D:P", Sid::ADMINISTRATORS);
        for (who, access) in &self.entries {
            let rights = access.sddl();
            write!(text, "(A;{inheritance};{rights};;;{who})").expect("a String takes all");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private() {
        assert_eq!(
            AccessList::private().sddl(),
            "O:S-1-5-32-544D:P(A;;FA;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)"
        );
        assert_eq!(
            AccessList::private().directory_sddl(),
            "O:S-1-5-32-544D:P(A;OICI;FA;;;S-1-5-18)(A;OICI;FA;;;S-1-5-32-544)"
        );
    }

    #[test]
    fn others_come_last() {
        let list = AccessList::private()
            .and(Sid::AUTHENTICATED_USERS, Access::Connect)
            .and("S-1-5-21-1-2-3-1001".parse().unwrap(), Access::Read);
        let others = "(A;;0x12019b;;;S-1-5-11)(A;;FR;;;S-1-5-21-1-2-3-1001)";
        assert_eq!(list.sddl(), AccessList::private().sddl() + others);
    }

    /// `FILE_GENERIC_READ | FILE_GENERIC_WRITE` and `FILE_CREATE_PIPE_INSTANCE` of `winnt.h`.
    #[test]
    fn a_client_cannot_play_the_server() {
        assert_eq!(Access::CONNECT, (0x0012_0089 | 0x0012_0116) & !0x4);
    }
}
