//! Descriptions of the domain's values in the API: texts with a form of their own, and closed vocabularies.

use postern_domain::{access, alert, entity, evidence, policy, restriction, window};
use serde::Serialize;
use utoipa::openapi::schema::{SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Describes a value that is written as a string.
macro_rules! text {
    ($name:ident, $about:literal, $example:literal, $format:expr) => {
        #[doc = $about]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format($format)
                    .description(Some($about))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {}
    };
}

/// Describes one of the domain's vocabularies by all of its words.
macro_rules! words {
    ($name:ident, $of:ty, $about:literal) => {
        #[doc = $about]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of($about, &<$of>::ALL)
            }
        }

        impl ToSchema for $name {}
    };
}

text!(EntityId, "An account by its address, or a connector as connector:NAME", "alice@example.com", None);
text!(OrganizationId, "An organization's ID: up to 40 lower-case letters, digits and -", "contoso", None);
text!(Reference, "Names an incident", "PR-7K3F-9QXD", None);
text!(
    Timestamp,
    "A point in time (RFC 3339), in UTC",
    "2026-11-25T18:00:00.000Z",
    Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))
);

words!(Action, policy::Action, "The action taken when a limit is exceeded.");
words!(AlertStatus, alert::AlertStatus, "How far the handling of an alert has progressed.");
words!(EntityKind, entity::EntityKind, "What an entity is.");
words!(Method, access::Method, "How a person authenticated (similar to the methods of RFC 8176).");
words!(Mode, policy::Mode, "Whether a policy acts or only reports.");
words!(Origin, access::Origin, "Where a person comes from.");
words!(Outcome, evidence::Outcome, "The outcome of an attempt.");
words!(PersonState, access::PersonState, "The state of a person's access.");
words!(Preset, policy::Preset, "Sets of limits that Microsoft recommends.");
words!(
    Recommendation,
    restriction::Recommendation,
    "What to ensure before releasing an account, as Microsoft recommends."
);
words!(Role, access::Role, "What a person or a program may do.");
words!(Severity, alert::Severity, "How urgent an alert is.");
words!(
    Trigger,
    alert::Trigger,
    "What raises an alert. Each trigger has a built-in alert policy of the same name; the names are those Exchange \
     admins know, where Exchange has an equivalent."
);
words!(Window, window::Window, "A sliding window, and what it counts.");

/// A string that is one of these words, as they are written in JSON.
fn one_of(about: &str, words: &[impl Serialize]) -> RefOr<Schema> {
    let words = words.iter().filter_map(|word| serde_json::to_value(word).ok());
    ObjectBuilder::new().schema_type(Type::String).description(Some(about)).enum_values(Some(words)).into()
}
