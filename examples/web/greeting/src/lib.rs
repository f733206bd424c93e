//! What the service says. Edit it while `hotrun` runs: the service is a path dependency away and follows.

/// A greeting for a visitor.
pub fn greet(visitor: &str) -> String {
    format!("Hello, {visitor}!\n")
}
