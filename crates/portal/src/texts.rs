//! The portal's texts, by Project Fluent; all of them are in `texts/en.ftl`.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

const ENGLISH: &str = include_str!("../texts/en.ftl");

static BUNDLE: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| {
    let english: LanguageIdentifier = "en".parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![english]);
    // Isolation marks around arguments help with mixed scripts, but end up in text that is copied.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(ENGLISH.to_owned()).unwrap_or_else(|(readable, _)| readable);
    // The test below finds a name that is defined twice.
    let _ = bundle.add_resource(resource);
    bundle
});

/// The text with this name.
pub(super) fn t(name: &str) -> String {
    with_args(name, None)
}

/// A text with one argument.
pub(super) fn t1<'a>(name: &str, key: &'a str, value: impl Into<FluentValue<'a>>) -> String {
    let mut args = FluentArgs::new();
    args.set(key, value);
    with_args(name, Some(&args))
}

/// A text with several arguments.
pub(super) fn tn(name: &str, pairs: &[(&str, FluentValue<'_>)]) -> String {
    let args = pairs.iter().map(|(key, value)| (*key, value.clone())).collect();
    with_args(name, Some(&args))
}

/// A text with two arguments.
pub(super) fn tn2<'a>(
    name: &str,
    first: &'a str,
    value: impl Into<FluentValue<'a>>,
    second: &'a str,
    other: impl Into<FluentValue<'a>>,
) -> String {
    tn(name, &[(first, value.into()), (second, other.into())])
}

fn with_args(name: &str, args: Option<&FluentArgs<'_>>) -> String {
    let Some(pattern) = BUNDLE.get_message(name).and_then(|message| message.value()) else { return name.to_owned() };
    BUNDLE.format_pattern(pattern, args, &mut Vec::new()).into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Names in calls of the functions above, in one file.
    fn called(text: &str) -> BTreeSet<String> {
        let calls = ["t(\"", "t1(\"", "tn(\"", "tn2(\""].into_iter().flat_map(|call| {
            let names = text.match_indices(call).filter_map(move |(at, _)| {
                let before = text[..at].chars().next_back();
                let ours = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
                ours.then(|| text[at + call.len()..].split('"').next().unwrap_or_default().to_owned())
            });
            names.collect::<Vec<_>>()
        });
        calls.collect()
    }

    fn files(folder: &Path) -> Vec<std::path::PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
        }
        found
    }

    #[test]
    fn every_text_that_a_page_names_is_there_and_none_is_left_over() {
        FluentResource::try_new(ENGLISH.to_owned()).map_err(|(_, errors)| errors).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = files(&root.join("src")).into_iter().chain(files(&root.join("templates")));
        let all: Vec<String> =
            files.filter(|file| !file.ends_with("texts.rs")).map(|file| fs::read_to_string(file).unwrap()).collect();
        let lines = ENGLISH.lines().filter_map(|line| line.split_once(" =")).map(|(name, _)| name.to_owned());
        let known: Vec<String> = lines.filter(|name| !name.starts_with([' ', '#', '-'])).collect();
        let unique: BTreeSet<String> = known.iter().cloned().collect();
        assert_eq!(known.len(), unique.len(), "a name stands twice");
        let called: BTreeSet<String> = all.iter().flat_map(|text| called(text)).collect();
        let missing: Vec<_> = called.difference(&unique).collect();
        // A name may also be passed on, as a title is.
        let named = |name: &&String| all.iter().any(|text| text.contains(&format!("\"{name}\"")));
        let unused: Vec<_> = unique.iter().filter(|name| !named(name)).collect();
        assert!(missing.is_empty() && unused.is_empty(), "missing: {missing:?}, unused: {unused:?}");
    }
}
