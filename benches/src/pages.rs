//! How long the portal's pages take with many entities, restrictions and alerts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::memory::fill;
use crate::server::Server;

/// How often each page is asked for.
const ROUNDS: usize = 41;
const PASSWORD: &str = "correct horse battery staple";

/// Pages by what is special about them.
const PAGES: [(&str, &str); 12] = [
    ("overview", "/"),
    ("restricted entities", "/restricted"),
    ("… the last page", "/restricted?page=2000"),
    ("… of one entity", "/restricted?q=user4711%40"),
    ("… a search that finds nothing", "/restricted?q=nobody-like-this"),
    ("… by refused attempts", "/restricted?sort=refused"),
    ("… by entity", "/restricted?sort=entity"),
    ("entity", "/restricted/user4711%40example.com"),
    ("alerts", "/alerts"),
    ("alerts, active", "/alerts?status=active"),
    ("outbound policies", "/policies"),
    ("audit", "/audit"),
];

pub(crate) fn measure(postern: &Path, entities: usize, restrictions: usize) -> anyhow::Result<()> {
    let server = Server::postern(postern)?;
    fill(server.port, entities, "m0")?;
    server.cli(postern, &["restricted", "add", "user0@example.com", "--reason", "password phished"])?;
    // What is written after the answers has to be on disk.
    server.wait_until_idle()?;
    let (server, ready) = server.restart_after(postern, |data| multiply(data, restrictions))?;
    let mut browser = Browser::sign_up(postern, &server)?;
    println!();
    println!("{entities} entities, {restrictions} restrictions in force; ready in {:.2} s", ready.as_secs_f64());
    println!();
    println!("| page | median | slowest of {ROUNDS} | bytes |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, address) in PAGES {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let page = browser.get(address)?;
            times.push(began.elapsed());
            bytes = page.len();
        }
        times.sort();
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        println!("| {name} | {:.1} ms | {:.1} ms | {bytes} |", ms(times[ROUNDS / 2]), ms(times[ROUNDS - 1]));
    }
    let began = Instant::now();
    let page =
        browser.post("/policies/preview", "known_as=Default&external_per_hour=3&action=restrict&mode=enforce")?;
    ensure!(page.contains("would have acted on"), "there is no preview on the page");
    println!("| effect of a policy on 7 days | {:.1} s | | {} |", began.elapsed().as_secs_f64(), page.len());
    Ok(())
}

/// Has the first restriction stand for all: each with its alert, of users that have sent; and mail
/// on three more days.
fn multiply(data: &Path, restrictions: usize) -> anyhow::Result<()> {
    let db = rusqlite::Connection::open(data.join("postern.db"))?;
    db.execute_batch(&format!(
        "BEGIN;
         CREATE TEMP TABLE n AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {restrictions} - 1)
             SELECT n FROM n;
         CREATE TEMP TABLE r AS SELECT * FROM restrictions;
         INSERT INTO restrictions (reference, entity, cause, evidence, since, until, refused, last_refused_at, organization)
             SELECT printf('PR-%04d-%04d', n / 10000, n % 10000), 'user' || n || '@example.com',
             cause, evidence, since - n * 1000, until, n % 97, since, organization FROM r, n;
         CREATE TEMP TABLE a AS SELECT * FROM alerts;
         INSERT INTO alerts (reference, policy, severity, status, entity, cause, evidence, raised_at, closed_at, notified,
             organization) SELECT printf('PR-%04d-%04d', n / 10000, n % 10000), policy, severity, status,
             'user' || n || '@example.com', cause, evidence, raised_at - n * 1000, closed_at, notified, organization
             FROM a, n;
         CREATE TEMP TABLE t AS SELECT * FROM traffic;
         INSERT INTO traffic SELECT entity, bucket - 144 * day, 2 + abs(random() % 3), internal, 3, unknown, refused
             FROM t, (SELECT 1 AS day UNION SELECT 2 UNION SELECT 3);
         COMMIT;"
    ))?;
    Ok(())
}

/// Somebody who is signed in, on one connection.
struct Browser {
    stream: TcpStream,
    origin: String,
    cookie: String,
    csrf: String,
}

impl Browser {
    fn sign_up(postern: &Path, server: &Server) -> anyhow::Result<Self> {
        let invited = ["person", "invite", "bench@example.com", "--role", "organization-management"];
        let link = server.cli(postern, &invited)?;
        let path = link.split_once("/sign-up/").map(|(_, token)| format!("/sign-up/{token}")).context("no link")?;
        let stream = TcpStream::connect(("127.0.0.1", server.portal))?;
        stream.set_nodelay(true)?;
        let origin = format!("http://localhost:{}", server.portal);
        let mut browser = Self { stream, origin, cookie: String::new(), csrf: String::new() };
        let form = format!("address=bench%40example.com&password={}", PASSWORD.replace(' ', "+"));
        let (head, _) = browser.exchange("POST", &path, &form)?;
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).context("no session")?;
        browser.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let page = browser.get("/")?;
        let csrf = page.split_once("data-csrf=\"").and_then(|(_, rest)| rest.split('"').next());
        browser.csrf = csrf.context("no token for forms")?.to_owned();
        Ok(browser)
    }

    fn get(&mut self, path: &str) -> anyhow::Result<String> {
        let (head, body) = self.exchange("GET", path, "")?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        Ok(body)
    }

    fn post(&mut self, path: &str, form: &str) -> anyhow::Result<String> {
        let (head, body) = self.exchange("POST", path, &format!("{form}&csrf={}", self.csrf))?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
        Ok(body)
    }

    fn exchange(&mut self, method: &str, path: &str, form: &str) -> anyhow::Result<(String, String)> {
        let Self { origin, cookie, .. } = self;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            origin.trim_start_matches("http://"),
            form.len(),
        );
        self.stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let mut part = vec![0; 64 * 1024];
        loop {
            if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&answer[..end]).into_owned();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let length: usize = length.context("no content-length")?.parse()?;
                if answer.len() >= end + 4 + length {
                    return Ok((head, String::from_utf8_lossy(&answer[end + 4..]).into_owned()));
                }
            }
            let read = self.stream.read(&mut part)?;
            ensure!(read > 0, "the connection was closed");
            answer.extend_from_slice(&part[..read]);
        }
    }
}
