//! An SMTP client that stops wherever a scenario wants it to, and shows every reply as it came.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

pub struct Smtp {
    reader: BufReader<TcpStream>,
}

impl Smtp {
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut smtp = Self { reader: BufReader::new(stream) };
        let greeting = smtp.reply();
        assert!(greeting.starts_with("220"), "{greeting}");
        let hello = smtp.command("EHLO client.example");
        assert!(hello.starts_with("250"), "{hello}");
        smtp
    }

    /// Connects and logs in (RFC 4954, RFC 4616).
    pub fn login(port: u16, user: &str) -> Self {
        let mut smtp = Self::connect(port);
        smtp.auth(user);
        smtp
    }

    /// The same as if from another address, for a Postfix that believes us (XCLIENT).
    pub fn login_from(port: u16, address: &str, user: &str) -> Self {
        let mut smtp = Self::connect(port);
        let answer = smtp.command(&format!("XCLIENT ADDR={address} NAME=[UNAVAILABLE]"));
        assert!(answer.starts_with("220"), "{answer}");
        smtp.command("EHLO client.example");
        smtp.auth(user);
        smtp
    }

    fn auth(&mut self, user: &str) {
        let token = base64(format!("\0{user}\0secret").as_bytes());
        let answer = self.command(&format!("AUTH PLAIN {token}"));
        assert!(answer.starts_with("235"), "{answer}");
    }

    pub fn command(&mut self, line: &str) -> String {
        self.write(&format!("{line}\r\n"));
        self.reply()
    }

    pub fn write(&mut self, text: &str) {
        self.reader.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The last line of the next reply.
    pub fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            let length = self.reader.read_line(&mut line).unwrap();
            assert!(length > 0, "the server closed the connection");
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    pub fn mail(&mut self, sender: &str) -> String {
        self.command(&format!("MAIL FROM:<{sender}>"))
    }

    pub fn rcpt(&mut self, recipient: &str) -> String {
        self.command(&format!("RCPT TO:<{recipient}>"))
    }

    /// DATA and the message; the reply to whichever was refused, or the last.
    pub fn data(&mut self, subject: &str) -> String {
        let go = self.command("DATA");
        if !go.starts_with("354") {
            return go;
        }
        self.write(&format!("Subject: {subject}\r\n\r\nHello.\r\n"));
        self.command(".")
    }

    /// One message; the first reply that is no success, or the last one.
    pub fn send(&mut self, sender: &str, recipients: &[&str], subject: &str) -> String {
        let mut reply = self.mail(sender);
        for recipient in recipients {
            if !reply.starts_with("250") {
                break;
            }
            reply = self.rcpt(recipient);
        }
        if !reply.starts_with("250") {
            self.command("RSET");
            return reply;
        }
        self.data(subject)
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| (n << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(n >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}
