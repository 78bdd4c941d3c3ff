//! `[[directory]]`: the sources of accounts and groups.

use std::time::Duration;

use postern_services::settings::{LdapReader, Queries, Reader, Source};

use crate::reader::Section;
use crate::values;

pub(super) fn directory(mut s: Section<'_>) -> Option<Source> {
    let name = s.text("name", values::file_name);
    let refresh = s.number("refresh_minutes", 1..=10_080).unwrap_or(5);
    let place = s.text("url", values::directory_url);
    if name.is_none() {
        s.missing("name", "name the directory, for example \"mailboxes\"");
    }
    let Some(place) = place else {
        s.missing("url", "say where it is: sqlite:/path, postgresql://…, mysql://… or ldap://…");
        s.forget();
        return None;
    };
    let reader = match place {
        values::DirectoryUrl::Ldap(url) => ldap_reader(&mut s, url).map(Reader::Ldap),
        values::DirectoryUrl::Sqlite(path) => Some(Reader::Sqlite { path, queries: queries(&mut s) }),
        values::DirectoryUrl::Postgresql(url) => {
            let password = s.text("password_file", values::secret_file);
            Some(Reader::Postgresql { url, password, queries: queries(&mut s) })
        }
        values::DirectoryUrl::Mysql(url) => {
            let password = s.text("password_file", values::secret_file);
            Some(Reader::Mysql { url, password, queries: queries(&mut s) })
        }
    };
    s.finish();
    Some(Source { name: name?, reader: reader?, refresh: Duration::from_secs(u64::from(refresh) * 60) })
}

pub(super) fn queries(s: &mut Section<'_>) -> Queries {
    let queries = Queries { accounts: s.text("accounts", values::any), groups: s.text("groups", values::any) };
    if queries.accounts.is_none() && queries.groups.is_none() {
        s.missing("accounts", "give the query for accounts, for groups, or both");
    }
    queries
}

pub(super) fn ldap_reader(s: &mut Section<'_>, url: String) -> Option<LdapReader> {
    let dn = s.text("bind_dn", values::any);
    let password = s.text("password_file", values::secret_file);
    let base = s.text("base", values::any);
    let mut text = |key, default: &str| s.text(key, values::any).unwrap_or_else(|| default.into());
    let (account_filter, account_attribute) = (text("account_filter", "(mail=*)"), text("account_attribute", "mail"));
    let name_attribute = text("name_attribute", "cn");
    let group_filter = text("group_filter", "(|(objectClass=groupOfNames)(objectClass=group))");
    let (group_attribute, member_attribute) = (text("group_attribute", "cn"), text("member_attribute", "member"));
    let starttls = s.boolean("starttls").unwrap_or(false);
    if base.is_none() {
        s.missing("base", "say below which entry to look, for example \"dc=example,dc=com\"");
    }
    if dn.is_some() != password.is_some() {
        s.missing("bind_dn", "bind_dn and password_file go together");
    }
    if dn.is_some() && !starttls && !url.starts_with("ldaps:") && !values::is_loopback_url(&url) {
        s.invalid("starttls", "a password would be sent unprotected; set starttls = true or use ldaps://");
    }
    Some(LdapReader {
        url,
        starttls,
        bind: dn.zip(password),
        base: base?,
        account_filter,
        account_attribute,
        name_attribute,
        group_filter,
        group_attribute,
        member_attribute,
    })
}
