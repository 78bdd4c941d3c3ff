//! The PowerShell module, where there is a PowerShell.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::harness::browser::node;
use crate::harness::postern::Postern;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../integrations/powershell");
const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../integrations/powershell/Postern.Tests.ps1");

fn pwsh(script: &str) -> Command {
    let mut command = Command::new("pwsh");
    command.args(["-NoProfile", "-NonInteractive", "-Command", script]).stdin(Stdio::null());
    command
}

#[test]
fn the_module_is_powershell() {
    let files = ["Postern/Postern.psm1", "Postern/Cmdlets.ps1", "Postern/Postern.psd1", "Postern.Tests.ps1"];
    let output = node("cmdlets/parse.mjs").args(files.map(|file| format!("{FOLDER}/{file}"))).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_module_passes_its_tests() {
    let has_pester = pwsh("exit [int]-not (Get-Module -ListAvailable Pester | Where-Object Version -ge 5.0)").status();
    if !has_pester.is_ok_and(|status| status.success()) {
        // Past the harness, which keeps what a test that passes prints.
        let _ =
            writeln!(std::io::stderr(), "SKIPPED: no pwsh with Pester 5 here, so the PowerShell module was not run");
        return;
    }
    let postern = Postern::start("");
    let token = |name: &str, role: &str| postern.ok(&["token", "add", name, "--role", role]).trim().to_owned();
    let output = pwsh(&format!("Invoke-Pester -Path '{TESTS}' -CI -Output Detailed"))
        .env("POSTERN_URI", format!("http://localhost:{}", postern.portal_port))
        .env("POSTERN_ADMIN", token("admin", "security-administrator"))
        .env("POSTERN_READER", token("reader", "security-reader"))
        .current_dir(postern.folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
