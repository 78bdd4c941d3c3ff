//! The data folder: one process at a time, and a one-line error if it can't be used.

use std::fs::Permissions;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
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
            .mode(0o700)
            .create(path)
            .with_context(|| format!("data = {:?}: the folder can't be made", shown.to_string()))?;
        only_ours(path)?;
        let mut lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("postern.lock"))
            .with_context(|| format!("data = {:?}: the folder can't be written", shown.to_string()))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let owner = fs::read_to_string(path.join("postern.lock")).unwrap_or_default();
            let owner = owner.trim();
            bail!("data = {:?}: another postern (process {owner}) is using this folder", shown.to_string());
        }
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        let folder = Self { path: path.to_owned(), _lock: lock };
        folder.close_files()?;
        Ok(folder)
    }

    /// Takes the rights of others from files that an earlier version left in the folder.
    fn close_files(&self) -> anyhow::Result<()> {
        let database =
            ["postern.db", "postern.db-wal", "postern.db-shm", "postern.lock"].map(|name| self.path.join(name));
        let usage = fs::read_dir(self.usage()).into_iter().flatten().flatten().map(|entry| entry.path());
        for file in database.into_iter().chain(usage) {
            match fs::set_permissions(&file, Permissions::from_mode(0o600)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("{}: can't be closed to others", file.display()));
                }
                _ => {}
            }
        }
        Ok(())
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

/// The folder has secrets: nobody but this user may look into it. Closes a folder that is open to others, and refuses one
/// that can't be closed.
fn only_ours(path: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let how = || {
        let shown = path.display().to_string();
        format!("data = {shown:?}: others can look into the folder, and it can't be closed; chmod 700 {shown}")
    };
    fs::set_permissions(path, Permissions::from_mode(0o700)).with_context(how)?;
    tracing::warn!(data = %path.display(), "others could look into the data folder (mode {:o}); closed", mode & 0o777);
    Ok(())
}
