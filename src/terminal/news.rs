//! What the terminal and signals tell.

/// An event of the terminal, or a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalNews {
    /// A key was typed while hotrun has the terminal.
    Key(Key),
    /// hotrun came to the foreground without a signal: call [`Terminal::regain`].
    Foreground,
    /// The terminal is gone. Sent once.
    HungUp,
    /// hotrun received this signal.
    Signal(i32),
}

/// A key with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// `r`
    Restart,
    /// `p`
    Pause,
    /// `e`
    Errors,
    /// `c` or Ctrl-L
    Clear,
    /// `q`
    Quit,
    /// `h` or `?`
    Help,
    /// Enter
    Enter,
}
