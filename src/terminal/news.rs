//! Events of the terminal and signals.

/// An event of the terminal, or a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalNews {
    /// A key was typed while hotrun has the terminal.
    Key(KeyCommand),
    /// hotrun came to the foreground without a signal: call [`super::Terminal::regain`].
    Foreground,
    /// The terminal is gone. Sent once.
    HungUp,
    /// hotrun received this signal.
    Signal(i32),
}

/// A key with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCommand {
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
    /// `1` to `9`: shows the service of this number alone; `0`: all.
    Show(u8),
    /// `s`: stops or starts the service that is shown.
    StopOrStart,
}
