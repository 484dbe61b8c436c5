//! Acts of the exception council.
//!
//! Owns their words and routes.

use super::door::Visitor;
use super::form::{Plan, Values};
use crate::http::problem::Problem;

/// The act of a name, if it is one of these.
pub(super) async fn plan(_visitor: &Visitor, _act: &str, _values: &Values) -> Result<Option<Plan>, Problem> {
    Ok(None)
}
