use super::*;

fn error(text: &str) -> String {
    text.parse::<WindowsPath>().unwrap_err().to_string()
}

#[test]
fn paths_that_wsl_can_read() {
    for text in [
        r"C:\Program Files\Some Thing\bzImage",
        r"d:\a#b\it's (1) [x]",
        r"C:\vmlinux",
    ] {
        let path: WindowsPath = text.parse().unwrap();
        assert_eq!((path.as_str(), path.to_string().as_str()), (text, text));
    }
}

#[test]
fn errors_name_the_path_and_a_way_out() {
    let text = error(r"C:\Users\Zoë\bzImage");
    assert!(
        text.contains("'ë'") && text.contains(r"C:\ProgramData"),
        "{text}"
    );
    for text in [
        r"C:\a:b",
        r"C:\a/b",
        r"C:\a?",
        "C:\\a\tb",
        "C:\\a\0",
        r#"C:\"a""#,
    ] {
        assert!(error(text).contains("which no file name can"), "{text}");
    }
    for text in [
        "",
        "C:",
        "C:a",
        r"\a",
        r"\\server\a",
        r"\\?\C:\a",
        "a",
        "C:/a",
        r"1:\a",
    ] {
        assert!(
            error(text).contains("does not start with a drive"),
            "{text}"
        );
    }
    for text in [r"C:\", r"C:\a\"] {
        assert!(error(text).contains("names a folder"), "{text}");
    }
}
