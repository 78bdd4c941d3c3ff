//! Asks the policy door as Postfix does, for what a real Postfix can't be made to send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub struct PolicyClient {
    stream: TcpStream,
    /// The address that messages come from.
    pub address: &'static str,
}

impl PolicyClient {
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, address: "203.0.113.9" }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next answer's action; none if the connection was closed without one.
    pub fn receive(&mut self) -> Option<String> {
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\n\n") {
            match self.stream.read(&mut byte) {
                Ok(0) => return None,
                Ok(_) => answer.push(byte[0]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no answer: {error}"),
            }
        }
        let text = String::from_utf8(answer).unwrap();
        Some(text.trim_end().strip_prefix("action=").expect("an action").to_owned())
    }

    /// None if the connection ends before the answer.
    fn ask(&mut self, attributes: &[(&str, &str)]) -> Option<String> {
        let mut request = "request=smtpd_access_policy\n".to_owned();
        for (name, value) in attributes {
            request.push_str(&format!("{name}={value}\n"));
        }
        request.push('\n');
        self.stream.write_all(request.as_bytes()).ok()?;
        self.receive()
    }

    pub fn rcpt(&mut self, login: &str, instance: &str, recipient: &str) -> String {
        self.message(login, instance, &[("protocol_state", "RCPT"), ("recipient", recipient)])
    }

    pub fn confirm(&mut self, login: &str, instance: &str, recipient: &str) -> String {
        let attributes = [("protocol_state", "RCPT"), ("recipient", recipient), ("policy_context", "confirm")];
        self.message(login, instance, &attributes)
    }

    pub fn end(&mut self, login: &str, instance: &str, count: usize) -> String {
        self.message(login, instance, &[("protocol_state", "END-OF-MESSAGE"), ("recipient_count", &count.to_string())])
    }

    /// A question about a message of `login`.
    pub fn message(&mut self, login: &str, instance: &str, attributes: &[(&str, &str)]) -> String {
        self.try_message(login, instance, attributes).expect("an answer")
    }

    /// None if the connection ends before the answer.
    pub fn try_message(&mut self, login: &str, instance: &str, attributes: &[(&str, &str)]) -> Option<String> {
        let sender = format!("{login}@example.com");
        let mut all = vec![
            ("sasl_username", login),
            ("sasl_method", "PLAIN"),
            ("instance", instance),
            ("sender", &sender),
            ("client_address", self.address),
            ("helo_name", "client.example"),
        ];
        all.extend(attributes);
        self.ask(&all)
    }

    /// One whole message; the first answer that is not DUNNO, or DUNNO.
    pub fn whole(&mut self, login: &str, instance: &str, recipients: &[&str]) -> String {
        for recipient in recipients {
            let answer = self.rcpt(login, instance, recipient);
            if answer != "DUNNO" {
                return answer;
            }
        }
        self.end(login, instance, recipients.len())
    }
}
