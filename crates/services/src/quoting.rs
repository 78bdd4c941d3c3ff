//! Text that strangers choose, made safe for where it is shown: a terminal, a log, a mail, a shell.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character is not shown as itself: it may move the cursor, end the line, or turn the direction of what
/// follows (Unicode Technical Report 36, section 2.5).
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

/// Text in one line, with every unseen character written as `\u{…}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, is_unseen, |out, c| write!(out, "{}", c.escape_unicode()))
}

/// As [`visible`], but line breaks stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_unseen(c), |out, c| write!(out, "{}", c.escape_unicode()))
}

/// JSON with every unseen character in its strings written as `\uXXXX` (RFC 8259 section 7): it means the same.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    // Between strings, JSON has no unseen characters but white space.
    let is_escaped = |c: char| !matches!(c, '\n' | '\r' | '\t') && is_unseen(c);
    escaped(json, is_escaped, |out, c| {
        c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
    })
}

/// A word as a POSIX shell takes it literally (POSIX.1-2024, XCU section 2.2.2). It contains no unseen characters: they
/// are written as `\u{…}`.
pub fn shell(word: &str) -> String {
    let word = visible(word);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    // What begins with a dash could be taken for an option, quoted or not; entities never do.
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn escaped(
    text: &str,
    is_escaped: impl Fn(char) -> bool,
    escape: impl Fn(&mut String, char) -> std::fmt::Result,
) -> Cow<'_, str> {
    if !text.chars().any(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) {
            // Writing to a string does not fail.
            let _ = escape(&mut out, c);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any text, with more of the unseen characters and quotes than chance would bring.
    fn text() -> impl Strategy<Value = String> {
        let nasty =
            proptest::sample::select(vec!['\u{1b}', '\n', '\r', '\u{9b}', '\u{202e}', '\u{7f}', '\'', '"', '$', ';']);
        proptest::collection::vec(prop_oneof![nasty, any::<char>()], 0..30).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn nothing_unseen_is_left(text in text()) {
            prop_assert!(!visible(&text).chars().any(is_unseen));
            prop_assert!(!visible_lines(&text).chars().any(|c| c != '\n' && is_unseen(c)));
            prop_assert!(!shell(&text).chars().any(is_unseen));
        }

        #[test]
        fn json_means_the_same(text in text()) {
            let json = serde_json::to_string(&serde_json::json!({ &text: [&text] })).unwrap();
            let shown = visible_json(&json);
            prop_assert!(!shown.chars().any(is_unseen), "{}", shown);
            let (read, expected): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(&shown).unwrap(), serde_json::from_str(&json).unwrap());
            prop_assert_eq!(read, expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]
        #[test]
        fn a_shell_takes_a_word_literally(text in text()) {
            let script = format!("printf %s {}", shell(&text));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout), visible(&text));
            prop_assert!(output.stderr.is_empty());
        }
    }

    #[test]
    fn what_is_harmless_stays_as_it_is() {
        assert_eq!(visible("Zoë <zoe@example.com>"), "Zoë <zoe@example.com>");
        assert_eq!(shell("alice@example.com"), "alice@example.com");
        assert_eq!(shell("x;curl${ifs}evil"), "'x;curl${ifs}evil'");
        assert_eq!(visible("a\u{1b}[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
        assert_eq!(visible_lines("a\nb\r"), "a\nb\\u{d}");
    }
}
