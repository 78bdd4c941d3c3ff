//! Reads and writes the journal's files; see `README.md` in this folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::faults::Faults;
use super::format::{self, Record};
use crate::LedgerError;

const MAGIC: &[u8; 8] = b"PSTRNU01";
const HEADER: usize = 8;
/// Blocks are closed at about this size in bytes, so that a reader never needs much memory.
const BLOCK: usize = 256 * 1024;
/// The largest block in bytes; a greater length means that the file is damaged.
const MAX_BLOCK: usize = 64 * 1024 * 1024;
/// A journal smaller than this, in bytes, is not worth compacting.
const SMALL: u64 = 32 * 1024 * 1024;

/// The current journal file.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    number: u64,
    file: Option<File>,
    written: u64,
    /// Size in bytes of the snapshot that this journal follows.
    snapshot: u64,
    /// Complete blocks to be written.
    sealed: Vec<u8>,
    /// Records of the block that is still growing.
    buffer: Vec<u8>,
    dirty: bool,
    /// Failures that a test has ordered.
    pub(super) faults: Faults,
}

/// A snapshot being written, and the journal that will follow it.
#[derive(Debug)]
pub(super) struct Snapshot {
    number: u64,
    path: PathBuf,
    file: File,
    size: u64,
    buffer: Vec<u8>,
    after: Vec<u8>,
}

impl Journal {
    /// A placeholder until [`Journal::open`] returns the real journal.
    pub(super) fn closed() -> Self {
        Self {
            folder: PathBuf::new(),
            number: 0,
            file: None,
            written: 0,
            snapshot: 0,
            sealed: Vec::new(),
            buffer: Vec::new(),
            dirty: false,
            faults: Faults::default(),
        }
    }

    /// Replays the records in `folder`, oldest first, and opens the journal for writing.
    pub(super) fn open(folder: &Path, replay: &mut dyn FnMut(Record)) -> Result<Self, LedgerError> {
        let fail = |source| LedgerError::Journal { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(fail)?;
        let snapshots = numbered(folder, "snapshot").map_err(fail)?;
        let newest = snapshots.last().copied().unwrap_or(0);
        let mut snapshot = 0;
        if newest > 0 {
            snapshot = read_file(&path_of(folder, newest, "snapshot"), false, replay)?;
        }
        let journals = numbered(folder, "journal").map_err(fail)?;
        let current: Vec<u64> = journals.into_iter().filter(|&n| n >= newest).collect();
        let mut written = 0;
        for (index, &number) in current.iter().enumerate() {
            let last = index + 1 == current.len();
            written = read_file(&path_of(folder, number, "journal"), last, replay)?;
        }
        let number = current.last().copied().unwrap_or(newest.max(1));
        let mut journal = Self { folder: folder.to_owned(), number, snapshot, written, ..Self::closed() };
        journal.open_file(number)?;
        remove_older(folder, newest);
        Ok(journal)
    }

    fn open_file(&mut self, number: u64) -> Result<(), LedgerError> {
        let path = path_of(&self.folder, number, "journal");
        let open = || -> io::Result<(File, u64)> {
            let mut file = OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path)?;
            let mut length = file.seek(io::SeekFrom::End(0))?;
            if length == 0 {
                file.write_all(MAGIC)?;
                file.sync_all()?;
                sync_folder(&self.folder)?;
                length = MAGIC.len() as u64;
            }
            Ok((file, length))
        };
        let (file, length) = open().map_err(|source| LedgerError::Journal { path: path.clone(), source })?;
        self.file = Some(file);
        self.number = number;
        self.written = length;
        Ok(())
    }

    /// Buffers complete records until [`Journal::write`] writes them.
    pub(super) fn append(&mut self, records: &[u8]) {
        self.buffer.extend_from_slice(records);
        if self.buffer.len() >= BLOCK {
            self.seal();
        }
    }

    fn seal(&mut self) {
        if !self.buffer.is_empty() {
            frame(&self.buffer, &mut self.sealed);
            self.buffer.clear();
        }
    }

