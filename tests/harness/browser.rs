//! Flows in a real Chromium, driven by Playwright: `tests/browser/lib.mjs` has what they share.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::postern::{BINARY, Postern};

/// Where Node's modules are that the tests need; `packaging/test-packages` puts them there.
pub fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/browser")
}

/// A Node program of the tests, such as `access/sign_in.mjs`.
pub fn node(program: &str) -> Command {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
    let mut command = Command::new("node");
    command.arg(tests.join(program)).env("TOOLS", tools());
    command
}

/// Runs the flows of a program against a Postern.
#[track_caller]
pub fn flows(postern: &Postern, program: &str, env: &[(&str, &str)]) {
    let mut command = node(program);
    command
        .env("POSTERN_URL", format!("http://localhost:{}", postern.portal_port))
        .env("POSTERN_BIN", BINARY)
        .env("POSTERN_CONFIG_FILE", postern.config())
        .envs(env.iter().copied())
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program}\n{}{}\n{}", text(&output.stdout), text(&output.stderr), postern.log());
}
