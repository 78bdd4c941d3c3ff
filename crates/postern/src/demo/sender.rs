//! Sends policy requests to the door as a mail server would.

use anyhow::Context;
use postern_wire::policy::Attributes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) struct Sender {
    stream: TcpStream,
    messages: u32,
}

impl Sender {
    pub(super) async fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.context("the policy door does not answer")?;
        Ok(Self { stream, messages: 0 })
    }

    /// Sends one message of `user` to `recipients` external recipients; returns the reply that the client would
    /// receive.
    pub(super) async fn send(&mut self, user: &str, client_address: &str, recipients: u32) -> anyhow::Result<String> {
        self.messages += 1;
        let instance = format!("demo.{}.0", self.messages);
        let sender = format!("{user}@example.com");
        let message = Attributes {
            request: "smtpd_access_policy",
            protocol_name: "ESMTP",
            sender: &sender,
            sasl_username: user,
            sasl_method: "PLAIN",
            client_address,
            helo_name: "client.example",
            instance: &instance,
            policy_context: "gate",
            size: "4711",
            ..Attributes::default()
        };
        for n in 0..recipients {
            let recipient = format!("r{}.{n}@elsewhere.example", self.messages);
            let answer = self.ask(&Attributes { protocol_state: "RCPT", recipient: &recipient, ..message }).await?;
            if answer != "DUNNO" {
                return Ok(answer);
            }
        }
        let count = recipients.to_string();
        self.ask(&Attributes { protocol_state: "END-OF-MESSAGE", recipient_count: &count, ..message }).await
    }

    async fn ask(&mut self, attributes: &Attributes<'_>) -> anyhow::Result<String> {
        let mut bytes = Vec::new();
        attributes.encode(&mut bytes);
        self.stream.write_all(&bytes).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\n\n") {
            let read = self.stream.read_buf(&mut answer).await?;
            anyhow::ensure!(read > 0, "the policy door closed the connection");
        }
        let text = String::from_utf8_lossy(&answer);
        Ok(text.trim().trim_start_matches("action=").to_owned())
    }
}
