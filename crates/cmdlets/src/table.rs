//! The table of cmdlets, `integrations/cmdlets.toml`, from which the admin API, the PowerShell module and the docs
//! page are generated.

use std::sync::LazyLock;

use serde::Deserialize;

const TABLE: &str = include_str!("../../../integrations/cmdlets.toml");

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text of any kind.
    Text,
    /// A mail address.
    Address,
    /// A whole number, 0 or more.
    Number,
    /// True or false.
    Boolean,
    /// A GUID; a name is accepted too.
    Guid,
    /// A list of texts.
    List,
    /// A switch: true if present.
    Switch,
    /// One of several words.
    Enum,
}

impl Kind {
    /// The type in PowerShell.
    pub fn powershell(self) -> &'static str {
        match self {
            Kind::Text | Kind::Address | Kind::Guid | Kind::Enum => "string",
            Kind::Number => "uint32",
            Kind::Boolean => "bool",
            // Several texts, or a table of entries to add and to remove.
            Kind::List => "object",
            Kind::Switch => "switch",
        }
    }

    /// The type in Exchange's errors.
    pub fn dotnet(self) -> &'static str {
        match self {
            Kind::Text => "System.String",
            Kind::Address => "Microsoft.Exchange.Data.SmtpAddress",
            Kind::Guid => "System.Guid",
            Kind::Enum => "System.Enum",
            Kind::Number => "System.UInt32",
            Kind::Boolean => "System.Boolean",
            Kind::List => "Microsoft.Exchange.Data.MultiValuedProperty",
            Kind::Switch => "System.Management.Automation.SwitchParameter",
        }
    }
}

/// A parameter of a cmdlet as the table describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name, as Exchange spells it.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// What it is for.
    pub about: String,
    /// Whether it is mandatory.
    #[serde(default)]
    pub mandatory: bool,
    /// Its position if it is not named.
    pub position: Option<usize>,
    /// How it is taken from a pipeline.
    #[serde(default)]
    pub pipeline: String,
    /// Other names that it has in a pipeline.
    #[serde(default)]
    pub alias: Vec<String>,
    /// What tab completion offers for it.
    pub completes: Option<Completes>,
    /// The words of an enum.
    #[serde(default)]
    pub values: Vec<String>,
    /// The largest number allowed.
    pub max: Option<u32>,
    /// The greatest length, in characters.
    pub length: Option<usize>,
}

impl Parameter {
    /// The properties of a pipeline object that it may be taken from.
    #[cfg(test)]
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.alias.iter().map(String::as_str))
    }
}

/// What tab completion offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completes {
    /// Known accounts and connectors.
    Senders,
    /// Restricted accounts.
    BlockedSenders,
    /// Restricted connectors.
    BlockedConnectors,
    /// Outbound policies.
    Policies,
    /// Rules of outbound policies.
    Rules,
    /// Alert policies.
    Alerts,
}

/// The permission that a cmdlet needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Needs {
    /// Any role that may view.
    Look,
    /// A role that may manage.
    Manage,
}

/// One column of the table that a cmdlet's objects are shown as.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its heading.
    pub label: String,
    /// The property that it shows.
    pub property: String,
    /// The key whose value is shown, if the property is a text of `key=value;` pairs like Exchange's `Reason`.
    pub key: Option<String>,
    /// Its width in a table, in characters.
    pub width: usize,
    /// Whether it is aligned to the right, as numbers are.
    #[serde(default)]
    pub right: bool,
    /// Whether it is a time, which is shown to the minute.
    #[serde(default)]
    pub time: bool,
}

/// An example of a cmdlet's use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The command.
    pub run: String,
    /// Its effect.
    pub about: String,
}

/// What a cmdlet returns: properties, or the same as another cmdlet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Returns {
    Properties(Vec<String>),
    AsOf(String),
}

/// A cmdlet as the table describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cmdlet {
    /// Its name, as Exchange spells it.
    pub name: String,
    /// The permission that it needs.
    #[serde(rename = "role")]
    pub needs: Needs,
    /// What it does, as a sentence without a full stop that has parameters in braces; none if it changes nothing.
    pub does: Option<String>,
    /// Whether it is Postern's own and not one of Exchange's.
    #[serde(default)]
    pub own: bool,
    /// What it does, in one line.
    pub synopsis: String,
    /// More details.
    pub description: String,
    /// What to know before using it.
    pub notes: Option<String>,
    /// Examples of its use.
    pub examples: Vec<Example>,
    /// Its parameters; mandatory ones and those with a position come first.
    pub parameters: Vec<Parameter>,
    /// The properties that a table shows; empty for all.
    #[serde(default)]
    view: Vec<Column>,
    returns: Option<Returns>,
    like: Option<String>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
}

