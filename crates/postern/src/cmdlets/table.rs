//! The table of cmdlets: `integrations/cmdlets.toml`, which the wire, the PowerShell module and the
//! docs page are made from.

use std::sync::LazyLock;

use serde::Deserialize;

const TABLE: &str = include_str!("../../../../integrations/cmdlets.toml");

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Any text.
    Text,
    /// An address.
    Address,
    /// A whole number, 0 or more.
    Number,
    /// True or false.
    Boolean,
    /// A GUID; a name does as well.
    Guid,
    /// Several texts.
    List,
    /// True where it stands.
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
            // Several texts, or a table of what to add and what to remove.
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

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: Kind,
    /// What it is for.
    pub about: String,
    /// Whether nothing can be done without it.
    #[serde(default)]
    pub mandatory: bool,
    /// Where it stands if it is not named.
    pub position: Option<usize>,
    /// How it comes from a pipeline.
    #[serde(default)]
    pub pipeline: String,
    /// The words that an enum has.
    #[serde(default)]
    pub values: Vec<String>,
    /// The largest number.
    pub max: Option<u32>,
    /// The most characters.
    pub length: Option<usize>,
}

/// What a cmdlet takes of whoever runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Takes {
    /// Any role.
    Look,
    /// A role that may manage.
    Manage,
}

/// What a cmdlet returns: properties, or what another one does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Returns {
    Properties(Vec<String>),
    AsOf(String),
}

/// A cmdlet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cmdlet {
    /// Its name.
    pub name: String,
    /// Who may.
    pub takes: Takes,
    /// Whether it changes anything.
    #[serde(default)]
    pub changes: bool,
    /// Whether it is Postern's own, and none of Exchange's.
    #[serde(default)]
    pub own: bool,
    /// What it does, in a line.
    pub synopsis: String,
    /// How it is used.
    pub examples: Vec<String>,
    /// Its parameters, those that are mandatory or have a position in front.
    pub parameters: Vec<Parameter>,
    /// The properties that a table shows; empty: all.
    #[serde(default)]
    view: Vec<String>,
    returns: Option<Returns>,
    like: Option<String>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
}

impl Cmdlet {
    /// The properties of what it returns, in order; empty: it returns nothing.
    pub fn returns(&self) -> &[String] {
        match &self.returns {
            None => &[],
            Some(Returns::Properties(properties)) => properties,
            Some(Returns::AsOf(name)) => find(name).map_or(&[], |other| other.returns()),
        }
    }

    /// The properties that a table shows; empty: it says none.
    pub fn view(&self) -> &[String] {
        match &self.returns {
            Some(Returns::AsOf(name)) => find(name).map_or(&[], |other| other.view()),
            _ => &self.view,
        }
    }

    /// The parameter that names what it is about.
    pub fn subject(&self) -> Option<&Parameter> {
        ["Identity", "SenderAddress", "ConnectorId", "Name"].into_iter().find_map(|name| self.parameter(name))
    }

    /// The parameter of that name, in any case; -Confirm and -WhatIf aside.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    cmdlet: Vec<Cmdlet>,
}

/// Every cmdlet, in the table's order. A test reads the table, so that it can be read here.
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
            position: parameter.position.filter(|_| !optional(parameter)),
            ..parameter.clone()
        };
        one.parameters.extend(taken.map(as_here).collect::<Vec<_>>());
    }
    Ok(cmdlet)
}

/// Every cmdlet.
pub fn all() -> &'static [Cmdlet] {
    &CMDLETS
}

/// The cmdlet of that name, in any case.
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
            assert!(cmdlet.view.iter().all(|shown| cmdlet.returns().contains(shown)), "{}", cmdlet.name);
            assert_eq!(cmdlet.changes, cmdlet.takes == Takes::Manage, "{}", cmdlet.name);
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
