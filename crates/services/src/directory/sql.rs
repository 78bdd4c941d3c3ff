//! Reads accounts and groups from SQL databases.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

#[cfg(feature = "mysql")]
use mysql_async::prelude::Queryable;
use tokio_postgres::NoTls;
use tokio_postgres::config::Host;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Entries;
use crate::present::with_sources;
use crate::settings::Queries;

/// A row of text columns.
type Row = Vec<Option<String>>;

/// Converts the results of the two queries to entries.
fn entries(accounts: Vec<Row>, groups: Vec<Row>) -> Result<Entries, String> {
    let mut entries = Entries::default();
    for mut row in accounts {
        row.resize(2, None);
        if let [Some(login), name] = row.as_mut_slice() {
            entries.accounts.push((std::mem::take(login), name.take()));
        }
    }
    for row in groups {
        match row.as_slice() {
            [Some(group), Some(member), ..] => entries.groups.push((group.clone(), member.clone())),
            [_, _, ..] => {}
            _ => return Err("the groups query gives one column; expected the group and a member".into()),
        }
    }
    Ok(entries)
}

/// Reads a SQLite file.
pub(super) async fn sqlite(path: &Path, queries: &Queries) -> Result<Entries, String> {
    let (path, queries) = (path.to_owned(), queries.clone());
    let read = move || {
        // The file belongs to another program: never write to it, never create it.
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = rusqlite::Connection::open_with_flags(path, flags).map_err(|error| error.to_string())?;
        let rows = |query: Option<&String>| -> rusqlite::Result<Vec<Row>> {
            let Some(query) = query else { return Ok(Vec::new()) };
            let mut statement = db.prepare(query)?;
            let columns = statement.column_count();
            let row = |row: &rusqlite::Row<'_>| (0..columns).map(|n| row.get(n)).collect();
            statement.query_map([], row)?.collect()
        };
        let accounts = rows(queries.accounts.as_ref()).map_err(|error| error.to_string())?;
        entries(accounts, rows(queries.groups.as_ref()).map_err(|error| error.to_string())?)
    };
    tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?
}

/// Reads from a PostgreSQL server. Network connections use TLS, unless the address has `sslmode=disable`.
pub(super) async fn postgresql(url: &str, password: Option<&str>, queries: &Queries) -> Result<Entries, String> {
    let fail = |error: tokio_postgres::Error| with_sources(&error);
    let mut config = tokio_postgres::Config::from_str(url).map_err(fail)?;
    if let Some(password) = password {
        config.password(password);
    }
    config.application_name("postern");
    let here = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
    });
    let client = if here {
        let (client, connection) = config.connect(NoTls).await.map_err(fail)?;
        tokio::spawn(connection);
        client
    } else {
        let (client, connection) = config.connect(MakeRustlsConnect::new(tls()?)).await.map_err(fail)?;
        tokio::spawn(connection);
        client
    };
    let rows = async |query: Option<&String>| -> Result<Vec<Row>, String> {
        let Some(query) = query else { return Ok(Vec::new()) };
        let mut rows = Vec::new();
        // The simple query protocol returns every type as text.
        for message in client.simple_query(query).await.map_err(fail)? {
            if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
                rows.push((0..row.len()).map(|n| row.get(n).map(str::to_owned)).collect());
            }
        }
        Ok(rows)
    };
    entries(rows(queries.accounts.as_ref()).await?, rows(queries.groups.as_ref()).await?)
}

/// A TLS configuration that trusts this machine's certificate store.
pub(super) fn tls() -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Reads from a MySQL or MariaDB server.
#[cfg(feature = "mysql")]
pub(super) async fn mysql(url: &str, password: Option<&str>, queries: &Queries) -> Result<Entries, String> {
    let fail = |error: mysql_async::Error| with_sources(&error);
    let options = mysql_async::Opts::from_url(url).map_err(|error| error.to_string())?;
    let mut options = mysql_async::OptsBuilder::from_opts(options);
    if let Some(password) = password {
        options = options.pass(Some(password));
    }
    let mut connection = mysql_async::Conn::new(options).await.map_err(fail)?;
    let mut all = [Vec::new(), Vec::new()];
    for (rows, query) in all.iter_mut().zip([&queries.accounts, &queries.groups]) {
        let Some(query) = query else { continue };
        let found: Vec<mysql_async::Row> = connection.query(query).await.map_err(fail)?;
        let text = |row: mysql_async::Row| row.unwrap().into_iter().map(text).collect();
        *rows = found.into_iter().map(text).collect();
    }
    connection.disconnect().await.map_err(fail)?;
    let [accounts, groups] = all;
    entries(accounts, groups)
}

#[cfg(feature = "mysql")]
fn text(value: mysql_async::Value) -> Option<String> {
    match value {
        mysql_async::Value::NULL => None,
        mysql_async::Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}
