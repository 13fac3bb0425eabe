//! The command line: what may be typed. What it means is elsewhere.

mod forking;
mod letters;
mod live;
mod man;
mod offline;
mod reading;
mod reloading;
mod running;
#[cfg(test)]
mod tests;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use theater_flow_kernel::ids::{Digest, Ref};

/// The program's name.
pub const NAME: &str = "theater-flow";

pub use forking::Fork;
pub use letters::{Dlq, Letters};
pub use live::{Send, Tap};
pub use man::{manual, page};
pub use offline::{Check, Fmt, GraphFormat, Test};
pub use reading::{Approve, Diff, Events, Logs, Prune, Replay, State, Tree, Why};
pub use reloading::{Plans, Reload, Rollback};
pub use running::{Resume, Run, Stop, Until, Watch};
use values::{digest, reference};

/// A workflow engine for AI agents that moves trust from the agents to the infrastructure.
///
/// A TOML file describes agents as a supervision tree joined by typed channels. The engine runs them,
/// records everything they do in a chain of hashes, and keeps running.
///
/// Results go to standard output, all else to standard error.
#[derive(Clone, PartialEq, Eq, Debug, Parser)]
#[command(
    name = NAME,
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    after_long_help = man::after_help(),
)]
pub struct Cli {
    /// What holds for all commands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for all commands.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct Global {
    /// The folder that keeps the runs.
    #[arg(long, global = true, value_name = "DIR", env = "THEATER_FLOW_DATA")]
    #[arg(default_value = ".theater-flow", help_heading = "Everywhere")]
    pub data: PathBuf,
    /// Print results as JSON lines.
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// No progress on standard error; errors and the last line of a run are still told.
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
}

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug, Subcommand)]
pub enum Command {
    /// Compile a pipeline and run it to its end.
    ///
    /// The run ends by itself when nothing is queued, running or timed. Ctrl-C and SIGTERM let sources
    /// stop and mailboxes empty, and leave a run that can be resumed; a second Ctrl-C does not wait.
    ///
    /// The last line on standard error is `run <id> <status> events=<records> head=<64 hex digits>`.
    #[command(after_long_help = "Example:\n  \
        theater-flow run workflows/find-todos.toml --set input=src/main.rs")]
    Run(Run),
    /// Go on with a run that was stopped or paused, or whose process died.
    ///
    /// The run goes on with the plan it was started with, whatever has become of the file. Nothing is
    /// lost and nothing happens twice inside the engine. A run that is over is refused.
    #[command(after_long_help = "Example:\n  theater-flow resume @latest")]
    Resume(Resume),
    /// Keep one run for each pipeline of a folder, and follow what is saved there.
    ///
    /// A pipeline is a TOML file with `format`, `name` and `[supervisors.root]`; other files are left alone. A new one
    /// is run; a changed one is reloaded; what becomes of the run of one that is removed, its `[reload]` says. A file
    /// with faults changes nothing. All that pipelines are made of is followed: modules, `{ file = … }` values, and
    /// components. When a run has ended, the next one begins when its file changes.
    ///
    /// Runs that an earlier `watch` has left go on. Ctrl-C and SIGTERM stop all as they stop `run`; SIGHUP has all files
    /// looked at, and tries again what was refused.
    #[command(after_long_help = "Example:\n  theater-flow watch flows")]
    Watch(Watch),
    /// Make a new run that goes on from a point of another, and run it.
    ///
    /// The fork begins with the state after the record, has an own id, and numbers its records on from there.
    /// What waited there waits again, what was asked and not answered is asked again, and nothing of what came
    /// after is known to it. The other run stays as it is: what the fork would write to that run's files goes
    /// below `files` in its own folder, with what they held at that point.
    #[command(after_long_help = "Example:\n  theater-flow fork @latest --at 120\n  \
        theater-flow fork @latest --answer 120=answer.json --hold")]
    Fork(Fork),
    /// Say what is wrong with pipeline files, without running anything.
    #[command(after_long_help = "Example:\n  theater-flow check workflows/*.toml --deny-warnings")]
    Check(Check),
    /// Explain a fault's code: what it means, a wrong example and a right one.
    #[command(after_long_help = "Example:\n  theater-flow explain TF0102")]
    Explain {
        /// The code, as in `TF0102`.
        code: String,
    },
    /// Draw a pipeline: agents in the boxes of their supervisors, channels with their types.
    #[command(after_long_help = "Example:\n  theater-flow graph workflows/repo-audit.toml")]
    Graph {
        /// The pipeline's TOML file.
        file: PathBuf,
        /// How it is drawn.
        #[arg(long, value_enum, default_value_t)]
        format: GraphFormat,
    },
    /// Say what each agent of a pipeline may reach: its effective authority.
    #[command(after_long_help = "Example:\n  theater-flow grants workflows/repo-audit.toml")]
    Grants {
        /// The pipeline's TOML file.
        file: PathBuf,
    },
    /// Print a pipeline with everything that it leaves unsaid written out.
    ///
    /// Defaults stand with each agent and channel, inputs name their ports. References to params, files
    /// and the environment stay. What is printed compiles to the same plan.
    #[command(after_long_help = "Example:\n  theater-flow expand workflows/repo-audit.toml")]
    Expand {
        /// The pipeline's TOML file.
        file: PathBuf,
    },
    /// Lay out pipeline files: sections and keys in one order, comments kept.
    ///
    /// Agents and supervisors stand in the order of the tree. What a file means does not change; one
    /// that is not TOML is left alone.
    #[command(after_long_help = "Example:\n  theater-flow fmt --check workflows/*.toml")]
    Fmt(Fmt),
    /// Print the JSON Schema of pipeline files, or of an actor's config.
    ///
    /// Editors that read TOML by a schema use it when a file begins with `#:schema` and its path.
    #[command(after_long_help = "Example:\n  theater-flow schema > pipeline.schema.json")]
    Schema {
        /// Of this actor's config: its name with or without `std/`, or the path of a component.
        #[arg(long, value_name = "NAME")]
        actor: Option<String>,
    },
    /// Run the tests that pipeline files hold in `[[tests]]`.
    ///
    /// Each is a run of the real agents on a simulated machine: its clock jumps to whatever is due next,
    /// its files are those that the test gives, and nothing reaches the world. Equal files give equal
    /// results. Ends with 1 if a test fails.
    #[command(after_long_help = "Example:\n  theater-flow test workflows/*.toml --filter note")]
    Test(Test),
    /// List the runs, newest first.
    #[command(after_long_help = "Example:\n  theater-flow runs --json")]
    Runs,
    /// Print a run's records, one line each.
    ///
    /// With `--json`, each line holds at least `seq`, `hash`, `prev`, `at`, `kind`, `agent`, `causes`
    /// and `parts`.
    #[command(after_long_help = "Example:\n  \
        theater-flow events @latest --follow --agent scan --kind emission")]
    Events(Events),
    /// Print what a run's agents logged, and what went wrong with them, one line each.
    ///
    /// Faults, crashes, messages that were set aside and supervisors that gave up are told with level
    /// `error`, with their kind in brackets.
    #[command(after_long_help = "Example:\n  theater-flow logs @latest --level warn --follow")]
    Logs(Logs),
    /// Print all of one record, or of one part of it, with what it follows from.
    #[command(after_long_help = "Example:\n  theater-flow show @latest 12.0")]
    Show {
        /// The run: its id, a unique beginning of it, or `@latest`.
        run: String,
        /// The record's number, or `SEQ.I` for one of its parts.
        #[arg(value_name = "SEQ[.I]", value_parser = reference)]
        what: Ref,
    },
    /// Say why a record is there: what it follows from, back to what came from outside.
    ///
    /// The shortest way from an input stands first, then the causes as a tree. A tree for people is
    /// bounded, and says what it leaves out; `--json` has a line for every record.
    #[command(after_long_help = "Example:\n  theater-flow why @latest 12.0\n  \
        theater-flow why @latest 3 --impact")]
    Why(Why),
    /// Show what an agent kept in mind after a record: its own snapshot.
    ///
    /// A snapshot that stands in the record is shown as it is. Else the agent is run again from the last
    /// one before, with the recorded answers and without any effect.
    #[command(after_long_help = "Example:\n  theater-flow state @latest count\n  \
        theater-flow state @latest count --at 120 --raw > state.bin")]
    State(State),
    /// Compare two runs: where they first did something else, and what each did in all.
    ///
    /// What counts is what agents did, one by one: messages by their content, not by their numbers, and
    /// no times. Ends with 5 if there is a difference.
    #[command(after_long_help = "Example:\n  theater-flow diff 01a2 @latest")]
    Diff(Diff),
    /// Check every stored byte of a run against the chain of hashes.
    ///
    /// Names the first record that is not as it was written, and ends with 5. Payloads that a record says were
    /// pruned are listed. The chain alone cannot show that its own end was cut off together with `head.json`, that
    /// all of it was written anew, or that the folder was put back to an earlier state: give a head that the run
    /// had, kept elsewhere, to be sure of that too. A log that cannot be read, as there is no room for a copy of it,
    /// is not called damaged: that ends with 1.
    #[command(after_long_help = "Example:\n  \
        theater-flow verify @latest --head \
        3b1f6c3a9d0e4f5a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f50")]
    Verify {
        /// The run: its id, a unique beginning of it, or `@latest`.
        run: String,
        /// The hash that one of the records must have, as the run's last line said: the log is the same up to there.
        #[arg(long, value_name = "HEX", value_parser = digest)]
        head: Option<Digest>,
    },
    /// Show the supervisors and agents of a run, and how each is.
    ///
    /// Each agent with its state, what it has done, what waits for it and what last went wrong; each supervisor with
    /// its restarts. Now, or with `--at` as it was after any record.
    #[command(after_long_help = "Example:\n  theater-flow tree @latest --at 120")]
    Tree(Tree),
    /// Ask the process that runs it to stop a run; it can be resumed.
    ///
    /// As at Ctrl-C there, sources stop and mailboxes empty for as long as that process was told to wait, or this
    /// command says. What is not done then is done when the run is resumed. Asking again gives another time.
    #[command(after_long_help = "Example:\n  theater-flow stop @latest --drain 2m\n  \
        theater-flow stop @latest --now")]
    Stop(Stop),
    /// Let a live run stand still: what is in hand is ended, and nothing further is begun.
    ///
    /// A request that is under way is waited for, and its event goes on to its end. Timers wait. Messages can be sent,
    /// the run can be reloaded and stopped; it does not end by itself. `resume` lets it go on.
    #[command(after_long_help = "Example:\n  theater-flow pause @latest")]
    Pause {
        /// The run: its id, a unique beginning of it, or `@latest`.
        run: String,
    },
    /// Send a message to an agent of a live run.
    ///
    /// The value is checked against the type of the input. The message is durable when the command ends with 0; it
    /// stands behind all that waits for the agent, and who sent it is recorded. Nothing is sent if the input's places
    /// are taken. An agent ends once all who send to it have ended: `run --until forever` keeps a run to send to.
    #[command(after_long_help = "Example:\n  \
        theater-flow send @latest notes.in '{\"line\":1,\"text\":\"TODO\"}'")]
    Send(Send),
    /// Watch the messages of a live run as they are emitted, one line each, until it ends.
    ///
    /// With `--json`, each line holds `message`, `seq`, `i`, `at`, `channel` and the whole `value`.
    #[command(after_long_help = "Example:\n  theater-flow tap @latest 'notes.*'\n  \
        theater-flow tap @latest '**' --json")]
    Tap(Tap),
    /// List what in a run waits for somebody to decide, or decide.
    ///
    /// When the engine ended before the response to a request was recorded, or no whole response came, nobody
    /// knows whether the request was made. A grant with `on_unknown = "ask"` leaves to you what happens then: ID makes it again, under
    /// the same idempotency key (a fork under its own, and the other run's is shown beside it); with `--fail` the agent is told that nobody knows.
    ///
    /// A plan that gives an agent more than it has waits too, with all that it gives: ID has the run go over to it, with
    /// `--fail` the run keeps the plan that it has. Who decided is recorded.
    #[command(after_long_help = "Example:\n  theater-flow approve @latest\n  \
        theater-flow approve @latest 12 --fail")]
    Approve(Approve),
    /// Have a run go over to what a pipeline file says now, without losing or repeating a message.
    ///
    /// Agents that are the same go on with what they have. One that is another comes to the end of its event, and its
    /// successor goes on with its state and its messages. One that is gone or has another name handles its messages
    /// first; what it keeps in mind goes with it, which `--dry-run` says. All of it happens in one step, or nothing does: then the
    /// run goes on as it did, and the command says why. What gives an agent more than it has, waits for `approve`,
    /// and the command ends with 4. A run that nobody runs goes over to the plan and stays at rest.
    #[command(after_long_help = "Example:\n  \
        theater-flow reload @latest workflows/repo-audit.toml --dry-run")]
    Reload(Reload),
    /// List the plans that a run has had, or say what differs between two of them.
    #[command(after_long_help = "Example:\n  theater-flow plans @latest\n  \
        theater-flow plans @latest 1 2")]
    Plans(Plans),
    /// Have a run go back to a plan that it had, by the same road as `reload`.
    #[command(after_long_help = "Example:\n  theater-flow rollback @latest 1")]
    Rollback(Rollback),
    /// List the dead letters of a run, show one, have some tried again, or drop them.
    ///
    /// A dead letter is a message that an agent could not handle: it failed as often as `retry` allows, found no
    /// place, or came to an agent that had ended. `retry` puts it back where it had waited, as if it had never been
    /// tried; a run that is live goes on with it at once, one that is stopped when it is resumed. `drop` forgets it:
    /// it no longer makes the run end `degraded`. Who did it is recorded. In a run that is over nothing changes any
    /// more: `fork` makes one that goes on from before its end.
    #[command(after_long_help = "Example:\n  theater-flow dlq @latest\n  \
        theater-flow dlq @latest show 12\n  theater-flow dlq @latest retry --agent scan")]
    Dlq(Dlq),
    /// Erase the payloads of a run that nobody needs any more, and its old checkpoints.
    ///
    /// Records and hashes stay: the chain verifies as before, and `verify` says which payloads a record says were
    /// erased. What a run that is not over needs to be resumed stays too, and the dead letters that no agent
    /// takes; and the texts of faults and crashes, which may quote what was handled. What is erased cannot be replayed or
    /// brought back. The run must not be live.
    #[command(
        after_long_help = "Example:\n  theater-flow prune @latest --keep-days 30 --dry-run\n  \
        theater-flow prune @latest --payload 12.0"
    )]
    Prune(Prune),
    /// Make every guest call of a run again and compare it with the record, without any effect.
    ///
    /// Names the first difference: the record, the agent, what was expected and what came, and why. With
    /// another file the agents that are others there are compared, each up to its first difference.
    /// Ends with 5 if there is one.
    #[command(after_long_help = "Example:\n  theater-flow replay @latest\n  \
        theater-flow replay @latest --with new-pipeline.toml")]
    Replay(Replay),
    /// List the actors of the stdlib, or show all of one: its document, config, ports and grants.
    #[command(after_long_help = "Example:\n  theater-flow actors file-lines")]
    Actors {
        /// The actor: its name with or without `std/`, or the path of a component.
        name: Option<String>,
    },
    /// Make a folder with a new pipeline, or a new actor in Rust, to begin with.
    ///
    /// Nothing is overwritten. The actor is a cargo project that holds the SDK.
    #[command(after_long_help = "Example:\n  theater-flow new my-flow\n  \
        theater-flow new --actor my-actor")]
    New {
        /// The folder: small letters, digits and `-`.
        name: String,
        /// An actor, not a pipeline.
        #[arg(long)]
        actor: bool,
    },
    /// Print a script that completes commands in a shell.
    #[command(after_long_help = "Example:\n  \
        theater-flow completions bash > ~/.local/share/bash-completion/completions/theater-flow")]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or that of one command.
    ///
    /// The page is roff, as `man` reads it. To install it:
    /// `theater-flow man > ~/.local/share/man/man1/theater-flow.1`.
    #[command(after_long_help = "Example:\n  \
        theater-flow man > ~/.local/share/man/man1/theater-flow.1")]
    Man {
        /// The command.
        command: Option<String>,
    },
}

impl Cli {
    /// Reads the arguments, the program's name first. An error is to be given to
    /// [`Screen::usage`](crate::render::Screen::usage) and ends with its own exit code: 0 for help and
    /// version, else 2.
    pub fn read<I: IntoIterator<Item = T>, T: Into<OsString> + Clone>(
        args: I,
    ) -> Result<Self, clap::Error> {
        let mut matches = grammar().try_get_matches_from(args)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut grammar()))
    }
}

/// What may be typed. A value that begins with a minus is told how it is to be written, as any wrong value is, and not
/// that there is no such option.
fn grammar() -> clap::Command {
    fn taking_minus(command: clap::Command) -> clap::Command {
        let taking = |arg: clap::Arg| {
            if arg.get_action().takes_values() { arg.allow_negative_numbers(true) } else { arg }
        };
        command.mut_args(taking).mut_subcommands(taking_minus)
    }
    taking_minus(Cli::command())
}

/// The script that completes commands in a shell.
#[must_use]
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
