//! The watch room on real folders: builds are played by hand, file events are the platform's own.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its folder has failed")]

mod beside;
mod busy;
mod echoes;
mod fixture;
mod git;
mod looks;
mod quiet;
mod random;
mod random_several;
mod settings;
mod several;
mod styles;