    /// Writes the buffered records; with `durable`, syncs them to disk. After an error they stay buffered
    /// for the next attempt.
    pub(super) fn write(&mut self, durable: bool) -> Result<(), LedgerError> {
        self.seal();
        let path = path_of(&self.folder, self.number, "journal");
        let Some(file) = &mut self.file else { return Ok(()) };
        let fail = |source| LedgerError::Journal { path, source };
        if !self.sealed.is_empty() {
            // Undo a partial write (such as on a full disk): blocks after a torn one are not read.
            if let Err(error) = self.faults.step().and_then(|()| file.write_all(&self.sealed)) {
                let _ = file.set_len(self.written);
                let _ = file.seek(io::SeekFrom::Start(self.written));
                return Err(fail(error));
            }
            self.written += self.sealed.len() as u64;
            self.sealed.clear();
            self.sealed.shrink_to(BLOCK);
            self.dirty = true;
        }
        if durable && self.dirty {
            self.faults.step().and_then(|()| file.sync_data()).map_err(fail)?;
            self.dirty = false;
        }
        Ok(())
    }

    pub(super) fn wants_compaction(&self) -> bool {
        self.written > SMALL && self.written > 2 * self.snapshot
    }

    pub(super) fn begin_snapshot(&mut self) -> Result<Snapshot, LedgerError> {
        let number = self.number + 1;
        let path = path_of(&self.folder, number, "snapshot.tmp");
        let begin = || {
            self.faults.step()?;
            let mut file = File::create(&path)?;
            file.write_all(MAGIC)?;
            Ok(file)
        };
        let file = begin().map_err(|source| LedgerError::Journal { path: path.clone(), source })?;
        Ok(Snapshot { number, path, file, size: MAGIC.len() as u64, buffer: Vec::new(), after: Vec::new() })
    }

    /// Puts the snapshot into effect, and continues in the journal that follows it. Whatever fails, the files on disk
    /// and what is still to be written contain every record once.
    pub(super) fn finish_snapshot(&mut self, mut snapshot: Snapshot) -> Result<(), LedgerError> {
        let switched = self.switch(&mut snapshot);
        if let Err(error) = switched {
            self.abandon_snapshot(snapshot);
            return Err(error);
        }
        // From here on, a failure leaves the former snapshot in effect, followed by both journals.
        let path = path_of(&self.folder, snapshot.number, "snapshot");
        let take_effect = || {
            self.faults.step()?;
            sync_folder(&self.folder)?;
            self.faults.step()?;
            fs::rename(&snapshot.path, &path)?;
            self.faults.step()?;
            sync_folder(&self.folder)
        };
        take_effect().map_err(|source| LedgerError::Journal { path: path.clone(), source })?;
        self.snapshot = snapshot.size;
        remove_older(&self.folder, snapshot.number);
        Ok(())
    }

    /// Abandons a snapshot that could not be written.
    pub(super) fn abandon_snapshot(&mut self, snapshot: Snapshot) {
        self.append(&snapshot.after);
        let _ = fs::remove_file(&snapshot.path);
    }

    /// Writes the snapshot and the journal that follows it, which becomes the current one as soon as it has its name.
    fn switch(&mut self, snapshot: &mut Snapshot) -> Result<(), LedgerError> {
        snapshot.write_buffer(self)?;
        let fail = |path: &Path| {
            let path = path.to_owned();
            |source| LedgerError::Journal { path, source }
        };
        self.faults.step().map_err(fail(&snapshot.path))?;
        snapshot.file.sync_all().map_err(fail(&snapshot.path))?;
        self.write(true)?;
        let following = path_of(&self.folder, snapshot.number, "journal");
        let unnamed = path_of(&self.folder, snapshot.number, "journal.tmp");
        let mut bytes = MAGIC.to_vec();
        if !snapshot.after.is_empty() {
            frame(&snapshot.after, &mut bytes);
        }
        let create = || {
            self.faults.step()?;
            let mut file = File::create(&unnamed)?;
            file.write_all(&bytes)?;
            self.faults.step()?;
            file.sync_all()?;
            self.faults.step()?;
            fs::rename(&unnamed, &following)?;
            Ok(file)
        };
        let file = create().map_err(fail(&following))?;
        self.file = Some(file);
        self.number = snapshot.number;
        self.written = bytes.len() as u64;
        Ok(())
    }
}

impl Snapshot {
    pub(super) fn add(&mut self, entry: &Entry) {
        if !entry.usage.slots().is_empty() {
            format::encode_slots(&mut self.buffer, &entry.entity, entry.usage.slots());
        }
        if let Some(recent) = entry.recent() {
            format::encode_recent(&mut self.buffer, &entry.entity, recent.bytes());
        }
        if let Some(profile) = entry.profile() {
            format::encode_profile(&mut self.buffer, &entry.entity, profile.as_bytes());
        }
    }

