//! How much room the store's disk has.
//!
//! Owns the question to the system. No answer is no number.

use std::path::Path;

/// Free bytes for this user, and all bytes, of the file system that a path is on.
pub fn room(path: &Path) -> Option<(u64, u64)> {
    let system = rustix::fs::statvfs(path).ok()?;
    Some((system.f_bavail.checked_mul(system.f_frsize)?, system.f_blocks.checked_mul(system.f_frsize)?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_room_of_this_disk() {
        let (free, size) = super::room(std::path::Path::new("/")).unwrap();
        assert!(size > 0 && free <= size, "{free} of {size}");
        assert_eq!(super::room(std::path::Path::new("/no/such/folder")), None);
    }
}
