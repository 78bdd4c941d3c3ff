//! The objects that cmdlets return, with Exchange's property names, order and types.

use postern_domain::{OrganizationId, Timestamp};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// An object: properties in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object(Vec<Property>);

#[derive(Debug, Clone, PartialEq)]
struct Property {
    name: &'static str,
    value: Value,
    is_time: bool,
}

impl Object {
    /// Adds a property.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.push(Property { name, value: value.into(), is_time: false });
        self
    }

    /// Adds a time in the form in which .NET writes it in JSON.
    #[must_use]
    pub fn with_time(mut self, name: &'static str, at: Option<Timestamp>) -> Self {
        let value = at.map_or(Value::Null, |at| json!(time(at)));
        self.0.push(Property { name, value, is_time: true });
        self
    }

    /// The properties, in order.
    #[cfg(test)]
    fn properties(&self) -> Vec<(&'static str, Value)> {
        self.0.iter().map(|property| (property.name, property.value.clone())).collect()
    }

    /// The value that distinguishes it from others of its kind: its first property.
    pub fn key(&self) -> &str {
        self.0.first().and_then(|property| property.value.as_str()).unwrap_or_default()
    }

    /// The named properties only, in any case; all if `names` is empty.
    #[must_use]
    pub fn select(self, names: &[String]) -> Self {
        let wanted = |name: &str| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
        Self(self.0.into_iter().filter(|property| names.is_empty() || wanted(property.name)).collect())
    }
}

impl Serialize for Object {
    /// Types that JSON lacks are given beside the property, as Exchange does.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for Property { name, value, is_time } in &self.0 {
            let data_type = match value {
                Value::Array(_) => Some("#Collection(String)"),
                Value::String(_) if *is_time => Some("System.DateTime"),
                Value::String(_) if name.ends_with("Guid") || *name == "ConnectorId" => Some("System.Guid"),
                Value::Number(_) => Some("System.UInt32"),
                _ => None,
            };
            if let Some(data_type) = data_type {
                map.serialize_entry(&format!("{name}@data.type"), data_type)?;
            }
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// `2026-11-25T09:14:02.0000000Z`: .NET's round-trip form.
fn time(at: Timestamp) -> String {
    let text = at.to_string();
    text.strip_suffix('Z').map_or(text.clone(), |text| format!("{text}0000Z"))
}

/// A stable GUID for a named object: an RFC 9562 version 8 UUID of the SHA-256 of its kind, organization and name.
pub fn guid(kind: &str, organization: &OrganizationId, name: &str) -> String {
    let mut hash: [u8; 32] = Sha256::digest(format!("{kind}\n{organization}\n{}", name.to_lowercase())).into();
    hash[6] = hash[6] & 0x0f | 0x80;
    hash[8] = hash[8] & 0x3f | 0x80;
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_keep_their_order_and_tell_their_types() {
        let at = Timestamp::parse("2026-11-25T09:14:02Z").unwrap();
        let object = Object::default().with("Zebra", 3).with_time("CreatedDatetime", Some(at)).with("Alpha", "x");
        let text = serde_json::to_string(&object).unwrap();
        let expected = "{\"Zebra@data.type\":\"System.UInt32\",\"Zebra\":3,\"CreatedDatetime@data.type\":\"System.DateTime\",\
                        \"CreatedDatetime\":\"2026-11-25T09:14:02.0000000Z\",\"Alpha\":\"x\"}";
        assert_eq!(text, expected);
        let selected = object.select(&["alpha".into(), "nothing".into()]);
        assert_eq!(selected.properties(), [("Alpha", json!("x"))]);
    }

    #[test]
    fn a_guid_is_always_the_same_and_of_one_organization() {
        let first = OrganizationId::first();
        let id = guid("policy", &first, "Default");
        assert_eq!(id, guid("policy", &first, "default"));
        assert_ne!(id, guid("rule", &first, "Default"));
        assert_eq!((id.len(), &id[14..15]), (36, "8"));
    }
}
