//! Checks whether Postfix knows the aliases for copies that go to several addresses.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::postfix::{PostfixConfig, words};
use postern_domain::finding::{Finding, Level};
use postern_domain::policy::CopyAlias;

/// What an alias stands for, according to Postfix.
enum Lookup {
    Found(BTreeSet<String>),
    Unknown,
    /// A table can't be queried.
    Failed(String),
}

/// One finding for each alias.
pub(super) fn check(config: &PostfixConfig, folder: Option<&Path>, aliases: &[CopyAlias]) -> Vec<Finding> {
    aliases.iter().map(|alias| finding(alias, look_up(config, folder, &alias.alias))).collect()
}

fn finding(wanted: &CopyAlias, found: Lookup) -> Finding {
    let CopyAlias { policy, alias, to, .. } = wanted;
    let expected: BTreeSet<_> = to.iter().map(|address| address.to_lowercase()).collect();
    let advice = "postern wiring postfix prints the line for virtual_alias_maps; then postfix reload";
    let list = |addresses: &BTreeSet<String>| addresses.iter().cloned().collect::<Vec<_>>().join(", ");
    match found {
        Lookup::Found(addresses) if addresses == expected => {
            Finding::ok("copies", format!("copies by policy {policy} go to {}", list(&addresses)))
        }
        Lookup::Found(addresses) => Finding::new(
            "copies",
            Level::Error,
            format!(
                "copies by policy {policy} go to {}, not to {}: {alias} is out of date",
                list(&addresses),
                list(&expected)
            ),
            advice,
        ),
        Lookup::Unknown => Finding::new(
            "copies",
            Level::Error,
            format!("copies by policy {policy} reach nobody: Postfix does not know {alias}"),
            advice,
        ),
        Lookup::Failed(why) => Finding::new(
            "copies",
            Level::Warning,
            format!("can't tell whether copies by policy {policy} reach anyone: {why}"),
            "run postern doctor as root",
        ),
    }
}

/// Looks in `virtual_alias_maps`, by which Postfix also rewrites recipients that are added to a message (cleanup(8)).
fn look_up(config: &PostfixConfig, folder: Option<&Path>, alias: &str) -> Lookup {
    let maps = config.main.get("virtual_alias_maps").map_or("", String::as_str);
    let mut failed = None;
    for table in words(maps) {
        match query(folder, &table, alias) {
            Ok(Some(text)) => {
                let addresses = text.split([',', '\n', ' ']).map(str::trim).filter(|address| !address.is_empty());
                return Lookup::Found(addresses.map(str::to_lowercase).collect());
            }
            Ok(None) => {}
            Err(why) => failed = Some(why),
        }
    }
    failed.map_or(Lookup::Unknown, Lookup::Failed)
}

fn query(folder: Option<&Path>, table: &str, key: &str) -> Result<Option<String>, String> {
    for program in ["postmap", "/usr/sbin/postmap"] {
        let mut command = Command::new(program);
        if let Some(folder) = folder {
            command.arg("-c").arg(folder);
        }
        match command.args(["-q", key, table]).output() {
            Ok(output) if output.status.success() => {
                return Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()));
            }
            // A missing key is an exit status of 1 without any output (postmap(1)).
            Ok(output) if output.stderr.is_empty() => return Ok(None),
            Ok(output) => return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("postmap is not on this machine".into())
}
