//! The hash of a value: what a policy or the evidence for a promotion is known by.
//!
//! Owns how it is made. What is hashed, and without which field, its owner says.

use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Debug;

/// SHA-256 over a value's JSON, 64 hex digits. Two values with the same JSON have the same.
pub fn fingerprint(value: &(impl Serialize + Debug)) -> String {
    // Plain data into memory can't fail; if it ever did, the debug form is as exact.
    let json = serde_json::to_vec(value).unwrap_or_else(|_| format!("{value:?}").into_bytes());
    Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
}
