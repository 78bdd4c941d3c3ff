//! Columns that several tables have, and named parameters of statements.

use postern_domain::{OrganizationId, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Row, ToSql};

use super::Fault;

/// The organization that a row is about; none if it is about all of them.
pub(super) fn organization(row: &Row<'_>) -> Result<Option<OrganizationId>, Fault> {
    let id: Option<String> = row.get("organization")?;
    id.map(|id| OrganizationId::parse(&id).map_err(|_| Fault::unreadable("organization", id))).transpose()
}

pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// Named values as parameters of a statement.
pub(super) fn named<'a>(values: &'a [(&'static str, Value)]) -> Vec<(&'static str, &'a dyn ToSql)> {
    values.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect()
}