    /// Buffers records that were counted after their shard was written.
    pub(super) fn append_after(&mut self, records: &[u8]) {
        self.after.extend_from_slice(records);
    }

    pub(super) fn flush_if_large(&mut self, journal: &mut Journal) -> Result<(), LedgerError> {
        if self.buffer.len() >= BLOCK { self.write_buffer(journal) } else { Ok(()) }
    }

    fn write_buffer(&mut self, journal: &mut Journal) -> Result<(), LedgerError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut block = Vec::with_capacity(HEADER + self.buffer.len());
        frame(&self.buffer, &mut block);
        let written = journal.faults.step().and_then(|()| self.file.write_all(&block));
        written.map_err(|source| LedgerError::Journal { path: self.path.clone(), source })?;
        self.size += block.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn frame(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Reads every block of a file and replays its records. Returns the length of the intact part in
/// bytes; with `mend`, cuts off the rest.
fn read_file(path: &Path, mend: bool, replay: &mut dyn FnMut(Record)) -> Result<u64, LedgerError> {
    let fail = |source| LedgerError::Journal { path: path.to_owned(), source };
    let foreign = |reason: &str| LedgerError::Foreign { path: path.to_owned(), reason: reason.to_owned() };
    let mut file = File::open(path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    let mut reader = io::BufReader::with_capacity(BLOCK, &mut file);
    let mut magic = [0; MAGIC.len()];
    match reader.read_exact(&mut magic) {
        Ok(()) if &magic == MAGIC => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && mend => return cut(path, 0),
        _ => return Err(foreign("this is no usage journal of this version of Postern")),
    }
    let mut whole = MAGIC.len() as u64;
    let mut block = Vec::new();
    while read_block(&mut reader, &mut block).map_err(fail)? {
        let mut rest = block.as_slice();
        while !rest.is_empty() {
            let record = Record::decode(&mut rest);
            replay(record.ok_or_else(|| foreign("it holds a record that this version does not know"))?);
        }
        whole += (HEADER + block.len()) as u64;
    }
    if whole == size {
        Ok(whole)
    } else if mend {
        tracing::warn!(path = %path.display(), lost_bytes = size - whole, "usage journal ends in the middle of a block, as after a crash; the rest is cut off");
        cut(path, whole)
    } else {
        Err(foreign(&format!("it is damaged at byte {whole} of {size}")))
    }
}

/// Reads one block; false at the end of the file, or if the block is incomplete or damaged.
fn read_block(reader: &mut impl Read, block: &mut Vec<u8>) -> io::Result<bool> {
    let mut header = [0; HEADER];
    if !read_whole(reader, &mut header)? {
        return Ok(false);
    }
    let [l0, l1, l2, l3, c0, c1, c2, c3] = header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length > MAX_BLOCK {
        return Ok(false);
    }
    block.resize(length, 0);
    Ok(read_whole(reader, block)? && crc32fast::hash(block) == u32::from_le_bytes([c0, c1, c2, c3]))
}

fn read_whole(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn cut(path: &Path, length: u64) -> Result<u64, LedgerError> {
    let cut = || OpenOptions::new().write(true).open(path)?.set_len(length);
    cut().map_err(|source| LedgerError::Journal { path: path.to_owned(), source })?;
    Ok(length)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn path_of(folder: &Path, number: u64, kind: &str) -> PathBuf {
    folder.join(format!("{number}.{kind}"))
}

/// The numbers of the files of one kind, in ascending order.
fn numbered(folder: &Path, kind: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(kind)?.strip_suffix('.')?.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes files that a newer snapshot has replaced, and unfinished snapshots. Files that cannot be
/// removed do no harm, because they are not read.
fn remove_older(folder: &Path, than: u64) {
    for kind in ["snapshot", "journal"] {
        for number in numbered(folder, kind).unwrap_or_default() {
            if number < than {
                let _ = fs::remove_file(path_of(folder, number, kind));
            }
        }
    }
    for kind in ["snapshot.tmp", "journal.tmp"] {
        for number in numbered(folder, kind).unwrap_or_default() {
            let _ = fs::remove_file(path_of(folder, number, kind));
        }
    }
}
