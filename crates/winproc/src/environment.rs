//! Environment blocks: `NAME=value` after `NAME=value` in UTF-16, each ended by a zero, and one more
//! zero at the end.

const EQUALS: u16 = b'=' as u16;

/// The environment of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    /// `NAME=value`, without zeros.
    entries: Vec<Vec<u16>>,
}

impl Environment {
    /// Reads a block, up to its end.
    pub(crate) fn parse(block: &[u16]) -> Self {
        let entries = block.split(|&unit| unit == 0);
        Self {
            entries: entries
                .take_while(|entry| !entry.is_empty())
                .map(<[u16]>::to_vec)
                .collect(),
        }
    }

    /// Sets a variable. Names differ in more than upper and lower case.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let entry: Vec<u16> = format!("{name}={value}").encode_utf16().collect();
        self.entries.retain(|other| key(other) != key(&entry));
        self.entries.push(entry);
    }

    /// The block, sorted by name as Windows wants it.
    pub(crate) fn block(mut self) -> Vec<u16> {
        self.entries.sort_by_key(|entry| key(entry));
        let mut block = Vec::new();
        for entry in self.entries {
            block.extend(entry);
            block.push(0);
        }
        // An empty one ends with two zeros as well.
        if block.is_empty() {
            block.push(0);
        }
        block.push(0);
        block
    }
}

/// An entry's name in upper case. That of a drive's directory begins with `=`, as in `=C:=C:\dir`.
fn key(entry: &[u16]) -> Vec<u16> {
    let end = entry.iter().skip(1).position(|&unit| unit == EQUALS);
    let name = &entry[..end.map_or(entry.len(), |end| end + 1)];
    let upper = |&unit: &u16| match u8::try_from(unit) {
        Ok(byte) => byte.to_ascii_uppercase().into(),
        Err(_) => unit,
    };
    name.iter().map(upper).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn others_stay() {
        let block = utf16("=C:=C:\\x\0Path=a;b\0wsl_utf8=0\0ZÄ=ö\0\0rubbish");
        let mut environment = Environment::parse(&block);
        environment.set("WSL_UTF8", "1");
        environment.set("A", "x=y");
        let expected = "=C:=C:\\x\0A=x=y\0Path=a;b\0WSL_UTF8=1\0ZÄ=ö\0\0";
        assert_eq!(environment.block(), utf16(expected));
    }

    #[test]
    fn the_last_value_counts() {
        let mut environment = Environment::parse(&[]);
        environment.set("a", "1");
        environment.set("A", "2");
        environment.set("AB", "3");
        assert_eq!(environment.block(), utf16("A=2\0AB=3\0\0"));
    }

    #[test]
    fn empty() {
        assert_eq!(Environment::parse(&[0, 0]).block(), [0, 0]);
    }
}
