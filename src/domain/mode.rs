//! Responsibility modes and a small map with one value a mode.
//!
//! Owns the order `assist < collaborate < delegate < automate` and the spelling of the names.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Who is trusted with what. The order of the variants is the order of trust.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The human thinks, decides and acts; the AI drafts.
    #[default]
    Assist,
    /// The AI recommends and executes with approval.
    Collaborate,
    /// The AI executes within bounds that people set.
    Delegate,
    /// The AI decides and acts end to end; people watch outcomes.
    Automate,
}

impl Mode {
    /// All modes, lowest first.
    pub const ALL: [Self; 4] = [Self::Assist, Self::Collaborate, Self::Delegate, Self::Automate];

    /// The level 0 (`assist`) to 3 (`automate`).
    pub const fn level(self) -> u8 {
        self as u8
    }

    /// The mode of a level; `None` above 3.
    pub fn from_level(level: u8) -> Option<Self> {
        Self::ALL.get(usize::from(level)).copied()
    }

    /// The name in lower case, as it stands in JSON, TOML and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assist => "assist",
            Self::Collaborate => "collaborate",
            Self::Delegate => "delegate",
            Self::Automate => "automate",
        }
    }

    /// The modes below this one, highest first.
    pub fn below(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().rev().filter(move |mode| *mode < self)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name() == text)
            .ok_or_else(|| format!("`{text}` is not a mode: use assist, collaborate, delegate or automate"))
    }
}

/// One value for each mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct PerMode<T> {
    /// The value in `assist`.
    pub assist: T,
    /// The value in `collaborate`.
    pub collaborate: T,
    /// The value in `delegate`.
    pub delegate: T,
    /// The value in `automate`.
    pub automate: T,
}

impl<T> PerMode<T> {
    /// Makes the value of each mode from the mode.
    pub fn from_fn(mut make: impl FnMut(Mode) -> T) -> Self {
        Self {
            assist: make(Mode::Assist),
            collaborate: make(Mode::Collaborate),
            delegate: make(Mode::Delegate),
            automate: make(Mode::Automate),
        }
    }

    /// The value of a mode.
    pub const fn get(&self, mode: Mode) -> &T {
        match mode {
            Mode::Assist => &self.assist,
            Mode::Collaborate => &self.collaborate,
            Mode::Delegate => &self.delegate,
            Mode::Automate => &self.automate,
        }
    }

    /// The value of a mode, to change it.
    pub const fn get_mut(&mut self, mode: Mode) -> &mut T {
        match mode {
            Mode::Assist => &mut self.assist,
            Mode::Collaborate => &mut self.collaborate,
            Mode::Delegate => &mut self.delegate,
            Mode::Automate => &mut self.automate,
        }
    }

    /// Modes with their values, lowest mode first.
    pub fn iter(&self) -> impl Iterator<Item = (Mode, &T)> {
        Mode::ALL.into_iter().map(|mode| (mode, self.get(mode)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_names_and_levels_agree() {
        for (level, mode) in Mode::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(mode.level()), level);
            assert_eq!(Mode::from_level(mode.level()), Some(mode));
            assert_eq!(mode.name().parse(), Ok(mode));
        }
        assert!(Mode::Assist < Mode::Collaborate && Mode::Delegate < Mode::Automate);
        assert_eq!(Mode::from_level(4), None);
        assert!("Automate".parse::<Mode>().is_err());
        assert_eq!(Mode::Delegate.below().collect::<Vec<_>>(), [Mode::Collaborate, Mode::Assist]);
    }
}
