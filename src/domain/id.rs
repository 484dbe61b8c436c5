//! The name of a workflow.
//!
//! Owns the one rule for workflow ids, so that they are safe in URLs, metrics labels and file names.

use super::Text;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Borrow;
use std::fmt;

/// A workflow's id: `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct WorkflowId(Text);

impl WorkflowId {
    /// Checks the rule; the error says what is wrong and what would be right.
    pub fn new(text: &str) -> Result<Self, String> {
        if Self::is_valid(text) {
            Ok(Self(text.into()))
        } else {
            Err("must start with a letter or digit and hold only letters, digits, `_` and `-`, at most 64".to_owned())
        }
    }

    /// Stands in where a policy isn't any one workflow's, such as the template for undeclared ones.
    pub fn unknown() -> Self {
        Self("unknown".into())
    }

    /// The workflow that drills lower.
    pub fn drill_lane() -> Self {
        Self(super::drill::LANE.into())
    }

    /// Whether it is the workflow that drills lower: nobody else may use its id.
    pub fn is_drill_lane(&self) -> bool {
        self.as_str() == super::drill::LANE
    }

    /// Whether `text` keeps the rule.
    pub fn is_valid(text: &str) -> bool {
        let bytes = text.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes[0].is_ascii_alphanumeric()
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    }

    /// A valid id made from any text: other characters become `-`, the rest is cut off.
    /// `None` where nothing usable is left.
    pub fn cleaned(text: &str) -> Option<Self> {
        let replaced: String =
            text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '-' }).collect();
        let trimmed = replaced.trim_start_matches(['-', '_']);
        let cut = &trimmed[..trimmed.len().min(64)];
        Self::new(cut).ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for WorkflowId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        if Self::is_valid(&text) { Ok(Self(text)) } else { Self::new(&text).map_err(de::Error::custom) }
    }
}

impl Borrow<str> for WorkflowId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkflowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl utoipa::PartialSchema for WorkflowId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"))
            .into()
    }
}

impl utoipa::ToSchema for WorkflowId {
    fn name() -> std::borrow::Cow<'static, str> {
        "WorkflowId".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule() {
        for good in ["a", "email-drafts", "A_1", &"x".repeat(64)] {
            assert!(WorkflowId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "_a", "a/b", "ü", "a b", "a.b", &"x".repeat(65)] {
            assert!(WorkflowId::new(bad).is_err(), "{bad}");
        }
        assert_eq!(WorkflowId::cleaned("gpt-4/prime").unwrap().as_str(), "gpt-4-prime");
        assert_eq!(WorkflowId::cleaned("//").map(|id| id.to_string()), None);
    }
}
