//! Broken configurations: each file here has what it must be told in its first lines, after
//! `#!`, one for each problem.

use std::path::Path;

use crate::harness::postern::with_config;

#[test]
fn each_is_told_what_is_wrong_and_where() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bad_config");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let expected: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("#! ")).collect();
        assert!(!expected.is_empty(), "{} expects nothing", path.display());
        for command in [["config", "check"].as_slice(), &["serve"]] {
            let output = with_config(&path, command);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let said: Vec<_> = said.lines().map(|line| line.replace(&format!("{}/", folder.display()), "")).collect();
            let expected: Vec<_> = expected.iter().map(|line| format!("postern: {line}")).collect();
            assert_eq!(said, expected, "{} {command:?}", path.display());
            assert_eq!(output.status.code(), Some(1), "{}", path.display());
        }
    }
    assert!(seen >= 6, "only {seen} files");
}

#[test]
fn a_missing_file_is_named() {
    let output = with_config(Path::new("/nonexistent/postern.toml"), &["serve"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("/nonexistent/postern.toml") && said.contains("No such file"), "{said}");
}
