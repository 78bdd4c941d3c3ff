//! The wire of Exchange's management module, as its clients speak it.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::harness::http::exchange;
use crate::harness::postern::Postern;

pub struct Wire {
    port: u16,
    pub token: String,
    pub tenant: String,
}

/// What InvokeCommand takes.
pub fn envelope(cmdlet: &str, parameters: Value) -> Value {
    json!({ "CmdletInput": { "CmdletName": cmdlet, "Parameters": parameters } })
}

/// The names of an object's properties, in order, without what tells their types.
pub fn names(object: &Value) -> Vec<&str> {
    let order = ["SenderAddress", "Reason", "CreatedDatetime", "ChangedDatetime", "TemporaryBlock"];
    let mut names: Vec<_> =
        object.as_object().unwrap().keys().map(String::as_str).filter(|name| !name.contains('@')).collect();
    // A map of JSON values is sorted; the order over the wire has a test of its own.
    names.sort_by_key(|name| order.iter().position(|known| known == name));
    names
}

/// No two names of an answer differ in their case alone, at any depth: PowerShell reads no such JSON.
fn no_twins(answer: &Value) {
    match answer {
        Value::Object(object) => {
            let names: std::collections::BTreeSet<_> = object.keys().map(|name| name.to_lowercase()).collect();
            assert_eq!(names.len(), object.len(), "names that differ only in case: {answer}");
            object.values().for_each(no_twins);
        }
        Value::Array(items) => items.iter().for_each(no_twins),
        _ => {}
    }
}

/// A form is posted; status and JSON.
pub fn form(port: u16, path: &str, form: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = form.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
    );
    write!(stream, "{head}{form}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

impl Wire {
    /// With a token of that role.
    pub fn new(postern: &Postern, role: &str) -> Self {
        Self::named(postern, role, role)
    }

    pub fn named(postern: &Postern, name: &str, role: &str) -> Self {
        let token = postern.ok(&["token", "add", name, "--role", role]);
        Self::with(postern, token.trim(), "example.com")
    }

    pub fn with(postern: &Postern, token: &str, tenant: &str) -> Self {
        Self { port: postern.portal_port, token: token.to_owned(), tenant: tenant.to_owned() }
    }

    pub fn address(&self, query: &str) -> String {
        format!("/adminapi/beta/{}/InvokeCommand{query}", self.tenant)
    }

    /// Status and JSON, uncompressed.
    pub fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> (u16, Value) {
        let plain: Vec<_> =
            headers.iter().filter(|(name, _)| *name != "Content-Type" && *name != "Accept-Encoding").copied().collect();
        let (status, _, body) = exchange(self.port, "POST", path, Some(&self.token), Some(body), &plain);
        no_twins(&body);
        (status, body)
    }

    pub fn ask(&self, cmdlet: &str, parameters: Value) -> (u16, Value) {
        self.post(&self.address(""), &envelope(cmdlet, parameters), &[])
    }

    /// What a cmdlet returns that has to work.
    #[track_caller]
    pub fn run(&self, cmdlet: &str, parameters: Value) -> Vec<Value> {
        let (status, body) = self.ask(cmdlet, parameters.clone());
        assert_eq!(status, 200, "{cmdlet} {parameters}: {body}");
        body["value"].as_array().unwrap().clone()
    }

    /// The cmdlets that the caller may run.
    pub fn exported(&self) -> Vec<String> {
        let path = format!("/adminapi/v1.0/{}/EXOModuleFile?Version=3.9.2", self.tenant);
        let (status, _, body) = exchange(self.port, "GET", &path, Some(&self.token), None, &[("CommandName", "*")]);
        assert_eq!(status, 200, "{body}");
        no_twins(&body);
        body["value"][0]["exportedCmdlets"].as_str().unwrap().split(',').map(str::to_owned).collect()
    }

    /// The GUID of the tenant.
    pub fn tenant_id(&self) -> String {
        let path = format!("/adminapi/beta/{}", self.tenant);
        let (status, _, body) = exchange(self.port, "GET", &path, Some(&self.token), None, &[]);
        assert_eq!(status, 200, "{body}");
        no_twins(&body);
        body["tenantId"].as_str().unwrap().to_owned()
    }

    /// The answer to a client that takes gzip.
    pub fn gzipped(&self, cmdlet: &str) -> Value {
        let body = envelope(cmdlet, json!({})).to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "POST {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {}\r\nAccept-Encoding: gzip\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address(""),
            self.token,
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        assert!(head.contains("content-encoding: gzip"), "{head}");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&answer[end + 4..]).read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}
