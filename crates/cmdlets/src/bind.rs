//! Binds parameters, as the admin API or a shell passes them, to those that a cmdlet declares.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::CmdletError;
use super::table::{Cmdlet, Kind, Parameter};

/// A parameter's value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Text(String),
    Number(u32),
    Flag(bool),
    List(Vec<String>),
    /// Entries to add to a list, and entries to remove from it.
    Change {
        add: Vec<String>,
        remove: Vec<String>,
    },
    /// `$null`: the parameter is given, without a value.
    Nothing,
}

/// The parameters of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bound {
    given: BTreeMap<String, Given>,
    /// -WhatIf: only report what would be done.
    pub what_if: bool,
}

/// Preference variables and common switches that every cmdlet accepts and that have no effect here.
const COMMON: [&str; 10] = [
    "Debug",
    "ErrorAction",
    "ErrorVariable",
    "InformationAction",
    "OutBuffer",
    "OutVariable",
    "ProgressAction",
    "Verbose",
    "WarningAction",
    "WarningVariable",
];

impl Bound {
    /// Binds parameters by name, in any case. Numbers and truth values may be given as text.
    ///
    /// # Errors
    /// A parameter is unknown to the cmdlet, has a value that is not valid, or is mandatory and missing.
    pub fn new(cmdlet: &Cmdlet, parameters: &Map<String, Value>) -> Result<Self, CmdletError> {
        let mut bound = Self::default();
        for (name, value) in parameters {
            if name.contains("@odata.type") || COMMON.iter().any(|common| common.eq_ignore_ascii_case(name)) {
                continue;
            }
            if cmdlet.changes() && name.eq_ignore_ascii_case("Confirm") {
                flag(name, value)?;
                continue;
            }
            if cmdlet.changes() && name.eq_ignore_ascii_case("WhatIf") {
                bound.what_if = flag(name, value)?;
                continue;
            }
            let parameter = cmdlet.parameter(name).ok_or_else(|| {
                let message = format!("A parameter cannot be found that matches parameter name '{name}'.");
                CmdletError::parameter(name, message)
            })?;
            let given = read(parameter, value)?;
            // An identity that turns out empty means nobody, not everybody.
            let names_one = ["Identity", "SenderAddress", "ConnectorId"].contains(&parameter.name.as_str());
            let is_empty = given == Given::Nothing || given == Given::Text(String::new());
            if (parameter.mandatory || names_one) && is_empty {
                let message =
                    format!("Cannot bind argument to parameter '{}' because it is null or empty.", parameter.name);
                return Err(CmdletError::parameter(&parameter.name, message));
            }
            bound.given.insert(parameter.name.clone(), given);
        }
        let missing: Vec<_> = cmdlet
            .parameters
            .iter()
            .filter(|parameter| parameter.mandatory && !bound.given.contains_key(&parameter.name))
            .map(|parameter| parameter.name.as_str())
            .collect();
        if !missing.is_empty() {
            let names = missing.join(" ");
            let message =
                format!("Cannot process command because of one or more missing mandatory parameters: {names}.");
            return Err(CmdletError::parameter(missing[0], message));
        }
        Ok(bound)
    }

