//! The process groups of cargo.

#[derive(Default)]
pub(super) struct CargoGroups {
    /// Of the build that runs.
    pub(super) current: Option<i32>,
    /// Of earlier builds, where a build script has left something running.
    pub(super) left: Vec<i32>,
}
