//! The token file on disk: read whole, replaced whole.
//!
//! Owns that nobody ever finds half a file, and that a new one is the owner's alone to read.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Most bytes of a token file.
const BYTES_MAX: u64 = 8 << 20;
/// A new file is for its owner only.
const MODE: u32 = 0o600;

/// What went wrong with the file.
#[derive(Debug, Error)]
pub enum FileError {
    /// Reading or writing failed.
    #[error("can't {doing} `{file}`: {cause}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        file: String,
        /// Why not.
        cause: io::Error,
    },
    /// Somebody else is at it.
    #[error("`{file}` is being changed by somebody else; if not, a change was interrupted: remove `{beside}`")]
    Busy {
        /// The file.
        file: String,
        /// The unfinished one.
        beside: String,
    },
    /// Not something that tokens are kept in.
    #[error("`{file}` isn't a text file of at most 8 MiB")]
    Foreign {
        /// The file.
        file: String,
    },
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let file = path.display().to_string();
    move |cause| FileError::Io { doing, file, cause }
}

/// The text; `None` where there is no file.
///
/// # Errors
/// See [`FileError`].
pub fn read_file(path: &Path) -> Result<Option<String>, FileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let foreign = || FileError::Foreign { file: path.display().to_string() };
    if !file.metadata().map_err(failed("read", path))?.is_file() {
        return Err(foreign());
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(foreign());
    }
    String::from_utf8(bytes).map(Some).map_err(|_| foreign())
}

/// Changes the file: `change` gets its text (empty where there is none) and gives the new one. Whoever
/// else changes it at the same time is told so; a crash leaves the old file or the new one.
///
/// # Errors
/// See [`FileError`]; or what `change` says, and then nothing has changed.
pub fn write_file<T, E: From<FileError>>(
    path: &Path,
    change: impl FnOnce(&str) -> Result<(String, T), E>,
) -> Result<T, E> {
    // Through a link to the file itself, so that the link stays one.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let beside = beside(path);
    let mut new = match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&beside) {
        Ok(new) => new,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let (file, beside) = (path.display().to_string(), beside.display().to_string());
            return Err(FileError::Busy { file, beside }.into());
        }
        Err(error) => return Err(failed("write", &beside)(error).into()),
    };
    // The unfinished file is the lock: what is read now changes under nobody's hands.
    let done = read_file(path).map_err(E::from).and_then(|old| {
        let (text, result) = change(old.as_deref().unwrap_or_default())?;
        fill(&mut new, &text, path).map_err(failed("write", &beside))?;
        fs::rename(&beside, path).map_err(failed("replace", path))?;
        Ok(result)
    });
    if done.is_err() {
        // What was wrong is said already; a left over file says so itself the next time.
        let _ = fs::remove_file(&beside);
        return done;
    }
    sync_folder(path).map_err(failed("write", path))?;
    done
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    path.with_file_name(name)
}

/// Writes the text, for the same owner and readers as the file that it replaces.
fn fill(new: &mut File, text: &str, path: &Path) -> io::Result<()> {
    if let Ok(old) = fs::metadata(path) {
        let own = new.metadata()?;
        if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
            chown(beside(path), Some(old.uid()), Some(old.gid()))?;
        }
        new.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
    }
    new.write_all(text.as_bytes())?;
    new.sync_all()
}

/// A new name is durable when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) -> Result<(), FileError> {
        write_file(path, |_| Ok((text.to_owned(), ())))
    }

    #[test]
    fn a_new_file_is_private_and_an_old_one_keeps_its_readers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.toml");
        let mode = || fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(read_file(&path).unwrap(), None);
        write(&path, "a").unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, "b").unwrap();
        assert_eq!((mode(), read_file(&path).unwrap().as_deref()), (0o640, Some("b")));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_change_that_fails_or_meets_another_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.toml");
        write(&path, "a").unwrap();
        let refused = write_file(&path, |text| {
            assert_eq!(text, "a");
            assert!(matches!(write(&path, "c"), Err(FileError::Busy { .. })), "one at a time");
            Err::<(String, ()), _>(FileError::Foreign { file: "x".to_owned() })
        });
        assert!(refused.is_err());
        assert_eq!(
            (read_file(&path).unwrap().as_deref(), fs::read_dir(folder.path()).unwrap().count()),
            (Some("a"), 1)
        );
        write(&path, "b").unwrap();
        assert!(matches!(read_file(folder.path()), Err(FileError::Foreign { .. })));
    }
}
