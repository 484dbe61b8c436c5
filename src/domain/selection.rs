//! Which outputs people review: a keyed hash of the output's id.
//!
//! Owns the choice. The same output is chosen or not whoever asks and however often, and nobody
//! without the key can tell beforehand; so what is found in the reviewed ones holds for all.

use super::WorkflowId;
use sha2::{Digest, Sha256};

/// Whether an output is selected at a review depth (share of outputs, 0 to 1). A deeper review holds
/// all outputs of a shallower one.
#[expect(clippy::cast_precision_loss, reason = "11 bits of 64 don't matter for a share")]
pub fn selected(key: u64, workflow: &WorkflowId, output_id: &str, depth: f64) -> bool {
    if depth >= 1.0 {
        return true;
    }
    let hash = Sha256::new()
        .chain_update(key.to_le_bytes())
        .chain_update(workflow.as_str())
        .chain_update([0])
        .chain_update(output_id)
        .finalize();
    let first = hash.iter().take(8).fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    (first as f64) < depth * 2f64.powi(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_holds_and_deeper_reviews_hold_shallower_ones() {
        let workflow = WorkflowId::new("wf").unwrap();
        let chosen = |key: u64, depth: f64| {
            (0..10_000).filter(|i| selected(key, &workflow, &format!("o-{i}"), depth)).collect::<Vec<_>>()
        };
        let (few, more) = (chosen(1, 0.02), chosen(1, 0.10));
        // Binomial: standard errors 14 and 30.
        assert!((158..242).contains(&few.len()) && (910..1_090).contains(&more.len()));
        assert!(few.iter().all(|i| more.contains(i)));
        assert_ne!(few, chosen(2, 0.02), "another key chooses others");
        assert_eq!((chosen(1, 0.0).len(), chosen(1, 1.0).len()), (0, 10_000));
    }
}
