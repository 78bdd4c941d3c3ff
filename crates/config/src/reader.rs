//! Reads settings as they are written: every value carries the line or variable it came from, so that an error can
//! state where to fix it. All errors of a file are reported at once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use toml::de::{DeTable, DeValue};

/// Prefix of environment variables that override a key.
const ENV_PREFIX: &str = "POSTERN__";

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// Line of the file, from 1.
    Line(usize),
    /// An environment variable, by its name.
    Env(String),
}

#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Integer(String),
    Boolean(bool),
    /// A date or a fraction, which no key accepts; stored for the error message.
    Other(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// A value and its origin.
#[derive(Debug, Clone)]
pub(super) struct Node {
    value: Value,
    origin: Origin,
}

/// One error in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The settings while they are being read, and the errors found so far.
#[derive(Debug)]
pub(super) struct Document {
    file: String,
    root: BTreeMap<String, Node>,
    problems: Vec<Problem>,
}

/// One table of the settings, whose keys are read one by one.
#[derive(Debug)]
pub(super) struct Section<'a> {
    document: &'a mut Document,
    name: String,
    nodes: BTreeMap<String, Node>,
    known: Vec<&'static str>,
    /// Keys that were present; an error in one of them has been reported already.
    given: Vec<&'static str>,
}

impl Document {
    /// Parses a file's text and applies the environment's overrides (`POSTERN__SECTION__KEY`).
    pub(super) fn parse(path: &Path, text: &str, env: impl Iterator<Item = (String, String)>) -> Self {
        let file = path.display().to_string();
        let mut document = Document { file, root: BTreeMap::new(), problems: Vec::new() };
        match DeTable::parse(text) {
            Ok(table) => document.root = from_table(table.get_ref(), &|at| Origin::Line(line_of(text, at))),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                let shown = match text.lines().nth(line - 1).map(str::trim) {
                    None | Some("") => String::new(),
                    Some(line) => match line.split_once('=') {
                        // Which table it is in is not known, so it is taken for one whose addresses are secret.
                        Some((key, value)) if may_be_secret(&format!("webhook.{}", key.trim()), value) => {
                            format!(": {} = (not shown)", key.trim())
                        }
                        _ => format!(": {line}"),
                    },
                };
                document.problem(format!("{}:{line}: {}{shown}", document.file, error.message().trim()));
            }
        }
        document.overrides(env);
        document
    }

    fn overrides(&mut self, env: impl Iterator<Item = (String, String)>) {
        let mut variables: Vec<_> = env.filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
        variables.sort();
        for (name, text) in variables {
            let path: Vec<String> = name[ENV_PREFIX.len()..].split("__").map(str::to_lowercase).collect();
            let node = Node { value: from_env(&text), origin: Origin::Env(name.clone()) };
            match path.as_slice() {
                [key] => {
                    self.root.insert(key.clone(), node);
                }
                [section, key] => {
                    let table = Node { value: Value::Table(BTreeMap::new()), origin: Origin::Env(name.clone()) };
                    let section = self.root.entry(section.clone()).or_insert(table);
                    if let Value::Table(keys) = &mut section.value {
                        keys.insert(key.clone(), node);
                    }
                }
                _ => self.problem(format!("{name}: expected POSTERN__KEY or POSTERN__SECTION__KEY")),
            }
        }
    }

    fn problem(&mut self, text: String) {
        self.problems.push(Problem(text));
    }

    /// The keys outside of any table.
    pub(super) fn root(&mut self) -> Section<'_> {
        let nodes = std::mem::take(&mut self.root);
        Section { document: self, name: String::new(), nodes, known: Vec::new(), given: Vec::new() }
    }

    /// The errors found.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

