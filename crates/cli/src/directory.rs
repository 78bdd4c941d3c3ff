//! `postern directory`: sources of accounts and groups.

use super::args::DirectoryCommand;
use super::client::Client;
use super::{CliError, output};
use postern_api::types::SourceState;

pub(super) async fn run(client: &Client, command: Option<DirectoryCommand>, json: bool) -> Result<(), CliError> {
    let sources: Vec<SourceState> = match command {
        Some(DirectoryCommand::Refresh) => client.post("/directory/refresh", &()).await?,
        Some(DirectoryCommand::List) | None => client.get("/directory").await?,
    };
    if json {
        return output::json(&sources);
    }
    if sources.is_empty() {
        anstream::println!(
            "No directory is configured: accounts become known when they first send. See docs/directory.md"
        );
        return Ok(());
    }
    let rows = sources.into_iter().map(|source| {
        let state = match source.error {
            Some(error) => output::styled(output::BAD, error),
            None if source.read_at.is_none() => "reading".into(),
            None => output::styled(output::GOOD, "ok"),
        };
        vec![
            source.name,
            source.place,
            source.accounts.to_string(),
            source.members.to_string(),
            source.read_at.map_or_else(|| "never".into(), output::ago),
            state,
        ]
    });
    output::table(&["Directory", "At", "Accounts", "Group members", "Read", "State"], rows.collect());
    Ok(())
}
