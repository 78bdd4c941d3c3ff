//! The real `postern`, as a daemon and as a command.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::policy_client::PolicyClient;
use super::process::Process;
use super::{free_port, open_folder, wait_for};

pub const BINARY: &str = env!("CARGO_BIN_EXE_postern");

pub struct Postern {
    pub folder: TempDir,
    pub door_port: u16,
    pub portal_port: u16,
    process: Option<Process>,
}

/// A command with nothing of the caller's environment that Postern would read.
pub fn command() -> Command {
    let mut command = Command::new(BINARY);
    let ours = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("POSTERN") || name == "SUDO_USER"
    });
    ours.for_each(|name| {
        command.env_remove(name);
    });
    command
}

impl Postern {
    /// Writes a configuration and starts the daemon. `more` is TOML after the basics, which
    /// name `example.com` and leave every table but `[organization]` and the listeners free.
    pub fn start(more: &str) -> Self {
        let mut postern = Self::configured(more);
        postern.run();
        postern
    }

    /// The same without starting it.
    pub fn configured(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        open_folder(folder.path());
        let postern = Self { folder, door_port: free_port(), portal_port: free_port(), process: None };
        postern.configure(more);
        postern
    }

    pub fn configure(&self, more: &str) {
        let text = format!(
            "data = \"{}\"\n\
             [organization]\nname = \"Example\"\ndomains = [\"example.com\"]\nadmins = [\"admin@example.com\"]\n\
             helpdesk = [\"helpdesk@example.com\"]\n\
             [portal]\nlisten = \"127.0.0.1:{}\"\n\
             {more}\n",
            self.data().display(),
            self.portal_port,
        );
        let text = if text.contains("[policy_door]") {
            text.replace("[policy_door]", &format!("[policy_door]\nlisten = [\"127.0.0.1:{}\"]", self.door_port))
        } else {
            format!("{text}[policy_door]\nlisten = [\"127.0.0.1:{}\"]\n", self.door_port)
        };
        fs::write(self.config(), text).unwrap();
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("postern.toml")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("postern.log")
    }

    /// Starts the daemon and waits until it is ready.
    pub fn run(&mut self) {
        self.spawn(&mut command());
    }

    /// The same with a socket of that name, passed as systemd does (sd_listen_fds(3)).
    pub fn run_with_socket(&mut self, name: &str, socket: std::net::TcpListener) {
        let script = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh", BINARY]).env("LISTEN_FDNAMES", name).stdin(std::os::fd::OwnedFd::from(socket));
        self.spawn(&mut shell);
    }

    fn spawn(&mut self, command: &mut Command) {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        self.process = Some(Process::spawn(command.arg("--config").arg(self.config()).arg("serve").stderr(log)));
        wait_for("postern to be ready", || {
            assert!(self.process().is_running(), "postern ended:\n{}", self.log());
            self.http("/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
        });
    }

    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("postern was started")
    }

    pub fn kill_9(&mut self) {
        self.process.take().unwrap().kill_9();
    }

    pub fn restart_after_kill_9(&mut self) {
        self.kill_9();
        self.run();
    }

    /// The answer to a GET on the portal's listener; none if nobody answers.
    pub fn http(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.portal_port)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Runs a command against this daemon.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let mut command = command();
        command.arg("--config").arg(self.config()).args(arguments);
        command.output().unwrap()
    }

    /// What a command prints; it has to succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.cli(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "postern {arguments:?}: {}\n{text}{errors}", output.status);
        text
    }

    /// What a command prints with `--json`.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    /// One window's count of an account.
    #[track_caller]
    pub fn count(&self, account: &str, window: &str) -> u64 {
        self.window(account, window)["count"].as_u64().unwrap()
    }

    #[track_caller]
    pub fn window(&self, account: &str, window: &str) -> Value {
        let usage = self.json(&["usage", account]);
        let windows = usage["windows"].as_array().unwrap();
        windows.iter().find(|w| w["window"] == window).unwrap_or_else(|| panic!("no {window} in {usage}")).clone()
    }

    #[track_caller]
    pub fn restricted(&self) -> Vec<Value> {
        self.json(&["restricted", "list"]).as_array().unwrap().clone()
    }

    pub fn door(&self) -> PolicyClient {
        PolicyClient::connect(self.door_port)
    }
}

/// Runs `postern` with a configuration that need not be valid.
pub fn with_config(config: &Path, arguments: &[&str]) -> Output {
    command().arg("--config").arg(config).args(arguments).output().unwrap()
}
