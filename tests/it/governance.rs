//! Governance through the state machine's front door: inputs in, effects out.
//!
//! What is a failure here: a mode that rises without a request that distinct people approved and that
//! nothing came in between of, a requirement that is met by silence, an act without its name in the ledger.

#![cfg(test)]

mod base;
mod council;
mod demotions;
mod external;
mod gate;
mod interleavings;
mod lab;
mod lab_back;
mod lab_order;
mod lab_rig;
mod policies;
mod rig;
mod silence;
mod storms;
mod versions;
