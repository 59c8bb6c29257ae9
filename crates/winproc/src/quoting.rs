//! How arguments become a command line. Windows hands a program one text; the program takes it apart
//! by the rules of `CommandLineToArgvW` and of Microsoft's C runtime.

/// Appends a program's path: in quotes, and nothing is escaped there. It holds no quote itself.
pub(crate) fn program(line: &mut String, path: &str) {
    line.extend(["\"", path, "\""]);
}

/// Appends an argument. Quotes are escaped by a backslash; backslashes are doubled where a quote
/// follows them, and stand for themselves elsewhere.
pub(crate) fn argument(line: &mut String, argument: &str) {
    let bare = |c| !matches!(c, ' ' | '\t' | '\n' | '\x0B' | '"');
    if !argument.is_empty() && argument.chars().all(bare) {
        line.push_str(argument);
        return;
    }
    line.push('"');
    let mut backslashes = 0;
    for c in argument.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                double(line, backslashes);
                line.push('\\');
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        line.push(c);
    }
    double(line, backslashes);
    line.push('"');
}

/// Appends as many backslashes as there are already.
fn double(line: &mut String, backslashes: usize) {
    line.extend(std::iter::repeat_n('\\', backslashes));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples() {
        for (given, expected) in [
            ("plain", "plain"),
            ("", r#""""#),
            ("two words", r#""two words""#),
            (r"C:\dir\", r"C:\dir\"),
            (r"C:\Program Files\", r#""C:\Program Files\\""#),
            (r#"say "yes""#, r#""say \"yes\"""#),
            (r#"\""#, r#""\\\"""#),
            ("a\tb", "\"a\tb\""),
            ("Ω", "Ω"),
        ] {
            let mut line = String::new();
            argument(&mut line, given);
            assert_eq!(line, expected, "{given}");
        }
    }

    /// Takes a line apart as Microsoft documents it ("Parsing C command-line arguments").
    fn decode(line: &str) -> Vec<String> {
        let (program, rest) = line[1..].split_once('"').unwrap();
        let mut all = vec![program.to_owned()];
        let mut chars = rest.chars().peekable();
        loop {
            while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
            if chars.peek().is_none() {
                return all;
            }
            let (mut word, mut quoted) = (String::new(), false);
            while let Some(c) = chars.next_if(|&c| quoted || !matches!(c, ' ' | '\t')) {
                match c {
                    '\\' => {
                        let mut count = 1;
                        while chars.next_if_eq(&'\\').is_some() {
                            count += 1;
                        }
                        let before_quote = chars.peek() == Some(&'"');
                        let kept = if before_quote { count / 2 } else { count };
                        word.extend(std::iter::repeat_n('\\', kept));
                        if before_quote && count % 2 == 1 {
                            word.extend(chars.next());
                        }
                    }
                    '"' if quoted && chars.next_if_eq(&'"').is_some() => word.push('"'),
                    '"' => quoted = !quoted,
                    c => word.push(c),
                }
            }
            all.push(word);
        }
    }

    #[test]
    fn the_decoder_knows_microsofts_examples() {
        for (line, expected) in [
            (r#""p" "abc" d e"#, &["p", "abc", "d", "e"][..]),
            (r#""p" a\\b d"e f"g h"#, &["p", r"a\\b", "de fg", "h"]),
            (r#""p" a\\\"b c d"#, &["p", r#"a\"b"#, "c", "d"]),
            (r#""p" a\\\\"b c" d e"#, &["p", r"a\\b c", "d", "e"]),
            (r#""p" a"b"" c d"#, &["p", r#"ab" c d"#]),
        ] {
            assert_eq!(decode(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn programs_see_what_was_given(arguments in prop::collection::vec(
            prop_oneof![r#"[ab \\"\t]{0,12}"#, any::<String>()], 0..6))
        {
            let mut line = String::new();
            program(&mut line, r"C:\Program Files\a.exe");
            for one in &arguments {
                line.push(' ');
                argument(&mut line, one);
            }
            let mut expected = vec![r"C:\Program Files\a.exe".to_owned()];
            expected.extend(arguments);
            prop_assert_eq!(decode(&line), expected);
        }
    }
}
