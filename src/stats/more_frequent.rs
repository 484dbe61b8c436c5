//! The set of categories that have become more frequent of late, as one bound.
//!
//! Owns the test that sees a shift spread over many categories, each of which moves too little on
//! its own. Which categories are in the set is decided before the outputs that are bet on.

use super::bank::{Bank, BankGrid};
use super::baseline::Reference;
use super::runs::Run;
use serde::{Deserialize, Serialize};

/// Time constant of the exponentially weighted shares, outputs: as precise as a window of the last
/// 500, quicker to follow, and nothing has to be kept.
const MEMORY: f64 = 250.0;
/// The set is chosen anew when so many outputs have come.
const REFRESH: u32 = 10;
/// The sum of a set moves by at most a few times its odds.
const ODDS: [f32; 2] = [1.1, 6.0];

/// State of the test.
///
/// With S the categories whose weighted share is above that of the sample, X = share of the outputs
/// in S, against F(S) + margin + tolerance. S depends only on outputs before those in X, so the bets
/// are fair; a distribution with a total variation of d puts d more into the right S, whatever d is
/// made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MoreFrequent {
    usual: Vec<f64>,
    pending: Vec<u32>,
    pending_n: u32,
    members: u64,
    bound: f64,
    grid: BankGrid,
    bank: Bank,
    run: Run,
}

impl MoreFrequent {
    /// Begins with the shares of the sample.
    pub fn new(reference: &Reference, tolerance: f64) -> Self {
        let parts = reference.parts();
        let mut new = Self {
            usual: (0..parts).map(|part| reference.share(part)).collect(),
            pending: vec![0; parts],
            pending_n: 0,
            members: 0,
            bound: 0.0,
            grid: BankGrid::default(),
            bank: Bank::default(),
            run: Run::default(),
        };
        new.choose(reference, tolerance);
        new
    }

    /// Takes the counts of a block of `outputs` outputs.
    pub fn update(&mut self, reference: &Reference, tolerance: f64, counts: &[u32], outputs: u32, time_ms: i64) {
        let n = f64::from(outputs);
        let inside = self.list().map(|part| f64::from(counts[part])).sum::<f64>() / n;
        self.bank.update(&self.grid, &[inside], n);
        self.run.update(Run::lost(self.bound), inside, inside * n, n, time_ms);
        self.pending.iter_mut().zip(counts).for_each(|(pending, count)| *pending += count);
        self.pending_n += outputs;
        if self.pending_n >= REFRESH {
            let n = f64::from(self.pending_n);
            let keep = (1.0 - 1.0 / MEMORY).powf(n);
            for (usual, pending) in self.usual.iter_mut().zip(&mut self.pending) {
                *usual = keep * *usual + (1.0 - keep) * f64::from(*pending) / n;
                *pending = 0;
            }
            self.pending_n = 0;
            self.choose(reference, tolerance);
        }
    }

    fn choose(&mut self, reference: &Reference, tolerance: f64) {
        let above = |part: &usize| self.usual[*part] > reference.share(*part);
        self.members = (0..self.usual.len()).filter(above).fold(0, |set, part| set | 1 << part);
        self.bound = reference.upper(self.usual(reference)) + tolerance;
        self.grid = BankGrid::new(&[(self.bound, 1.0)], ODDS);
    }

    fn list(&self) -> impl Iterator<Item = usize> {
        let members = self.members;
        (0..self.usual.len()).filter(move |part| members >> part & 1 == 1)
    }

    /// Share of the set in the sample.
    pub fn usual(&self, reference: &Reference) -> f64 {
        self.list().map(|part| reference.share(part)).sum::<f64>().min(1.0)
    }

    /// M of this test, in outputs.
    pub fn evidence(&self) -> f64 {
        self.bank.mixture()
    }

    /// Since when the set is more frequent than allowed.
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// The set in words.
    pub fn describe(&self, reference: &Reference, of: &str) -> String {
        let excess = |part: &usize| self.usual[*part] - reference.share(*part);
        let mut list: Vec<usize> = self.list().collect();
        list.sort_by(|a, b| excess(b).total_cmp(&excess(a)));
        let named: Vec<String> = list.iter().take(3).map(|part| reference.describe(of, *part)).collect();
        let more = list.len().saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", named.join(", "))
    }

    /// Multiplies the evidence by `factor` ≥ 0.
    pub fn rescale(&mut self, factor: f64) {
        self.bank.rescale(factor);
    }
}
