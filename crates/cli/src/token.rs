//! `postern token`: API tokens.

use postern_domain::Timestamp;

use super::args::TokenCommand;
use super::client::{Client, segment};
use super::{CliError, output};
use postern_api::types::{NewToken, TokenRecord, TokenRequest};

pub(super) async fn run(client: &Client, command: Option<TokenCommand>, json: bool) -> Result<(), CliError> {
    match command.unwrap_or(TokenCommand::List) {
        TokenCommand::List => list(client, json).await,
        TokenCommand::Add { name, role, expires } => {
            let expires_at = expires.as_deref().map(Timestamp::parse).transpose();
            let expires_at = expires_at.map_err(|error| CliError::Usage(format!("--expires: {error}")))?;
            let request = TokenRequest { name, role: role.into(), expires_at };
            let made: NewToken = client.post("/tokens", &request).await?;
            if json {
                return output::json(&made);
            }
            // Only the token goes to standard output, for scripts.
            eprintln!("Save the token now: it is not shown again.");
            anstream::println!("{}", made.token);
            Ok(())
        }
        TokenCommand::Revoke { name } => {
            client.delete(&format!("/tokens/{}", segment(&name))).await?;
            if !json {
                anstream::println!("The token {name} is revoked and no longer works.");
            }
            Ok(())
        }
    }
}

async fn list(client: &Client, json: bool) -> Result<(), CliError> {
    let tokens: Vec<TokenRecord> = client.get("/tokens").await?;
    if json {
        return output::json(&tokens);
    }
    if tokens.is_empty() {
        anstream::println!("There are no tokens. Create one with: postern token add NAME --role ROLE");
        return Ok(());
    }
    let rows = tokens.iter().map(|token| {
        vec![
            token.name.clone(),
            token.role.key().to_owned(),
            output::ago(token.created_at),
            token.created_by.clone(),
            token.expires_at.map_or_else(|| "never".into(), output::ahead),
            token.last_used_at.map_or_else(|| "never".into(), output::ago),
        ]
    });
    output::table(&["Name", "Role", "Created", "By", "Expires", "Last used"], rows.collect());
    Ok(())
}
