//! `postern status`: the state of the running daemon.

use super::client::Client;
use super::{CliError, output};
use postern_api::types::{OutboxView, ServerReport, StatusView};

pub(super) async fn run(client: &Client, json: bool) -> Result<(), CliError> {
    let status: StatusView = client.get("/status").await?;
    if json {
        output::json(&status)?;
    } else {
        print(&status);
    }
    if status.problems.is_empty() { Ok(()) } else { Err(CliError::Reported) }
}

fn print(s: &StatusView) {
    let health = match s.problems.as_slice() {
        [] => output::styled(output::GOOD, "well"),
        problems => output::styled(output::BAD, problems.join("; ")),
    };
    output::facts(&[
        ("Postern", format!("{} (process {}), {health}", s.version, s.pid)),
        ("Running since", output::ago(s.started)),
        ("Configuration", s.config.clone()),
        ("Data folder", s.data.clone()),
        ("Policy door", s.policy_door.join(", ")),
        ("Portal", s.portal.clone()),
        ("Alert mail via", s.smtp_server.clone()),
        ("Restricted", s.restricted.to_string()),
        ("On probation", s.on_probation.to_string()),
        ("With usage", s.entities.to_string()),
        (
            "Since startup",
            format!(
                "{} requests, {} messages counted, {} requests without a login, {} malformed",
                s.requests, s.messages, s.unauthenticated, s.malformed
            ),
        ),
        ("Outbox", outbox(&s.outbox)),
    ]);
    if s.servers.is_empty() {
        anstream::println!("\nNo mail server has sent a request yet. For its configuration: postern wiring postfix");
        return;
    }
    anstream::println!();
    let row = |server: &ServerReport| {
        let port = if server.listener.is_empty() { "-".into() } else { server.listener.clone() };
        let counts = [server.rcpt, server.confirm, server.data, server.end_of_message];
        let mut row = vec![server.peer.clone(), port];
        row.extend(counts.map(|n| n.to_string()));
        row.push(postern_services::present::time(server.last));
        row
    };
    let heads = ["Mail server", "Port", "RCPT", "Confirm", "DATA", "End of message", "Last request"];
    output::table(&heads, s.servers.iter().map(row).collect());
}

fn outbox(outbox: &OutboxView) -> String {
    let mut line = match outbox.waiting {
        0 => "empty".to_owned(),
        n => format!("{n} waiting, {} being retried", outbox.retrying),
    };
    if outbox.given_up > 0 {
        line.push_str(&format!(", {} given up", outbox.given_up));
    }
    line
}