impl Section<'_> {
    /// A table inside this one; empty if it is absent.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'_> {
        let node = self.take(key);
        let name = self.path(key);
        let nodes = match node {
            None => BTreeMap::new(),
            Some(Node { value: Value::Table(nodes), .. }) => nodes,
            Some(node) => {
                self.wrong(key, &node, "expected a table, written as [name] with its keys below");
                BTreeMap::new()
            }
        };
        Section { document: self.document, name, nodes, known: Vec::new(), given: Vec::new() }
    }

    /// A table inside this one; none if it is absent.
    pub(super) fn optional_section(&mut self, key: &'static str) -> Option<Section<'_>> {
        if self.nodes.contains_key(key) {
            return Some(self.section(key));
        }
        self.known.push(key);
        None
    }

    /// Reads each table of an array of tables.
    pub(super) fn sections<T>(&mut self, key: &'static str, mut read: impl FnMut(Section<'_>) -> Option<T>) -> Vec<T> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let Value::List(items) = node.value else {
            self.wrong(key, &node, &format!("expected one or more tables, each written as [[{key}]]"));
            return Vec::new();
        };
        let mut out = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let name = format!("{}[{index}]", self.path(key));
            match item.value {
                Value::Table(nodes) => {
                    out.extend(read(Section {
                        document: self.document,
                        name,
                        nodes,
                        known: Vec::new(),
                        given: Vec::new(),
                    }));
                }
                _ => self.wrong(key, &item, "expected a table"),
            }
        }
        out
    }

    /// A text, read by `parse`, whose error states what is wrong with it.
    pub(super) fn text<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let node = self.take(key)?;
        self.parse_text(key, &node, parse)
    }

    /// A list of texts, each read by `parse`. A single text counts as a list of one.
    pub(super) fn list<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        mut parse: impl FnMut(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let node = self.take(key)?;
        let items = match node.value {
            Value::List(items) => items,
            // In a variable, a list is separated by commas, since brackets are hard to quote.
            Value::Text(text) if matches!(node.origin, Origin::Env(_)) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Node { value: Value::Text(item.to_owned()), origin: node.origin.clone() })
                .collect(),
            value => vec![Node { value, origin: node.origin }],
        };
        let read: Vec<T> = items.iter().filter_map(|item| self.parse_text(key, item, &mut parse)).collect();
        Some(read)
    }

    /// A whole number in `range`.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let node = self.take(key)?;
        let number = match &node.value {
            Value::Integer(digits) => digits.parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (from, to) = range.into_inner();
            self.wrong(key, &node, &format!("expected a whole number from {from} to {to}"));
        }
        number
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let node = self.take(key)?;
        match node.value {
            Value::Boolean(value) => Some(value),
            _ => {
                self.wrong(key, &node, "expected true or false");
                None
            }
        }
    }

    /// Reports that a mandatory key is missing.
    pub(super) fn missing(&mut self, key: &'static str, expected: &str) {
        if self.given.contains(&key) {
            return;
        }
        let text = format!("{}: {} is missing: {expected}", self.document.file, self.path(key));
        self.document.problem(text);
    }

    /// Reports an error in what keys mean in combination.
    pub(super) fn invalid(&mut self, key: &'static str, what: &str) {
        let text = format!("{}: {}: {what}", self.document.file, self.path(key));
        self.document.problem(text);
    }

    /// Skips the remaining keys: their meaning depends on something that is wrong.
    pub(super) fn forget(mut self) {
        self.nodes.clear();
    }

    /// Reports the keys that no reader asked for.
    pub(super) fn finish(self) {
        let Section { document, name, nodes, known, .. } = self;
        for (key, node) in nodes {
            let near = known.iter().map(|known| (strsim::jaro_winkler(known, &key), known));
            let near = near.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
            let mut keys = known.clone();
            keys.sort_unstable();
            let hint = match near {
                Some((_, key)) => format!("did you mean {key}?"),
                None if name.is_empty() => format!("known here: {}", keys.join(", ")),
                None => format!("known in [{name}]: {}", keys.join(", ")),
            };
            let path = join(&name, &key);
            let place = document.place(&path, &node);
            document.problem(format!("{place}: unknown key; {hint}"));
        }
    }

    fn parse_text<T, E: fmt::Display>(
        &mut self,
        key: &'static str,
        node: &Node,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Value::Text(text) = &node.value else {
            self.wrong(key, node, "expected a text in quotes");
            return None;
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let secret = may_be_secret(&self.path(key), text);
                let error = error.to_string();
                let error = if secret { error.replace(text.trim(), "…") } else { error };
                self.wrong(key, node, &error);
                None
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let node = self.nodes.remove(key);
        if node.is_some() {
            self.given.push(key);
        }
        node
    }

    fn wrong(&mut self, key: &str, node: &Node, what: &str) {
        let place = self.document.place(&self.path(key), node);
        self.document.problem(format!("{place}: {what}"));
    }

    fn path(&self, key: &str) -> String {
        join(&self.name, key)
    }
}

