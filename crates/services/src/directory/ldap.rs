//! Reads accounts and groups from LDAP.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Scope, SearchEntry};

use super::Entries;
use crate::present::with_sources;
use crate::settings::LdapReader;

/// Entries per page (RFC 2696): servers limit how many they return at once.
const PAGE: i32 = 500;
const CONNECT: Duration = Duration::from_secs(10);

/// Reads accounts and groups.
pub(super) async fn read(reader: &LdapReader) -> Result<Entries, String> {
    let fail = |error: ldap3::LdapError| with_sources(&error);
    let settings = LdapConnSettings::new().set_conn_timeout(CONNECT).set_starttls(reader.starttls);
    let settings = settings.set_config(Arc::new(super::sql::tls()?));
    let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &reader.url).await.map_err(fail)?;
    ldap3::drive!(connection);
    if let Some((dn, password)) = &reader.bind {
        ldap.simple_bind(dn, password).await.and_then(ldap3::LdapResult::success).map_err(fail)?;
    }
    let mut entries = Entries::default();
    let mut login_of = HashMap::new();
    let attributes = [&*reader.account_attribute, &*reader.name_attribute];
    for entry in search(&mut ldap, &reader.base, &reader.account_filter, &attributes).await? {
        let values = |name: &str| attribute(&entry, name);
        let name = values(&reader.name_attribute).first().cloned();
        let logins = values(&reader.account_attribute);
        if let Some(first) = logins.first() {
            login_of.insert(entry.dn.to_lowercase(), first.clone());
        }
        entries.accounts.extend(logins.into_iter().map(|login| (login, name.clone())));
    }
    let attributes = [&*reader.group_attribute, &*reader.member_attribute];
    for entry in search(&mut ldap, &reader.base, &reader.group_filter, &attributes).await? {
        let Some(group) = attribute(&entry, &reader.group_attribute).into_iter().next() else { continue };
        for member in attribute(&entry, &reader.member_attribute) {
            // Members are DNs in groupOfNames and logins in posixGroup.
            let login = login_of.get(&member.to_lowercase()).cloned().unwrap_or(member);
            entries.groups.push((group.clone(), login));
        }
    }
    ldap.unbind().await.map_err(fail)?;
    Ok(entries)
}

/// The values of an attribute; attribute names are case-insensitive (RFC 4512 section 2.5).
fn attribute(entry: &SearchEntry, name: &str) -> Vec<String> {
    let found = entry.attrs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, values)| values.clone()).unwrap_or_default()
}

async fn search(ldap: &mut Ldap, base: &str, filter: &str, attributes: &[&str]) -> Result<Vec<SearchEntry>, String> {
    let fail = |error: ldap3::LdapError| format!("{filter}: {}", with_sources(&error));
    let adapters: Vec<Box<dyn Adapter<'_, &str, &[&str]>>> =
        vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(PAGE))];
    let mut stream =
        ldap.streaming_search_with(adapters, base, Scope::Subtree, filter, attributes).await.map_err(fail)?;
    let mut entries = Vec::new();
    while let Some(entry) = stream.next().await.map_err(fail)? {
        entries.push(SearchEntry::construct(entry));
    }
    stream.finish().await.success().map_err(fail)?;
    Ok(entries)
}
