//! A visitor of the portal who speaks HTTP by hand: holds requests open, keeps cookies, reads forms.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

/// An answer: its status and its body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// A visitor with the cookies that they were given.
#[derive(Clone)]
pub(super) struct Visitor {
    port: u16,
    pub(super) cookies: BTreeMap<String, String>,
}

/// A request of which all but the end of the body has been sent.
pub(super) struct Held {
    stream: TcpStream,
    rest: String,
}

impl Visitor {
    pub(super) fn new(port: u16) -> Self {
        Self { port, cookies: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, path: &str) -> Answer {
        self.receive(self.begin("GET", path, ""))
    }

    pub(super) fn post(&mut self, path: &str, form: &str) -> Answer {
        self.receive(self.begin("POST", path, form))
    }

    /// Sends a POST except for the last byte.
    pub(super) fn hold_post(&self, path: &str, form: &str) -> Held {
        self.begin("POST", path, form)
    }

    fn begin(&self, method: &str, path: &str, form: &str) -> Held {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            cookies.join("; "),
            form.len()
        );
        let (sent, rest) = request.split_at(request.len() - 1);
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        Held { stream, rest: rest.to_owned() }
    }

    /// Sends what was held back, and takes the answer with its cookies.
    pub(super) fn receive(&mut self, mut held: Held) -> Answer {
        held.stream.write_all(held.rest.as_bytes()).unwrap();
        let mut answer = String::new();
        held.stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        for line in head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, body: body.to_owned() }
    }

    /// Signs up by a link.
    pub(super) fn sign_up(&mut self, link: &str, password: &str) {
        let path = &link.trim()[link.find("/sign-up/").unwrap()..];
        let answer = self.post(path, &format!("password={}", password.replace(' ', "+")));
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    /// Whether they are signed in.
    pub(super) fn is_in(&mut self) -> bool {
        self.get("/settings/sign-in").status == 200
    }
}