impl Document {
    fn place(&self, path: &str, node: &Node) -> String {
        match &node.origin {
            Origin::Line(line) => format!("{}:{line}: {path} = {}", self.file, shown(path, &node.value)),
            Origin::Env(name) => format!("{name}: {path} = {}", shown(path, &node.value)),
        }
    }
}

/// A value as errors show it. They go to logs, to the health page and to whoever checks a file.
fn shown(path: &str, value: &Value) -> String {
    match value {
        Value::Text(text) if may_be_secret(path, text) => "(not shown)".into(),
        Value::Integer(_) | Value::Other(_) if may_be_secret(path, "") => "(not shown)".into(),
        value => value.to_string(),
    }
}

/// Whether a text may contain a secret: that of a key whose name says so, unless it is the path of a file; and an
/// address with a login, or of a webhook.
fn may_be_secret(path: &str, text: &str) -> bool {
    let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
    let names_one =
        ["password", "passwd", "pass", "secret", "token", "credential", "key"].iter().any(|n| key.contains(n));
    let is_file = key.ends_with("_file") && text.contains('/');
    let is_address = key.contains("url") || key.contains("server");
    let may_have_login = text.contains(['@', '?']) || (table.starts_with("directory") && !text.contains("://"));
    (names_one && !is_file) || (is_address && (may_have_login || table.starts_with("webhook")))
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Integer(text) | Value::Other(text) => f.write_str(text),
            Value::Boolean(value) => write!(f, "{value}"),
            Value::List(_) => f.write_str("[…]"),
            Value::Table(_) => f.write_str("{…}"),
        }
    }
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|&&b| b == b'\n').count() + 1
}

fn from_table(table: &DeTable<'_>, origin: &dyn Fn(usize) -> Origin) -> BTreeMap<String, Node> {
    let entries = table.iter().map(|(key, value)| {
        // A table's own span is that of its first key; the line of its name is more helpful.
        let node = Node { value: from_value(value.get_ref(), origin), origin: origin(key.span().start) };
        (key.get_ref().to_string(), node)
    });
    entries.collect()
}

fn from_value(value: &DeValue<'_>, origin: &dyn Fn(usize) -> Origin) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Value::Integer(number.as_str().replace('_', "")),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map_or_else(|_| Value::Other(number.to_string()), |n| Value::Integer(n.to_string()))
        }
        DeValue::Float(number) => Value::Other(number.as_str().to_owned()),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(time) => Value::Other(time.to_string()),
        DeValue::Array(items) => {
            let node = |item: &toml::Spanned<DeValue<'_>>| Node {
                value: from_value(item.get_ref(), origin),
                origin: origin(item.span().start),
            };
            Value::List(items.iter().map(node).collect())
        }
        DeValue::Table(table) => Value::Table(from_table(table, origin)),
    }
}

/// A variable's value is parsed as TOML if possible, and is text otherwise.
fn from_env(text: &str) -> Value {
    let origin = |_| Origin::Line(1);
    match DeValue::parse(text) {
        Ok(value) => match from_value(value.get_ref(), &origin) {
            Value::Other(_) => Value::Text(text.to_owned()),
            value => value,
        },
        Err(_) => Value::Text(text.to_owned()),
    }
}
