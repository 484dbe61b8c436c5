//! The hash of an entry, and the chain through all entries.
//!
//! Owns which bytes of an entry are hashed and how hashes follow from each other. They never change
//! for entries that are written: another form gets another prefix. Must not read what the bytes say.

use super::hash::Hash;

/// What the canonical bytes of an entry begin with.
pub const CANONICAL_PREFIX: &str = "andon-ledger-entry/1";
/// What is hashed in the place of the chain hash before the first entry.
pub const CHAIN_START: &str = "andon-ledger-chain/1";
/// Leaves begin with 0 and inner nodes of the tree with 1 (RFC 6962, section 2.1), so that none can
/// pass for the other; links of the chain begin with 2.
const LEAF: &[u8] = &[0];
const LINK: &[u8] = &[2];

/// The head of the canonical bytes: three lines before the body.
fn head(ledger_seq: u64, body_version: u64) -> String {
    format!("{CANONICAL_PREFIX}\n{ledger_seq}\n{body_version}\n")
}

/// The canonical bytes of an entry: prefix, number and version of the body, each ended by a newline,
/// then the body exactly as it is stored.
pub fn canonical(ledger_seq: u64, body_version: u64, body: &[u8]) -> Vec<u8> {
    [head(ledger_seq, body_version).as_bytes(), body].concat()
}

/// SHA-256(0x00 ‖ canonical bytes): the leaf of RFC 6962.
pub fn leaf_hash(ledger_seq: u64, body_version: u64, body: &[u8]) -> Hash {
    Hash::of(&[LEAF, head(ledger_seq, body_version).as_bytes(), body])
}

/// The chain hash before the first entry: SHA-256 of [`CHAIN_START`].
pub fn chain_start() -> Hash {
    Hash::of(&[CHAIN_START.as_bytes()])
}

/// The chain hash of an entry: SHA-256(0x02 ‖ chain hash of the entry before ‖ its leaf hash).
pub fn link(before: &Hash, leaf: &Hash) -> Hash {
    Hash::of(&[LINK, &before.0, &leaf.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_that_are_documented() {
        let bytes = canonical(7, 1, br#"{"a":1}"#);
        assert_eq!(String::from_utf8_lossy(&bytes), "andon-ledger-entry/1\n7\n1\n{\"a\":1}");
        assert_eq!(leaf_hash(7, 1, br#"{"a":1}"#), Hash::of(&[&[0], &bytes]));
        // Computed with printf and sha256sum, as docs/ledger.md shows.
        let leaf = "7ae3e351c43daef3fbfb65c3ea5d128152982fd9d5fd3300e27c2461bf070a04";
        let chain = "511452af848aaadf95b4fdbdde5f54c8ccb7d7905da4943884ecf86a171f7a6d";
        assert_eq!(leaf_hash(7, 1, br#"{"a":1}"#).to_string(), leaf);
        assert_eq!(link(&chain_start(), &leaf_hash(7, 1, br#"{"a":1}"#)).to_string(), chain);
    }
}