impl Cmdlet {
    /// The properties of what it returns, in order; empty if it returns nothing.
    pub fn returns(&self) -> &[String] {
        match &self.returns {
            None => &[],
            Some(Returns::Properties(properties)) => properties,
            Some(Returns::AsOf(name)) => find(name).map_or(&[], |other| other.returns()),
        }
    }

    /// The PowerShell type of the objects that it returns; none if it returns nothing.
    #[cfg(test)]
    pub fn type_name(&self) -> Option<String> {
        let of = match self.returns.as_ref()? {
            Returns::Properties(_) => &self.name,
            Returns::AsOf(name) => name,
        };
        of.split_once('-').map(|(_, noun)| format!("Postern.{noun}"))
    }

    /// Whether it changes anything.
    pub fn changes(&self) -> bool {
        self.does.is_some()
    }

    /// What it does with these parameters, as a sentence without a full stop.
    pub fn sentence(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let mut text = self.does.clone().unwrap_or_default();
        for parameter in &self.parameters {
            let place = format!("{{{}}}", parameter.name);
            if text.contains(&place) {
                text = text.replace(&place, &value(&parameter.name).unwrap_or_default());
            }
        }
        text
    }

    /// The columns of the table for its objects; empty if they are shown as a list.
    pub fn view(&self) -> &[Column] {
        match &self.returns {
            Some(Returns::AsOf(name)) => find(name).map_or(&[], |other| other.view()),
            _ => &self.view,
        }
    }

    /// The parameter that identifies its object.
    #[cfg(test)]
    pub fn subject(&self) -> Option<&Parameter> {
        ["Identity", "SenderAddress", "ConnectorId", "Name"].into_iter().find_map(|name| self.parameter(name))
    }

    /// The parameter with this name, in any case, except -Confirm and -WhatIf.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    cmdlet: Vec<Cmdlet>,
}

/// Every cmdlet, in the table's order. A test parses the table, so it can't fail to parse here.
static CMDLETS: LazyLock<Vec<Cmdlet>> = LazyLock::new(|| read(TABLE).unwrap_or_default());

fn read(text: &str) -> Result<Vec<Cmdlet>, toml::de::Error> {
    let Table { mut cmdlet } = toml::from_str(text)?;
    let all = cmdlet.clone();
    for one in &mut cmdlet {
        let Some(other) = one.like.as_ref().and_then(|name| all.iter().find(|other| other.name == *name)) else {
            continue;
        };
        let taken = other.parameters.iter().filter(|parameter| !one.without.contains(&parameter.name));
        let optional = |parameter: &Parameter| one.optional.contains(&parameter.name);
        let as_here = |parameter: &Parameter| Parameter {
            mandatory: parameter.mandatory && !optional(parameter),
            // An object piped to a change identifies what to change; its own settings are not set again.
            pipeline: String::new(),
            position: parameter.position.filter(|_| !optional(parameter)),
            ..parameter.clone()
        };
        one.parameters.extend(taken.map(as_here).collect::<Vec<_>>());
    }
    Ok(cmdlet)
}

/// Every cmdlet of the table, in its order.
pub fn all() -> &'static [Cmdlet] {
    &CMDLETS
}

/// The cmdlet with this name, in any case.
pub fn find(name: &str) -> Option<&'static Cmdlet> {
    all().iter().find(|cmdlet| cmdlet.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let all = read(TABLE).unwrap();
        assert!(all.len() > 20);
        for cmdlet in &all {
            assert!(cmdlet.returns.is_none() || !cmdlet.returns().is_empty(), "{}", cmdlet.name);
            assert!(!cmdlet.examples.is_empty(), "{}", cmdlet.name);
            assert!(cmdlet.view.iter().all(|column| cmdlet.returns().contains(&column.property)), "{}", cmdlet.name);
            let width: usize = cmdlet.view.iter().map(|column| column.width.max(column.label.len()) + 1).sum();
            assert!(width <= 80, "{} takes {width} characters", cmdlet.name);
            assert_eq!(cmdlet.changes(), cmdlet.needs == Needs::Manage, "{}", cmdlet.name);
            let sentence = cmdlet.sentence(|_| Some("x".into()));
            assert!(!sentence.contains(['{', '}']) && !sentence.ends_with('.'), "{}", cmdlet.name);
            for parameter in &cmdlet.parameters {
                let name = format!("{} -{}", cmdlet.name, parameter.name);
                assert_eq!(parameter.values.is_empty(), parameter.kind != Kind::Enum, "{name}");
                let same = cmdlet.parameters.iter().filter(|other| other.name == parameter.name);
                assert_eq!(same.count(), 1, "{name}");
            }
        }
        let set = find("set-hostedoutboundspamfilterpolicy").unwrap();
        assert!(set.parameter("Name").is_none() && set.parameter("recipientlimitperday").is_some());
        let rule = find("Set-HostedOutboundSpamFilterRule").unwrap();
        assert!(!rule.parameter("HostedOutboundSpamFilterPolicy").unwrap().mandatory);
    }
}
