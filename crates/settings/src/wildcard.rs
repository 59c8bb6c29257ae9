//! Patterns for names, in which `*` stands for any characters and `?` for exactly one.

/// Whether `name` fits the pattern.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut seen) = (0, 0);
    // Where to go on from when a later part does not fit: after the last star, one more character eaten by it.
    let mut retry: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at + 1, seen));
                at += 1;
            }
            Some(&c) if c == '?' || c == name[seen] => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((after_star, eaten)) = retry else {
                    return false;
                };
                retry = Some((after_star, eaten + 1));
                (at, seen) = (after_star, eaten + 1);
            }
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}

/// Whether only one name fits: the text has neither `*` nor `?`.
pub(crate) fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?'])
}