    /// A text; none if the parameter isn't given or is empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.given.get(name) {
            Some(Given::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A text or a number as it was given, for a sentence.
    pub fn shown(&self, name: &str) -> Option<String> {
        match self.given.get(name)? {
            Given::Text(text) => Some(text.clone()),
            Given::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A text where empty has a meaning: `Some("")` clears the setting.
    pub fn any_text(&self, name: &str) -> Option<&str> {
        match self.given.get(name) {
            Some(Given::Text(text)) => Some(text),
            Some(Given::Nothing) => Some(""),
            _ => None,
        }
    }

    /// A number; `$null` is 0.
    pub fn number(&self, name: &str) -> Option<u32> {
        match self.given.get(name) {
            Some(Given::Number(number)) => Some(*number),
            Some(Given::Nothing) => Some(0),
            _ => None,
        }
    }

    /// A truth value.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.given.get(name) {
            Some(Given::Flag(flag)) => Some(*flag),
            Some(Given::Nothing) => Some(false),
            _ => None,
        }
    }

    /// The list that results from applying the parameter to `now`; none if it isn't given.
    pub fn list(&self, name: &str, now: &[String]) -> Option<Vec<String>> {
        match self.given.get(name)? {
            Given::List(list) => Some(list.clone()),
            Given::Change { add, remove } => {
                let is_in = |list: &[String], item: &String| list.iter().any(|other| other.eq_ignore_ascii_case(item));
                let mut list: Vec<String> = now.iter().filter(|item| !is_in(remove, item)).cloned().collect();
                let new: Vec<_> = add.iter().filter(|item| !is_in(&list, item)).cloned().collect();
                list.extend(new);
                Some(list)
            }
            _ => Some(Vec::new()),
        }
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn flag(name: &str, value: &Value) -> Result<bool, CmdletError> {
    let wrong = || CmdletError::value(name, &shown(value), Kind::Boolean.dotnet());
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) => number.as_i64().map(|number| number != 0).ok_or_else(wrong),
        // A switch without a value.
        Value::Null => Ok(true),
        Value::String(text) => match text.trim_start_matches('$').to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(wrong()),
        },
        // A SwitchParameter as PowerShell writes it: {"IsPresent": true}.
        Value::Object(object) => object.get("IsPresent").and_then(Value::as_bool).ok_or_else(wrong),
        Value::Array(_) => Err(wrong()),
    }
}

