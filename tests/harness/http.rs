//! HTTP as a script speaks it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// Status and JSON of an answer; null where the answer has no body.
pub fn call(port: u16, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> (u16, Value) {
    call_with(port, method, path, token, body, &[])
}

/// The same with headers.
pub fn call_with(
    port: u16,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> (u16, Value) {
    let (status, _, body) = exchange(port, method, path, token, body, headers);
    (status, body)
}

/// The same with the answer's headers, as they came.
pub fn exchange(
    port: u16,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> (u16, String, Value) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    if let Some(token) = token {
        request += &format!("Authorization: Bearer {token}\r\n");
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let mut stream = connect(port);
    write!(stream, "{request}\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let json = || serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
    (status, head.to_owned(), if body.is_empty() { Value::Null } else { json() })
}

/// What does not answer fails a test and does not hang it.
fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    stream
}

/// Begins a GET whose answer has no end: its status, and where to read on.
pub fn begin(port: u16, path: &str, token: Option<&str>) -> (u16, BufReader<TcpStream>) {
    begin_with(port, path, token, "")
}

/// The same with another header, a whole line with its end.
pub fn begin_with(port: u16, path: &str, token: Option<&str>, header: &str) -> (u16, BufReader<TcpStream>) {
    let mut stream = connect(port);
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}{header}\r\n").unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    (line.split(' ').nth(1).unwrap().parse().unwrap(), reader)
}
