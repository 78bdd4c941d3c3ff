//! The arrows that must never be: which part of the program may use which. Where a crate's boundary
//! holds one, the compiler does; this holds the others, by the paths that the sources name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Parts, and where their sources are below `crates/`.
const PARTS: [(&str, &[&str]); 16] = [
    ("domain", &["domain/src"]),
    ("ledger", &["ledger/src"]),
    ("store", &["store/src"]),
    ("config", &["config/src"]),
    ("directory", &["services/src/directory"]),
    ("gate", &["services/src/gate"]),
    ("outbox", &["services/src/outbox"]),
    ("sign_in", &["services/src/sign_in"]),
    ("doctor", &["doctor/src"]),
    ("doors", &["postern/src/doors"]),
    ("services", &["services/src/service"]),
    ("cmdlets", &["cmdlets/src"]),
    ("api", &["api/src"]),
    ("portal", &["portal/src"]),
    ("cli", &["cli/src"]),
    ("tools", &["postern/src/replay", "postern/src/demo"]),
];

/// Who must not use whom, and why.
const NEVER: [(&str, &str, &str); 27] = [
    ("domain", "store", "the core knows no disk"),
    ("domain", "ledger", "the core knows no disk"),
    ("domain", "gate", "the core knows nothing above it"),
    ("store", "ledger", "what lasts and what is counted are apart"),
    ("ledger", "store", "what lasts and what is counted are apart"),
    ("config", "directory", "settings are values; the directory is built from them"),
    ("gate", "doors", "no protocol under the gate"),
    ("gate", "services", "the hot path knows no admin"),
    ("gate", "config", "it is handed values"),
    ("outbox", "gate", "it delivers what the store holds"),
    ("outbox", "services", "it delivers what the store holds"),
    ("doctor", "services", "it asks what it is handed"),
    ("services", "api", "services know no face"),
    ("services", "portal", "services know no face"),
    ("services", "cmdlets", "services know no face"),
    ("services", "cli", "services know no face"),
    ("services", "doors", "services know no face"),
    ("cmdlets", "api", "faces stand side by side"),
    ("api", "portal", "faces stand side by side"),
    ("portal", "api", "faces stand side by side"),
    ("portal", "store", "faces reach into nothing"),
    ("api", "store", "faces reach into nothing"),
    ("cmdlets", "store", "faces reach into nothing"),
    ("portal", "gate", "faces reach into nothing"),
    ("api", "gate", "faces reach into nothing"),
    ("doors", "services", "a door asks the gate alone"),
    ("cli", "tools", "main chooses what runs"),
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The part that a module of a crate belongs to.
fn part_of(krate: &str, module: &str) -> Option<&'static str> {
    let whole = format!("{krate}/src");
    let inner = format!("{krate}/src/{module}");
    PARTS
        .iter()
        .find(|(_, places)| places.contains(&whole.as_str()) || places.contains(&inner.as_str()))
        .map(|(name, _)| *name)
}

/// Modules at the top of crates that a source names: `crate::gate::…`, `postern_services::{service, gate}`.
fn named(krate: &str, text: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let roots = [
        ("crate", krate),
        ("postern_domain", "domain"),
        ("postern_ledger", "ledger"),
        ("postern_store", "store"),
        ("postern_services", "services"),
        ("postern_cmdlets", "cmdlets"),
        ("postern_api", "api"),
        ("postern_portal", "portal"),
        ("postern_config", "config"),
        ("postern_doctor", "doctor"),
        ("postern_cli", "cli"),
    ];
    for (root, target) in roots {
        let path = format!("{root}::");
        for (at, _) in code.match_indices(&path) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == ':' {
                continue;
            }
            let rest = &code[at + path.len()..];
            let list = rest.strip_prefix('{').map_or(rest, |inner| inner.split('}').next().unwrap_or_default());
            let items = if rest.starts_with('{') { list.split(',').collect() } else { vec![list] };
            for item in items {
                let module: String = item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.insert((target.to_owned(), module));
            }
        }
    }
    found
}

/// Arrows that must not be, each with the file that draws it.
fn broken(part: &str, krate: &str, file: &str, text: &str) -> Vec<String> {
    let used: BTreeSet<_> = named(krate, text).iter().filter_map(|(krate, module)| part_of(krate, module)).collect();
    let rules = NEVER.iter().filter(|(from, to, _)| *from == part && used.contains(to));
    rules.map(|(from, to, why)| format!("{file}: {from} uses {to}: {why}")).collect()
}

