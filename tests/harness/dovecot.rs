//! A real Dovecot: logins for SMTP AUTH, and mailboxes by LMTP.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::process::Process;
use super::{files_below, free_port, wait_for};

pub struct Dovecot {
    pub auth_port: u16,
    pub lmtp_port: u16,
    folder: PathBuf,
    _process: Process,
}

impl Dovecot {
    /// Starts it in `folder`; everybody's password is `secret`.
    pub fn start(folder: &Path, users: &[&str]) -> Self {
        let (auth_port, lmtp_port) = (free_port(), free_port());
        fs::create_dir_all(folder.join("mail")).unwrap();
        let chown = Command::new("chown").arg("mail:mail").arg(folder.join("mail")).status().unwrap();
        assert!(chown.success());
        let passwd: String = users
            .iter()
            .map(|user| format!("{user}:{{PLAIN}}secret::::{}/mail/{user}::\n", folder.display()))
            .collect();
        fs::write(folder.join("passwd"), passwd).unwrap();
        let config = format!(
            "base_dir = {base}/run\nlog_path = {base}/dovecot.log\nprotocols = lmtp\nlisten = 127.0.0.1\nssl = no\n\
             disable_plaintext_auth = no\nauth_mechanisms = plain login\nfirst_valid_uid = 1\n\
             mail_location = maildir:~/Maildir\nmail_uid = mail\nmail_gid = mail\npostmaster_address = postmaster@example.com\n\
             passdb {{\n  driver = passwd-file\n  args = username_format=%u {base}/passwd\n}}\n\
             userdb {{\n  driver = passwd-file\n  args = username_format=%u {base}/passwd\n  override_fields = uid=mail gid=mail\n}}\n\
             service auth {{\n  inet_listener {{\n    address = 127.0.0.1\n    port = {auth_port}\n  }}\n}}\n\
             service lmtp {{\n  inet_listener lmtp {{\n    address = 127.0.0.1\n    port = {lmtp_port}\n  }}\n}}\n",
            base = folder.display(),
        );
        fs::write(folder.join("dovecot.conf"), config).unwrap();
        let process = Process::spawn(
            Command::new("dovecot").arg("-F").arg("-c").arg(folder.join("dovecot.conf")).stdout(Stdio::null()),
        );
        wait_for("dovecot", || std::net::TcpStream::connect(("127.0.0.1", lmtp_port)).is_ok());
        Self { auth_port, lmtp_port, folder: folder.to_owned(), _process: process }
    }

    /// The messages in a user's mailbox.
    pub fn mailbox(&self, user: &str) -> Vec<String> {
        let mailbox = self.folder.join("mail").join(user).join("Maildir");
        let mut messages = files_below(&mailbox.join("new"));
        messages.extend(files_below(&mailbox.join("cur")));
        messages
    }
}
