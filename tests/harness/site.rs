//! A whole site: Postern, Postfix wired to it by the lines that it prints, Dovecot, a sink.

use tempfile::TempDir;

use super::dovecot::Dovecot;
use super::open_folder;
use super::postern::Postern;
use super::postfix::Postfix;
use super::smtp::Smtp;

pub const USERS: [&str; 6] = [
    "alice@example.com",
    "bob@example.com",
    "carol@example.com",
    "admin@example.com",
    "helpdesk@example.com",
    "postmaster@example.com",
];

pub struct Site {
    pub postern: Postern,
    pub postfix: Postfix,
    pub dovecot: Dovecot,
    _folder: TempDir,
}

impl Site {
    /// `settings` are TOML for Postern without `[smtp]`.
    pub fn start(settings: &str) -> Self {
        Self::with_main_cf(settings, |wiring| wiring.to_owned())
    }

    /// The same with the lines for `main.cf` changed or added to.
    pub fn with_main_cf(settings: &str, main_cf: impl FnOnce(&str) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        open_folder(folder.path());
        let dovecot_folder = folder.path().join("dovecot");
        let postfix_folder = folder.path().join("postfix");
        for path in [&dovecot_folder, &postfix_folder] {
            std::fs::create_dir(path).unwrap();
            open_folder(path);
        }
        let dovecot = Dovecot::start(&dovecot_folder, &USERS);
        let mut postern = Postern::configured(settings);
        let wiring = postern.ok(&["wiring", "postfix"]);
        let postfix = Postfix::start(&postfix_folder, &dovecot, &USERS, &main_cf(&wiring));
        postern.configure(&format!("{settings}\n[smtp]\nserver = \"127.0.0.1:{}\"\n", postfix.port));
        postern.run();
        Self { postern, postfix, dovecot, _folder: folder }
    }

    /// Has Postfix report the end of a message of bob's, so that messages that are abandoned count as such from now on.
    pub fn shows_how_messages_end(&self) {
        let reply = self.login("bob").send("bob@example.com", &["bob@example.com"], "to myself");
        assert!(reply.starts_with("250"), "{reply}");
    }

    /// Logs in as `alice`, `bob`, …
    pub fn login(&self, user: &str) -> Smtp {
        Smtp::login(self.postfix.port, &format!("{user}@example.com"))
    }

    /// Logs in to an smtpd that has read `main.cf` anew.
    pub fn reloaded_login(&self, user: &str) -> Smtp {
        self.postfix.reload();
        self.login(user)
    }

    /// Comes from outside, without a login.
    pub fn outside(&self) -> Smtp {
        Smtp::connect(self.postfix.port)
    }

    pub fn mailbox(&self, user: &str) -> Vec<String> {
        self.dovecot.mailbox(&format!("{user}@example.com"))
    }
}

impl Drop for Site {
    /// A failed test shows what the servers said.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- postern\n{}\n--- postfix\n{}", self.postern.log(), self.postfix.log());
        }
    }
}
