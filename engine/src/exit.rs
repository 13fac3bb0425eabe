//! How the program ends: the exit codes, and the one place that chooses among them.

use std::io;
use std::process::ExitCode;

use theater_flow_kernel::record::Status;

use crate::render::Screen;

/// What the exit code says. Scripts rely on the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// All went well.
    Ok,
    /// The run failed, or ended with dead letters that no agent took; or a command could not be done.
    Failed,
    /// The command line asks for what there is not.
    Usage,
    /// A budget or limit ended the run.
    Limited,
    /// The run waits for a human.
    Waiting,
    /// `verify`, `replay` or `diff` found a difference.
    Differs,
    /// The pipeline file has faults.
    Faults,
    /// The run was stopped before its end; it can be resumed.
    Interrupted,
}

/// How this process's part in a run came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The run is over.
    Finished(Status),
    /// Someone asked it to stop.
    Stopped,
    /// Nothing can be done until somebody decides.
    Waiting,
    /// The process had to let it go, for instance because the disk is full.
    Abandoned,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Limited => 3,
            Self::Waiting => 4,
            Self::Differs => 5,
            Self::Faults => 78,
            Self::Interrupted => 130,
        }
    }

    /// What `run` and `resume` end with.
    #[must_use]
    pub const fn of_run(ending: Ending, allow_dead_letters: bool) -> Self {
        match ending {
            Ending::Finished(Status::Completed) => Self::Ok,
            Ending::Finished(Status::Degraded) if allow_dead_letters => Self::Ok,
            Ending::Finished(Status::Degraded | Status::Failed) | Ending::Abandoned => Self::Failed,
            Ending::Stopped => Self::Interrupted,
            Ending::Waiting => Self::Waiting,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command was not done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// To be told.
    #[error("{message}")]
    Told {
        /// What to end with.
        exit: Exit,
        /// What is wrong, in one sentence without a full stop.
        message: String,
        /// How to mend it.
        help: Option<String>,
    },
    /// The user has been shown all there is to say.
    #[error("exit {}", .0.code())]
    Shown(Exit),
    /// Whoever read the standard output has had enough, which is no error: `events RUN | head`.
    #[error("nobody reads the output")]
    BrokenPipe,
}

impl Problem {
    /// The command line asks for what there is not.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Told { exit: Exit::Usage, message: message.into(), help: None }
    }

    /// The command could not be done.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Told { exit: Exit::Failed, message: message.into(), help: None }
    }

    /// What is stored is not what was written.
    #[must_use]
    pub fn differs(message: impl Into<String>) -> Self {
        Self::Told { exit: Exit::Differs, message: message.into(), help: None }
    }

    /// Adds how to mend it, if that is known.
    #[must_use]
    pub fn with_help(mut self, text: Option<String>) -> Self {
        if let Self::Told { help, .. } = &mut self {
            *help = text;
        }
        self
    }

    /// What to end with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Told { exit, .. } | Self::Shown(exit) => *exit,
            Self::BrokenPipe => Exit::Ok,
        }
    }
}

/// What the standard output said to a write.
impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::failed(format!("cannot write to standard output: {error}")),
        }
    }
}

/// Ends the program: writes out what waits, tells the problem if there is one, and chooses the code.
pub fn conclude(screen: &Screen, result: Result<Exit, Problem>) -> Exit {
    let flushed = screen.flush().map_err(Problem::from);
    let problem = match (result, flushed) {
        (Ok(exit), Ok(()) | Err(Problem::BrokenPipe)) => return exit,
        (Err(problem), _) | (Ok(_), Err(problem)) => problem,
    };
    if let Problem::Told { message, help, .. } = &problem {
        screen.problem(message, help.as_deref());
    }
    problem.exit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_with_the_documented_codes() {
        let cases = [
            (Ending::Finished(Status::Completed), false, 0),
            (Ending::Finished(Status::Degraded), false, 1),
            (Ending::Finished(Status::Degraded), true, 0),
            (Ending::Finished(Status::Failed), true, 1),
            (Ending::Abandoned, true, 1),
            (Ending::Stopped, false, 130),
            (Ending::Waiting, true, 4),
        ];
        for (ending, allow, code) in cases {
            assert_eq!(Exit::of_run(ending, allow).code(), code, "{ending:?} {allow}");
        }
    }

    #[test]
    fn a_broken_pipe_is_no_error_and_says_nothing() {
        let (screen, seen) = Screen::captured(false);
        let broken = Problem::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(conclude(&screen, Err(broken)), Exit::Ok);
        assert_eq!(seen.err(), "");
    }

    #[test]
    fn a_problem_is_told_once_with_its_help() {
        let (screen, seen) = Screen::captured(false);
        let problem = Problem::usage("there is no run `x`").with_help(Some("see `runs`".into()));
        assert_eq!(conclude(&screen, Err(problem)), Exit::Usage);
        assert_eq!(seen.err(), "error: there is no run `x`\n help: see `runs`\n");
    }

    #[test]
    fn a_full_disk_behind_the_output_is_a_failure() {
        let problem = Problem::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(problem.exit(), Exit::Failed);
    }
}