fn read(parameter: &Parameter, value: &Value) -> Result<Given, CmdletError> {
    let wrong = || CmdletError::value(&parameter.name, &shown(value), parameter.kind.dotnet());
    if value.is_null() && parameter.kind != Kind::Switch {
        return Ok(Given::Nothing);
    }
    match parameter.kind {
        Kind::Boolean | Kind::Switch => flag(&parameter.name, value).map(Given::Flag),
        Kind::Number => number(parameter, value),
        Kind::List => list(parameter, value),
        Kind::Enum => {
            let text = value.as_str().ok_or_else(wrong)?;
            let found = parameter.values.iter().find(|known| known.eq_ignore_ascii_case(text.trim()));
            let unknown = || {
                let message = format!(
                    "Cannot process argument transformation on parameter '{}'. Cannot convert value \"{text}\": unable to \
                     match the identifier name {text} to a valid enumerator name. Specify one of the following enumerator \
                     names and try again: {}",
                    parameter.name,
                    parameter.values.join(", ")
                );
                CmdletError::parameter(&parameter.name, message)
            };
            found.map(|known| Given::Text(known.clone())).ok_or_else(unknown)
        }
        Kind::Text | Kind::Address | Kind::Guid => {
            let text = match value {
                Value::String(text) => text.trim().to_owned(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return Err(wrong()),
            };
            if parameter.length.is_some_and(|length| text.chars().count() > length) {
                let length = parameter.length.unwrap_or_default();
                let message = format!(
                    "Cannot process argument transformation on parameter '{}'. The length of the property is too long. The \
                     maximum length is {length} and the length of the value provided is {}.",
                    parameter.name,
                    text.chars().count()
                );
                return Err(CmdletError::parameter(&parameter.name, message));
            }
            Ok(Given::Text(text))
        }
    }
}

fn number(parameter: &Parameter, value: &Value) -> Result<Given, CmdletError> {
    let wrong = || CmdletError::value(&parameter.name, &shown(value), parameter.kind.dotnet());
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if text.trim().is_empty() || text.eq_ignore_ascii_case("$null") => {
            return Ok(Given::Nothing);
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let number = number.and_then(|number| u32::try_from(number).ok()).ok_or_else(wrong)?;
    if parameter.max.is_some_and(|max| number > max) {
        let max = parameter.max.unwrap_or_default();
        let message = format!(
            "The value \"{number}\" of parameter '{}' is out of range: it must be from 0 to {max}.",
            parameter.name
        );
        return Err(CmdletError::parameter(&parameter.name, message));
    }
    Ok(Given::Number(number))
}

fn list(parameter: &Parameter, value: &Value) -> Result<Given, CmdletError> {
    let wrong = || CmdletError::value(&parameter.name, &shown(value), parameter.kind.dotnet());
    let texts = |value: &Value| -> Result<Vec<String>, CmdletError> {
        let one = |value: &Value| value.as_str().map(|text| text.trim().to_owned()).ok_or_else(wrong);
        match value {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) => items.iter().map(one).collect(),
            other => one(other).map(|text| Some(text).filter(|text| !text.is_empty()).into_iter().collect()),
        }
    };
    match value {
        // @{Add = …; Remove = …}
        Value::Object(object) => {
            let part = |wanted: &str| {
                let found = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted));
                found.map_or_else(|| Ok(Vec::new()), |(_, value)| texts(value))
            };
            let known = |key: &str| ["add", "remove"].contains(&key.to_ascii_lowercase().as_str()) || key.contains('@');
            if !object.keys().all(|key| known(key)) {
                return Err(wrong());
            }
            Ok(Given::Change { add: part("add")?, remove: part("remove")? })
        }
        other => texts(other).map(Given::List),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::find;
    use super::*;
    use serde_json::json;

    fn bind(cmdlet: &str, parameters: Value) -> Result<Bound, CmdletError> {
        Bound::new(find(cmdlet).unwrap(), parameters.as_object().unwrap())
    }

    #[test]
    fn names_in_any_case_and_text_for_numbers_and_truth() {
        let bound = bind(
            "Set-HostedOutboundSpamFilterPolicy",
            json!({ "identity": "Default", "RECIPIENTLIMITPERDAY": "1000", "NotifyOutboundSpam": "$true",
                "actionwhenthresholdreached": "blockuser", "WhatIf": true, "ErrorAction": "Stop" }),
        );
        let bound = bound.unwrap();
        assert_eq!(bound.number("RecipientLimitPerDay"), Some(1000));
        assert_eq!(bound.flag("NotifyOutboundSpam"), Some(true));
        assert_eq!(bound.text("ActionWhenThresholdReached"), Some("BlockUser"));
        assert!(bound.what_if && bound.number("RecipientLimitExternalPerHour").is_none());
    }

    #[test]
    fn what_can_t_be_is_refused_as_exchange_does() {
        let wrong = |parameters| bind("Set-HostedOutboundSpamFilterPolicy", parameters).unwrap_err();
        let told = |parameters: Value, target: &str, part: &str| {
            let error = wrong(parameters);
            assert_eq!(error.target, target);
            assert!(error.message.contains(part), "{}", error.message);
        };
        told(json!({}), "Identity", "missing mandatory parameters: Identity.");
        told(json!({ "Identity": "" }), "Identity", "null or empty");
        let nobody = |value: Value| bind("Get-BlockedSenderAddress", json!({ "SenderAddress": value })).unwrap_err();
        assert!(nobody(json!("")).message.contains("null or empty") && nobody(Value::Null).target == "SenderAddress");
        told(json!({ "Identity": "Default", "Foo": 1 }), "Foo", "matches parameter name 'Foo'");
        let day = |value: Value| json!({ "Identity": "Default", "RecipientLimitPerDay": value });
        told(day(json!("many")), "RecipientLimitPerDay", "Cannot convert value \"many\" to type \"System.UInt32\"");
        told(day(json!(-1)), "RecipientLimitPerDay", "Cannot convert");
        told(day(json!(10001)), "RecipientLimitPerDay", "from 0 to 10000");
        let action = json!({ "Identity": "Default", "ActionWhenThresholdReached": "Explode" });
        told(action, "ActionWhenThresholdReached", "Alert, BlockUserForToday, BlockUser");
    }

    #[test]
    fn lists_come_whole_or_as_changes() {
        let now = ["a@x.example".to_owned(), "b@x.example".to_owned()];
        let list = |value: Value| {
            let bound = bind("Set-HostedOutboundSpamFilterRule", json!({ "Identity": "R", "From": value })).unwrap();
            bound.list("From", &now).unwrap()
        };
        assert_eq!(list(json!("c@x.example")), ["c@x.example"]);
        assert_eq!(list(json!(["c@x.example", "d@x.example"])), ["c@x.example", "d@x.example"]);
        assert_eq!(list(Value::Null), [""; 0]);
        let change = json!({ "@odata.type": "#Exchange.GenericHashTable", "Add": ["c@x.example", "B@x.example"], "remove": "A@x.example" });
        assert_eq!(list(change), ["b@x.example", "c@x.example"]);
    }
}
