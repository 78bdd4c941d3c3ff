//! The data folder: one process at a time, and a one-line error if it can't be used.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use postern_api::admin_socket_path;
use rustix::fs::{FlockOperation, flock};

/// The data folder, locked.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(path)
            .with_context(|| format!("data = {:?}: the folder can't be made", shown.to_string()))?;
        let mut lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o640)
            .open(path.join("postern.lock"))
            .with_context(|| format!("data = {:?}: the folder can't be written", shown.to_string()))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let owner = fs::read_to_string(path.join("postern.lock")).unwrap_or_default();
            let owner = owner.trim();
            bail!("data = {:?}: another postern (process {owner}) is using this folder", shown.to_string());
        }
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join("postern.db")
    }

    pub(super) fn usage(&self) -> PathBuf {
        self.path.join("usage")
    }

    pub(super) fn admin_socket(&self) -> PathBuf {
        admin_socket_path(&self.path)
    }
}