#[test]
fn no_arrow_runs_where_none_may() {
    let mut wrong = Vec::new();
    let mut read = 0;
    for (part, places) in PARTS {
        for place in places {
            let mut files = Vec::new();
            sources(&crates().join(place), &mut files);
            for file in &files {
                let text = std::fs::read_to_string(file).unwrap();
                wrong.extend(broken(part, place.split('/').next().unwrap(), &file.display().to_string(), &text));
                read += 1;
            }
        }
    }
    assert!(read > 150, "only {read} files were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_arrow_that_must_not_be_is_found() {
    let found = |part: &str, krate: &str, text: &str| broken(part, krate, "x.rs", text).len();
    assert_eq!(found("gate", "services", "use crate::service::Services;"), 1);
    assert_eq!(found("portal", "portal", "use postern_api::{Problem, finish};"), 1);
    assert_eq!(found("portal", "portal", "fn f() { postern_services::gate::f() }"), 1);
    assert_eq!(found("api", "api", "use postern_store::Store;"), 1);
    assert_eq!(found("cli", "postern", "use crate::{\n    config,\n    demo,\n};"), 1);
    assert_eq!(found("gate", "services", "// crate::service is not used\nuse crate::settings::Settings;"), 0);
    assert_eq!(found("cmdlets", "cmdlets", "use crate::bearer::bearer;"), 0);
}

/// What the store writes with an audit entry.
const AUDITED: [&str; 23] = [
    "accept",
    "add_organization",
    "add_person",
    "add_token",
    "change_credentials",
    "change_person",
    "end_allowance",
    "grant",
    "invite",
    "note_alert",
    "raise",
    "raise_overdue",
    "record",
    "release",
    "remove_organization",
    "remove_person",
    "restrict",
    "revoke_session",
    "revoke_token",
    "save_alert_policies",
    "save_organization",
    "save_policies",
    "undo_release",
];

/// Calls of the store that are audited and don't go through the projector.
fn beside_the_projector(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let mut found = Vec::new();
    for method in AUDITED {
        let call = format!("store.{method}(");
        for (at, _) in code.match_indices(&call) {
            let before = code[..at].trim_end_matches("self.").trim_end_matches("self.parts.");
            let arguments = code[at..].split(".await").next().unwrap_or_default();
            let is_audited = !arguments.ends_with(",None)");
            if is_audited && !before.ends_with("projector.write(") && !before.ends_with("projector.write_unheld(") {
                found.push(call.clone());
            }
        }
    }
    found
}

#[test]
fn what_is_audited_is_written_through_the_projector() {
    let mut wrong = Vec::new();
    for krate in ["services", "api", "portal", "cmdlets", "cli", "postern"] {
        let mut files = Vec::new();
        sources(&crates().join(krate).join("src"), &mut files);
        // Which of the store's methods writes a kind of book is handed to the projector from here.
        files.retain(|file| !file.ends_with("service/books.rs"));
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            wrong.extend(beside_the_projector(&text).into_iter().map(|call| format!("{}: {call}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(beside_the_projector("self.store\n    .grant(&a, &b).await").len(), 1);
    assert_eq!(beside_the_projector("self.store.change_credentials(a, &[b], Some(&c)).await").len(), 1);
    assert_eq!(beside_the_projector("self.store.change_credentials(a, &[b], None).await").len(), 0);
    assert_eq!(beside_the_projector("self.parts.projector.write(self.parts.store.raise(&incident)).await").len(), 0);
}

/// Lines that print with the standard library's macros, which panic if the reader of a pipe has ended.
fn printed_directly(text: &str) -> Vec<&str> {
    let is_direct = |line: &&str| {
        ["println!(", "print!("].iter().any(|name| {
            line.match_indices(name).any(|(at, _)| !line[..at].ends_with(|c: char| c == ':' || c.is_alphanumeric()))
        })
    };
    text.lines().filter(is_direct).collect()
}

#[test]
fn output_goes_through_anstream() {
    assert_eq!(printed_directly("anstream::println!(\"x\"); eprintln!(\"x\");"), Vec::<&str>::new());
    assert_eq!(printed_directly("None => println!(\"x\"),").len(), 1);
    let mut files = Vec::new();
    for part in ["cli/src", "postern/src", "doctor/src"] {
        sources(&crates().join(part), &mut files);
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(printed_directly(&text), Vec::<&str>::new(), "{}", file.display());
    }
}

#[test]
fn the_api_is_described_in_the_api_alone() {
    for krate in std::fs::read_dir(crates()).unwrap().map(|entry| entry.unwrap().path()) {
        if krate.ends_with("api") {
            continue;
        }
        let mut files = vec![krate.join("Cargo.toml")];
        sources(&krate.join("src"), &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(
                !text.contains("utoipa"),
                "{}: types of the API are declared in crates/api/src/types",
                file.display()
            );
        }
    }
}
