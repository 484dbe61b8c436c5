//! The file of the key that signs checkpoints.
//!
//! Owns its name, its mode and that it is made once. Must not know what the text says, and never
//! repeats it in a message.

use super::error::StoreError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The key's file in the store's folder.
pub const KEY_FILE: &str = "ledger.key";
/// A larger file is no key.
const KEY_BYTES_MAX: u64 = 4 << 10;

/// The key of the store in a folder; `None` where it has none yet.
///
/// # Errors
/// It can't be read, or others could read it too.
pub fn read_key(folder: &Path) -> Result<Option<String>, StoreError> {
    let path = folder.join(KEY_FILE);
    let shown = || path.display().to_string();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("open", shown())(error)),
    };
    let mode = file.metadata().map_err(StoreError::io("look at", shown()))?.permissions().mode();
    if mode & 0o077 != 0 {
        let cause = format!(
            "others may read or write it (mode {:03o}). Set it to 0600; if somebody may have read it, move it aside: \
             a new one is then made",
            mode & 0o777
        );
        return Err(StoreError::Key { path: shown(), cause });
    }
    let mut text = String::new();
    file.take(KEY_BYTES_MAX).read_to_string(&mut text).map_err(StoreError::io("read", shown()))?;
    Ok(Some(text))
}

/// The kept key, or `fresh`, which is kept now: whole and durable, or not at all.
pub(super) fn read_or_keep(folder: &Path, fresh: &str) -> Result<String, StoreError> {
    if let Some(kept) = read_key(folder)? {
        return Ok(kept);
    }
    let path = folder.join(KEY_FILE);
    write(folder, &path, fresh).map_err(StoreError::io("write", path.display().to_string()))?;
    Ok(fresh.to_owned())
}

fn write(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let tmp = folder.join("ledger.key.tmp");
    // One that a crash left may have any mode.
    if let Err(error) = fs::remove_file(&tmp)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&tmp)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&tmp, path)?;
    File::open(folder)?.sync_all()
}
