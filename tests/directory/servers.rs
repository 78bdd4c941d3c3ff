//! Database and LDAP servers on free loopback ports, with a folder of their own.

use std::cell::RefCell;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::process::Process;
use crate::harness::{free_port, open_folder, wait_for, wait_within};

const PASSWORD: &str = "open sesame";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    open_folder(folder.path());
    fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    folder
}

fn password_file(folder: &TempDir) -> String {
    folder.path().join("password").display().to_string()
}

#[track_caller]
fn done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Whether it succeeds; what it prints is nobody's business.
fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

/// A command as the user of a server, which will not run as root.
fn as_user(user: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
    command
}

/// The folder of the installed PostgreSQL's programs.
fn postgresql_bin() -> std::path::PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("postgresql is installed");
    let newest = versions.map(|entry| entry.unwrap().path()).max().unwrap();
    newest.join("bin")
}

pub struct Postgresql {
    folder: TempDir,
    pub port: u16,
    process: RefCell<Option<Process>>,
}

impl Postgresql {
    pub fn start() -> Self {
        let (folder, port, bin) = (folder(), free_port(), postgresql_bin());
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        done(Command::new("chown").arg("postgres").arg(&data));
        done(
            as_user("postgres", &bin.join("initdb"))
                .args(["--auth=scram-sha-256", "--username=postern", "--encoding=UTF8", "--no-sync", "--pwfile"])
                .arg(folder.path().join("password"))
                .arg("-D")
                .arg(&data),
        );
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = Process::spawn(
            as_user("postgres", &bin.join("postgres"))
                .arg("-D")
                .arg(&data)
                .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-p"])
                .arg(port.to_string())
                .stdout(log.try_clone().unwrap())
                .stderr(log),
        );
        let server = Self { folder, port, process: RefCell::new(Some(process)) };
        wait_for("PostgreSQL", || works(&mut server.psql("postgres", "SELECT 1")));
        done(&mut server.psql("postgres", "CREATE DATABASE vmail"));
        server
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new("psql");
        let at = format!("postgresql://postern@127.0.0.1:{}/{database}", self.port);
        command.env("PGPASSWORD", PASSWORD).args([&at, "-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        command
    }

    #[track_caller]
    pub fn sql(&self, sql: &str) {
        done(&mut self.psql("vmail", sql));
    }

    pub fn url(&self) -> String {
        format!("postgresql://postern@127.0.0.1:{}/vmail", self.port)
    }

    pub fn password_file(&self) -> String {
        password_file(&self.folder)
    }

    pub fn stop(&self) {
        self.process.take();
    }
}

pub struct Mariadb {
    folder: TempDir,
    pub port: u16,
    process: RefCell<Option<Process>>,
}

impl Mariadb {
    pub fn start() -> Self {
        let (folder, port) = (folder(), free_port());
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        done(Command::new("chown").arg("mysql").arg(&data));
        let datadir = format!("--datadir={}", data.display());
        let install = ["--no-defaults", "--user=mysql", "--skip-test-db", "--auth-root-authentication-method=normal"];
        done(Command::new("mariadb-install-db").args(install).arg(&datadir));
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = Process::spawn(
            Command::new("mariadbd")
                .args(["--no-defaults", "--user=mysql", "--bind-address=127.0.0.1", "--skip-name-resolve"])
                .arg(&datadir)
                .arg(format!("--port={port}"))
                .arg(format!("--socket={}", data.join("socket").display()))
                .stdout(log.try_clone().unwrap())
                .stderr(log),
        );
        let server = Self { folder, port, process: RefCell::new(Some(process)) };
        wait_within(60, "MariaDB", || works(&mut server.client("mysql", "SELECT 1")));
        let user = format!("CREATE USER postern@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'");
        for sql in
            ["CREATE DATABASE vmail CHARACTER SET utf8mb4", &user, "GRANT SELECT ON vmail.* TO postern@'127.0.0.1'"]
        {
            done(&mut server.client("mysql", sql));
        }
        server
    }

    fn client(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new("mariadb");
        let socket = self.folder.path().join("data/socket");
        command.args(["--no-defaults", "--user=root", "--default-character-set=utf8mb4", "-e", sql, database]);
        command.arg(format!("--socket={}", socket.display()));
        command
    }

    #[track_caller]
    pub fn sql(&self, sql: &str) {
        done(&mut self.client("vmail", sql));
    }

    pub fn url(&self) -> String {
        format!("mysql://postern@127.0.0.1:{}/vmail", self.port)
    }

    pub fn password_file(&self) -> String {
        password_file(&self.folder)
    }

    pub fn stop(&self) {
        self.process.take();
    }
}

pub struct Slapd {
    folder: TempDir,
    port: u16,
    process: RefCell<Option<Process>>,
}

const ENTRIES: &str = "dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example

dn: uid=alice,dc=example,dc=com
objectClass: inetOrgPerson
cn: Alice Ödegård
sn: Ödegård
mail: Alice@Example.com

dn: uid=bob,dc=example,dc=com
objectClass: inetOrgPerson
cn: bob
sn: B
mail: bob@example.com

dn: uid=carol,dc=example,dc=com
objectClass: inetOrgPerson
cn: Carol
sn: C
mail: carol@example.com

dn: cn=marketing,dc=example,dc=com
objectClass: groupOfNames
cn: marketing
member: UID=Alice,dc=example,dc=com
";

impl Slapd {
    pub fn start() -> Self {
        let (folder, port) = (folder(), free_port());
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let config = folder.path().join("slapd.conf");
        let text = format!(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             pidfile {pid}\ndatabase mdb\nsuffix \"dc=example,dc=com\"\nrootdn \"cn=admin,dc=example,dc=com\"\n\
             rootpw \"{PASSWORD}\"\ndirectory {data}\naccess to * by * none\n",
            pid = folder.path().join("pid").display(),
            data = data.display(),
        );
        fs::write(&config, text).unwrap();
        let process = Process::spawn(
            Command::new("/usr/sbin/slapd")
                .arg("-f")
                .arg(&config)
                .args(["-h", &format!("ldap://127.0.0.1:{port}"), "-d", "0"])
                .stderr(fs::File::create(folder.path().join("log")).unwrap()),
        );
        let server = Self { folder, port, process: RefCell::new(Some(process)) };
        wait_for("slapd", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        server.client("ldapadd", ENTRIES);
        server
    }

    #[track_caller]
    fn client(&self, program: &str, ldif: &str) {
        let mut child = Command::new(program)
            .args(["-x", "-H", &self.url(), "-D", "cn=admin,dc=example,dc=com", "-w", PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        child.stdin.take().unwrap().write_all(ldif.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{program}");
    }

    pub fn bob_joins(&self) {
        let change = "dn: cn=marketing,dc=example,dc=com\nchangetype: modify\nadd: member\n\
                      member: uid=bob,dc=example,dc=com\n";
        self.client("ldapmodify", change);
    }

    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    pub fn password_file(&self) -> String {
        password_file(&self.folder)
    }

    pub fn stop(&self) {
        self.process.take();
    }
}
