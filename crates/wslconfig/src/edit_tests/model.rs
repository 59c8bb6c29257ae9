//! WSL's parser once more, character by character: what the real one is compared with.

enum State {
    Line,
    Skip,
    HeaderStart,
    Header,
    HeaderEnd,
    Name,
    NameEnd,
    ValueStart,
    Value,
    Escape,
}

struct Model {
    state: State,
    section: Vec<u8>,
    word: Vec<u8>,
    value: Vec<u8>,
    /// How much of the value is no blank at its end.
    len: usize,
    quoted: bool,
    entries: Vec<(String, String)>,
}

/// All entries of a file in their order, as `section.key` in small letters and value.
pub fn entries(bytes: &[u8]) -> Vec<(String, String)> {
    let mut model = Model {
        state: State::Line,
        section: Vec::new(),
        word: Vec::new(),
        value: Vec::new(),
        len: 0,
        quoted: false,
        entries: Vec::new(),
    };
    for code in wide(bytes) {
        model.push(Some(code));
    }
    model.push(None);
    model.entries
}

/// What WSL takes for the value of one of these keys.
pub fn get(bytes: &[u8], names: &[&str]) -> Option<String> {
    let mut entries = entries(bytes).into_iter();
    entries
        .find(|(name, _)| names.contains(&name.as_str()))
        .map(|(_, value)| value)
}

fn wide(bytes: &[u8]) -> Vec<u16> {
    let text = if let Some(bytes) = bytes.strip_prefix(b"\xFF\xFE") {
        let pairs = bytes.chunks_exact(2);
        pairs
            .map(|pair| u16::from(pair[1]) << 8 | u16::from(pair[0]))
            .collect()
    } else {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        String::from_utf8_lossy(bytes)
            .encode_utf16()
            .collect::<Vec<_>>()
    };
    let mut wide: Vec<u16> = Vec::new();
    for code in text.into_iter().take_while(|code| *code != 0x1A) {
        if code == 10 && wide.last() == Some(&13) {
            wide.pop();
        }
        wide.push(code);
    }
    wide
}

impl Model {
    fn push(&mut self, code: Option<u16>) {
        let char = code.map(|code| char::from(u8::try_from(code).unwrap_or(0xFF)));
        let skip_from = |char| match char {
            Some('\n') => State::Line,
            _ => State::Skip,
        };
        self.state = match (&self.state, char) {
            (State::Line, Some(' ' | '\t' | '\r' | '\n')) => State::Line,
            (State::Line, Some('[')) => State::HeaderStart,
            (State::Line, Some(it)) if it.is_ascii_alphabetic() => self.start_word(it, State::Name),
            (State::Line | State::Skip, _) => skip_from(char),

            (State::HeaderStart, Some(it)) if it.is_ascii_alphabetic() => {
                self.start_word(it, State::Header)
            }
            (State::HeaderStart, _) => skip_from(char),
            (State::Header, Some(']')) => State::HeaderEnd,
            (State::Header, Some(it)) if it.is_ascii_alphanumeric() => {
                self.word.push(it as u8);
                State::Header
            }
            (State::HeaderEnd, Some(' ' | '\t')) => State::HeaderEnd,
            (State::HeaderEnd, None | Some('\r' | '\n' | '#')) => {
                self.section = self.word.clone();
                if char == Some('#') {
                    State::Skip
                } else {
                    State::Line
                }
            }
            (State::Header | State::HeaderEnd, _) => {
                let len = self.section.len();
                self.section = self.word.clone();
                self.section.resize(len, 0);
                skip_from(char)
            }

            (State::Name, Some(it)) if it.is_ascii_alphanumeric() => {
                self.word.push(it as u8);
                State::Name
            }
            (State::Name | State::NameEnd, Some(' ' | '\t')) => State::NameEnd,
            (State::Name | State::NameEnd, Some('=')) => self.start_value(),
            (State::Name | State::NameEnd, _) => skip_from(char),

            (State::ValueStart, Some(' ' | '\t')) => State::ValueStart,
            (State::ValueStart | State::Value, None | Some('\r' | '\n')) => self.end_value(char),
            (State::ValueStart | State::Value, Some('#')) if !self.quoted => self.end_value(char),
            (State::ValueStart | State::Value, Some('\\')) => State::Escape,
            (State::ValueStart | State::Value, Some('"')) => {
                self.quoted = !self.quoted;
                self.keep(None)
            }
            (State::ValueStart | State::Value, Some(it)) => {
                self.value.push(code.unwrap() as u8);
                if it == ' ' || it == '\t' {
                    State::Value
                } else {
                    self.keep(None)
                }
            }
            (State::Escape, Some('\n')) => self.keep(None),
            (State::Escape, Some('b')) => self.keep(Some(8)),
            (State::Escape, Some('n')) => self.keep(Some(b'\n')),
            (State::Escape, Some('t')) => self.keep(Some(b'\t')),
            (State::Escape, Some(it @ ('\\' | '"'))) => self.keep(Some(it as u8)),
            (State::Escape, _) => State::Skip,
        };
    }

    fn start_word(&mut self, first: char, state: State) -> State {
        self.word = vec![first as u8];
        state
    }

    fn start_value(&mut self) -> State {
        (self.value, self.len, self.quoted) = (Vec::new(), 0, false);
        State::ValueStart
    }

    fn keep(&mut self, byte: Option<u8>) -> State {
        self.value.extend(byte);
        self.len = self.value.len();
        State::Value
    }

    fn end_value(&mut self, char: Option<char>) -> State {
        if self.quoted {
            return if char == Some('\r') {
                State::Skip
            } else {
                State::Line
            };
        }
        let mut name = self.section.clone();
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend(&self.word);
        let c_string = |bytes: &[u8]| {
            let bytes = bytes.split(|byte| *byte == 0).next().unwrap();
            String::from_utf8_lossy(bytes).into_owned()
        };
        let value = c_string(&self.value[..self.len]);
        self.entries
            .push((c_string(&name).to_ascii_lowercase(), value));
        if char == Some('#') {
            State::Skip
        } else {
            State::Line
        }
    }
}
