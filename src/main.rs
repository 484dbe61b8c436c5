//! The `andon` command.
fn main() {}
