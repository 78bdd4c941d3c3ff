//! The PowerShell module in a real PowerShell: its own tests in `integrations/powershell/tests`, which
//! start a Postern each, and what the program writes of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::http::exchange;
use crate::harness::postern::{BINARY, Postern};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// `$PWSH`, else `pwsh` on the PATH, else the one that is shared with the project.
///
/// # Panics
/// There is none: the module is claimed to work, and is tried.
fn pwsh() -> PathBuf {
    if let Some(named) = std::env::var_os("PWSH").filter(|named| !named.is_empty()) {
        return named.into();
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    if let Some(found) = std::env::split_paths(&paths).map(|folder| folder.join("pwsh")).find(|path| path.is_file()) {
        return found;
    }
    let install = Path::new(ROOT).join("../shared/pwsh/install");
    assert!(install.is_file(), "there is no PowerShell: name one in PWSH, or put pwsh on the PATH");
    let output = Command::new(&install).output().unwrap();
    assert!(output.status.success(), "{}: {}", install.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
}

fn run(script: &str) -> (bool, String) {
    let mut command = Command::new(pwsh());
    command.args(["-NoProfile", "-NonInteractive", "-Command", script]).stdin(Stdio::null());
    command.env("POSTERN_BINARY", BINARY).env("NO_COLOR", "1").current_dir(ROOT);
    // What a developer is connected to is nobody else's.
    command.env_remove("POSTERN_URI").env_remove("POSTERN_TOKEN");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

/// One file of Pester tests; what was printed where one of them fails, or where there are none.
fn pester(file: &str) {
    let script = format!(
        "$PSStyle.OutputRendering = 'PlainText'\n\
         $run = Invoke-Pester -Path integrations/powershell/tests/{file}.Tests.ps1 -PassThru -Output Normal\n\
         if ($run.Result -ne 'Passed' -or $run.PassedCount -eq 0 -or $run.SkippedCount) {{ exit 1 }}"
    );
    let (passed, text) = run(&script);
    assert!(passed, "{text}");
}

#[test]
fn connections() {
    pester("Connection");
}

#[test]
fn errors() {
    pester("Errors");
}

#[test]
fn what_is_asked_and_what_is_not_told() {
    pester("Safety");
}

#[test]
fn each_cmdlet_parameter_and_example() {
    pester("Cmdlets");
}

#[test]
fn pipelines() {
    pester("Pipeline");
}

#[test]
fn views_and_the_tab_key() {
    pester("Views");
}

#[test]
fn the_syntax_of_windows_powershell() {
    pester("Syntax");
}

#[test]
fn the_transcripts_of_the_docs() {
    pester("Docs");
}

/// Every file of tests is run by one of the above.
#[test]
fn no_tests_are_left_out() {
    let source = include_str!("powershell.rs");
    for entry in std::fs::read_dir(format!("{ROOT}/integrations/powershell/tests")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".Tests.ps1") {
            assert!(source.contains(&format!("pester(\"{name}\")")), "{name}.Tests.ps1 is not run");
        }
    }
}

#[test]
fn the_program_writes_a_module_that_connects() {
    let postern = Postern::start("");
    let folder = postern.folder.path().join("it's a folder");
    let said = postern.ok(&["powershell", folder.to_str().unwrap()]);
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("  ")).map(str::trim).collect();
    let [import, connect] = lines.as_slice() else { panic!("{said}") };
    let token = postern.ok(&["token", "add", "runbooks", "--role", "security-administrator"]);
    let connect = connect.replace("(Read-Host -AsSecureString)", &format!("'{}'", token.trim()));
    let script = format!("$ErrorActionPreference = 'Stop'; {import}; {connect}; (Get-PosternConnection).User");
    assert_eq!(run(&script), (true, "token runbooks\n".into()), "{script}");
    // Once more: what is there is replaced.
    postern.ok(&["powershell", folder.to_str().unwrap()]);
    let output = postern.cli(&["powershell", "/proc/none"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/proc/none"), "{output:?}");
    let (status, _, _) = exchange(postern.portal_port, "GET", "/settings/powershell.zip", None, None, &[]);
    assert_eq!(status, 303, "the portal gives it to those who are signed in");
}
