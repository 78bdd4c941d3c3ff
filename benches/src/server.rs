//! Servers as processes of their own, ended by process id.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

pub(crate) struct Server {
    pub(crate) port: u16,
    /// Where the portal is; 0 for the echo server.
    pub(crate) portal: u16,
    child: Child,
    folder: TempDir,
}

impl Server {
    pub(crate) fn echo(one_thread: bool) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["echo", &port.to_string()]).args(one_thread.then_some("--one-thread"));
        let child = command.spawn()?;
        Self { port, portal: 0, child, folder: tempfile::tempdir()? }.wait()
    }

    pub(crate) fn postern(binary: &Path) -> anyhow::Result<Self> {
        let (folder, port, portal) = (tempfile::tempdir()?, free_port()?, free_port()?);
        // No limit is reached: what is measured is deciding, not restricting.
        let config = format!(
            "data = \"{}\"\n[organization]\ndomains = [\"example.com\"]\n[policy_door]\nlisten = [\"127.0.0.1:{port}\"]\n\
             [portal]\nlisten = \"127.0.0.1:{portal}\"\n[outbound_policy]\nexternal_per_hour = 10000\nper_day = 10000\n\
             action = \"alert-only\"\n[log]\nlevel = \"error\"\n[smtp]\nserver = \"127.0.0.1:{}\"\n",
            folder.path().join("data").display(),
            free_port()?,
        );
        std::fs::write(folder.path().join("postern.toml"), config)?;
        let child = start(binary, folder.path())?;
        Self { port, portal, child, folder }.wait()
    }

    /// kill -9 and start again; how long until it answers.
    pub(crate) fn restart_after_kill_9(self, binary: &Path) -> anyhow::Result<(Self, Duration)> {
        self.restart_after(binary, |_| Ok(()))
    }

    /// The same with `meanwhile` done to its data folder before it starts again.
    pub(crate) fn restart_after(
        mut self,
        binary: &Path,
        meanwhile: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<(Self, Duration)> {
        self.child.kill()?;
        self.child.wait()?;
        meanwhile(&self.folder.path().join("data"))?;
        let began = Instant::now();
        self.child = start(binary, self.folder.path())?;
        let server = self.wait()?;
        Ok((server, began.elapsed()))
    }

    /// What `postern` prints with these arguments.
    pub(crate) fn cli(&self, binary: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        let config = self.folder.path().join("postern.toml");
        let output = Command::new(binary).arg("--config").arg(config).args(arguments).output()?;
        if !output.status.success() {
            bail!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    }

    /// Waits until the process has used hardly any processor time for five seconds.
    pub(crate) fn wait_until_idle(&self) -> anyhow::Result<()> {
        const SECONDS: u64 = 5;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(600) {
            let before = self.processor_time()?;
            std::thread::sleep(Duration::from_secs(SECONDS));
            if self.processor_time()? - before < Duration::from_millis(100) {
                return Ok(());
            }
        }
        bail!("the server does not become idle")
    }

    /// User and system time so far (`proc_pid_stat(5)`).
    fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program, in parentheses, may have spaces.
        let fields = stat.rsplit_once(')').context("no program name in stat")?.1;
        let ticks = |number: usize| fields.split_whitespace().nth(number).and_then(|field| field.parse::<u64>().ok());
        let ticks = ticks(11).zip(ticks(12)).context("no times in stat")?;
        // Linux reports them in hundredths of a second on every architecture that Rust supports.
        Ok(Duration::from_millis((ticks.0 + ticks.1) * 10))
    }

    fn wait(mut self) -> anyhow::Result<Self> {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended: {status}");
            }
            if began.elapsed() > Duration::from_secs(60) {
                bail!("the server did not come up");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(self)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(binary: &Path, folder: &Path) -> anyhow::Result<Child> {
    let mut command = Command::new(binary);
    command.arg("--config").arg(folder.join("postern.toml")).arg("serve").stderr(Stdio::null());
    command.spawn().with_context(|| format!("{} can't be started", binary.display()))
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
