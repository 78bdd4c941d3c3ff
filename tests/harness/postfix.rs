//! A real Postfix with its own configuration, queue and data folders, and a real sink for what
//! leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::dovecot::Dovecot;
use super::process::Process;
use super::{files_below, free_port, open_folder, wait_for};

pub struct Postfix {
    pub port: u16,
    pub config: PathBuf,
    sink: PathBuf,
    log: PathBuf,
    master: Process,
    _sink: Process,
}

/// Only the services that a scenario meets; none in a chroot.
const MASTER: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
tlsmgr unix - - n 1000? 1 tlsmgr
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

impl Postfix {
    /// Starts it in `folder`. `main` are lines of `main.cf` after the basics.
    pub fn start(folder: &Path, dovecot: &Dovecot, users: &[&str], main: &str) -> Self {
        let (port, sink_port) = (free_port(), free_port());
        let (config, queue, data, sink) =
            (folder.join("config"), folder.join("queue"), folder.join("lib"), folder.join("sink"));
        for path in [&config, &queue, &data, &sink] {
            fs::create_dir_all(path).unwrap();
            open_folder(path);
        }
        let chown = Command::new("chown").arg("postfix").args([&data, &sink]).status().unwrap();
        assert!(chown.success());
        let mailboxes: String = users.iter().map(|user| format!("{{{user} = {user}}} ")).collect();
        let log = folder.join("maillog");
        let main = format!(
            "compatibility_level = 3.6\nconfig_directory = {config}\nqueue_directory = {queue}\ndata_directory = {data}\n\
             maillog_file = {log}\nmaillog_file_prefixes = {folder}\n\
             myhostname = mail.example.com\nmydestination =\nmynetworks =\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n\
             virtual_mailbox_domains = example.com\nvirtual_mailbox_maps = inline:{{ {mailboxes} }}\n\
             virtual_transport = lmtp:inet:127.0.0.1:{lmtp}\n\
             relayhost = [127.0.0.1]:{sink_port}\nrecipient_delimiter = +\n\
             smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:127.0.0.1:{auth}\n\
             smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination\n\
             smtpd_error_sleep_time = 0\nsmtpd_soft_error_limit = 1000\nsmtpd_hard_error_limit = 1000\n\
             default_process_limit = 100\nsmtpd_client_connection_count_limit = 0\nlmtp_host_lookup = native\n\
             smtp_tls_security_level = none\nalias_maps =\nbiff = no\n\
             {main}\n",
            config = config.display(),
            queue = queue.display(),
            data = data.display(),
            log = log.display(),
            folder = folder.display(),
            lmtp = dovecot.lmtp_port,
            auth = dovecot.auth_port,
        );
        fs::write(config.join("main.cf"), main).unwrap();
        fs::write(config.join("master.cf"), format!("127.0.0.1:{port} inet n - n - - smtpd\n{MASTER}")).unwrap();
        let check = Command::new("postfix").arg("-c").arg(&config).arg("check").output().unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
        let sink_process = Process::spawn(
            Command::new("/usr/sbin/smtp-sink")
                .current_dir(&sink)
                .args(["-u", "postfix", "-d", "%M.", &format!("127.0.0.1:{sink_port}"), "200"])
                .stderr(Stdio::null()),
        );
        let master = Process::spawn(
            Command::new("/usr/lib/postfix/sbin/master").arg("-c").arg(&config).arg("-d").stderr(Stdio::null()),
        );
        wait_for("postfix", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, config, sink, log, master, _sink: sink_process }
    }

    /// The messages that left for the outside.
    pub fn left(&self) -> Vec<String> {
        files_below(&self.sink).into_iter().filter(|message| !message.is_empty()).collect()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What `postfix reload` does.
    pub fn reload(&self) {
        self.master.signal("HUP");
    }

    /// Changes `main.cf` as an admin does.
    pub fn set(&self, line: &str) {
        let set = Command::new("postconf").arg("-c").arg(&self.config).arg("-e").arg(line).status().unwrap();
        assert!(set.success(), "{line}");
    }
}
