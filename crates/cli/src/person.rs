//! `postern person` and `postern session`: people who may sign in, and their sessions.

use postern_domain::access::Origin;

use super::args::{PersonCommand, SessionCommand};
use super::client::{Client, segment};
use super::{CliError, output};
use postern_api::types::{InviteRequest, Person, PersonRequest, SessionView, SignUpLink};

pub(super) async fn run(client: &Client, command: Option<PersonCommand>, json: bool) -> Result<(), CliError> {
    match command.unwrap_or(PersonCommand::List) {
        PersonCommand::List => list(client, json).await,
        PersonCommand::Invite { address, role } => {
            let request = InviteRequest { address, role: role.into() };
            link(&client.post("/people", &request).await?, json)
        }
        PersonCommand::Reset { address } => {
            link(&client.post(&format!("/people/{}/reset", segment(&address)), &()).await?, json)
        }
        PersonCommand::Role { address, role } => {
            let request = PersonRequest { role: Some(role.into()), disabled: None };
            change(client, &address, &request, json).await
        }
        PersonCommand::Disable { address } => {
            change(client, &address, &PersonRequest { role: None, disabled: Some(true) }, json).await
        }
        PersonCommand::Enable { address } => {
            change(client, &address, &PersonRequest { role: None, disabled: Some(false) }, json).await
        }
        PersonCommand::Remove { address } => {
            client.delete(&format!("/people/{}", segment(&address))).await?;
            if !json {
                anstream::println!("{address} is removed and signed out everywhere.");
            }
            Ok(())
        }
    }
}

fn link(made: &SignUpLink, json: bool) -> Result<(), CliError> {
    if json {
        return output::json(made);
    }
    // Only the link goes to standard output, for scripts.
    eprintln!(
        "Send it to them over a secure channel: it works once, until {}.",
        postern_services::present::time(made.expires_at)
    );
    anstream::println!("{}", made.link);
    Ok(())
}

async fn change(client: &Client, address: &str, request: &PersonRequest, json: bool) -> Result<(), CliError> {
    let person: Person = client.patch(&format!("/people/{}", segment(address)), request).await?;
    if json {
        return output::json(&person);
    }
    anstream::println!("{} is {} now, with the role {}.", person.address, person.state.key(), person.role);
    Ok(())
}

async fn list(client: &Client, json: bool) -> Result<(), CliError> {
    let people: Vec<Person> = client.get("/people").await?;
    if json {
        return output::json(&people);
    }
    if people.is_empty() {
        anstream::println!("Nobody can sign in yet. Invite somebody with: postern person invite ADDRESS --role ROLE");
        return Ok(());
    }
    let rows = people.iter().map(|person| {
        vec![
            person.address.clone(),
            person.role.key().to_owned(),
            person.state.key().to_owned(),
            if person.origin == Origin::Local { "local" } else { "single sign-on" }.to_owned(),
            output::ago(person.created_at),
            person.last_sign_in_at.map_or_else(|| "never".into(), output::ago),
        ]
    });
    output::table(&["Address", "Role", "State", "Account type", "Since", "Last sign-in"], rows.collect());
    Ok(())
}

pub(super) async fn sessions(client: &Client, command: Option<SessionCommand>, json: bool) -> Result<(), CliError> {
    if let Some(SessionCommand::End { id }) = command {
        client.delete(&format!("/sessions/{}", segment(&id))).await?;
        if !json {
            anstream::println!("The session {id} has ended.");
        }
        return Ok(());
    }
    let sessions: Vec<SessionView> = client.get("/sessions").await?;
    if json {
        return output::json(&sessions);
    }
    if sessions.is_empty() {
        anstream::println!("Nobody is signed in.");
        return Ok(());
    }
    let rows = sessions.into_iter().map(|session| {
        vec![
            session.id,
            session.person,
            session.method.map_or("", |method| method.describe()).to_owned(),
            session.address.unwrap_or_default(),
            output::ago(session.signed_in_at),
            output::ago(session.seen_at),
            session.agent.chars().take(40).collect(),
        ]
    });
    output::table(&["Session", "Person", "Method", "From", "Signed in", "Last used", "Browser"], rows.collect());
    Ok(())
}
