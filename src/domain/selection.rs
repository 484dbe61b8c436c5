//! Which outputs people review: a keyed hash of the output's id.
//!
//! Owns the choice. The same output is chosen or not whoever asks and however often, and nobody
//! without the key can tell beforehand; so what is found in the reviewed ones holds for all.

use super::WorkflowId;
use sha2::{Digest, Sha256};

/// How many people are to review an output: none, one, or, for the share `twice` of those, two. `depth`
/// and `twice` are shares, 0 to 1. A deeper review holds all outputs of a shallower one.
///
/// The first 64 bits of SHA-256(key, workflow, 0, output id), little- and big-endian as written here,
/// choose; the next 64 choose the second reviewer, so that neither says anything about the other.
pub fn reviewers(key: u64, workflow: &WorkflowId, output_id: &str, depth: f64, twice: f64) -> u8 {
    if depth <= 0.0 {
        return 0;
    }
    if depth >= 1.0 && (twice <= 0.0 || twice >= 1.0) {
        return if twice > 0.0 { 2 } else { 1 };
    }
    let hash = Sha256::new()
        .chain_update(key.to_le_bytes())
        .chain_update(workflow.as_str())
        .chain_update([0])
        .chain_update(output_id)
        .finalize();
    match (is_below(&hash[..8], depth), is_below(&hash[8..16], twice)) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => 2,
    }
}

/// Whether 64 bits, as a part of their range, lie below a share.
#[expect(clippy::cast_precision_loss, reason = "11 bits of 64 don't matter for a share")]
fn is_below(bits: &[u8], share: f64) -> bool {
    let number = bits.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    share >= 1.0 || (number as f64) < share * 2f64.powi(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_holds_and_deeper_reviews_hold_shallower_ones() {
        let workflow = WorkflowId::new("wf").unwrap();
        let chosen = |key: u64, depth: f64| {
            (0..10_000).filter(|i| reviewers(key, &workflow, &format!("o-{i}"), depth, 0.0) > 0).collect::<Vec<_>>()
        };
        let (few, more) = (chosen(1, 0.02), chosen(1, 0.10));
        // Binomial: standard errors 14 and 30.
        assert!((158..242).contains(&few.len()) && (910..1_090).contains(&more.len()));
        assert!(few.iter().all(|i| more.contains(i)));
        assert_ne!(few, chosen(2, 0.02), "another key chooses others");
        assert_eq!((chosen(1, 0.0).len(), chosen(1, 1.0).len()), (0, 10_000));
    }

    #[test]
    fn second_reviewers_are_a_share_of_the_selected_ones_whatever_the_depth() {
        let workflow = WorkflowId::new("wf").unwrap();
        for (depth, twice, two) in [(1.0, 0.25, 2_500), (0.4, 0.25, 1_000), (1.0, 0.0, 0), (1.0, 1.0, 10_000)] {
            let people = |i: u32| reviewers(7, &workflow, &format!("o-{i}"), depth, twice);
            let found = (0..10_000).filter(|i| people(*i) == 2).count();
            // Binomial: at most 44 is a standard error.
            assert!(found.abs_diff(two) < 150, "{depth} {twice}: {found}");
        }
    }
}
