//! The manual page, and what it has in common with `--help`.

use std::fmt::Write as _;
use std::io;

use clap::CommandFactory as _;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Cli, NAME};

/// What the exit code says.
const EXIT_CODES: [(&str, &str); 8] = [
    ("0", "ok"),
    ("1", "the run failed, or ended with dead letters that no agent takes"),
    ("2", "usage"),
    ("3", "a budget or limit ended the run"),
    ("4", "the run waits for a human"),
    ("5", "`verify`, `replay` or `diff` found a difference"),
    ("78", "the pipeline has faults"),
    ("130", "interrupted; the run can be resumed"),
];

/// What is heeded of the environment.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("THEATER_FLOW_DATA", "the folder that keeps the runs, unless `--data` names one"),
    (
        "THEATER_FLOW_PROGRESS",
        "`never`: no live progress and no summary on a terminal; else `auto`",
    ),
    ("NO_COLOR", "if not empty: no colours"),
    ("COLUMNS", "the width of lines on a terminal, instead of asking it"),
    ("XDG_CACHE_HOME", "where compiled components are kept; else `~/.cache`"),
];

/// Files and folders.
const FILES: [(&str, &str); 4] = [
    (
        ".theater-flow/runs/<id>/",
        "a run: its database, its head, and the place of its control socket",
    ),
    (".theater-flow/components/", "the components of runs, by their SHA-256"),
    ("~/.cache/theater-flow/code/", "compiled components; may be deleted at any time"),
    ("~/.local/share/man/man1/", "a place for the manual page that this program prints"),
];

/// The example of the program as a whole.
const EXAMPLE: &str = "theater-flow run workflows/find-todos.toml";

/// What follows the program's own help.
pub(super) fn after_help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, what) in EXIT_CODES {
        let _ = writeln!(text, "  {code:<4} {what}");
    }
    text.push_str("\nEnvironment:\n");
    for (name, what) in ENVIRONMENT {
        let _ = writeln!(text, "  {name:<21}  {what}");
    }
    let _ = write!(text, "\nExample:\n  {EXAMPLE}");
    text
}

/// The names of the commands.
#[must_use]
fn commands() -> Vec<String> {
    Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// The manual page of the program.
#[must_use]
pub fn manual() -> String {
    let mut command = Cli::command();
    command.build();
    let examples = command.get_subcommands().filter_map(example);
    let examples: Vec<String> = std::iter::once(EXAMPLE.to_owned()).chain(examples).collect();
    rendered(command, &examples)
}

/// The manual page of a command; the names of all commands if there is none of that name.
pub fn page(name: &str) -> Result<String, Vec<String>> {
    let mut command = Cli::command();
    command.build();
    let found = command.find_subcommand(name).ok_or_else(commands)?;
    let examples: Vec<String> = example(found).into_iter().collect();
    Ok(rendered(found.clone(), &examples))
}

/// The example that a command's help ends with.
fn example(command: &clap::Command) -> Option<String> {
    let help = command.get_after_long_help()?.to_string();
    help.strip_prefix("Example:\n  ").map(str::to_owned)
}

fn rendered(command: clap::Command, examples: &[String]) -> String {
    let mut page = Vec::new();
    let written = write_page(&mut page, command, examples);
    debug_assert!(written.is_ok(), "memory takes it");
    // Each section brings its own definition of the apostrophe: the first does for all.
    let is_definition =
        |line: &str| line.starts_with(".ie \\n(.g ") || line.starts_with(".el .ds Aq ");
    let text = String::from_utf8_lossy(&page);
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(nth, line)| *nth < 2 || !is_definition(line));
    lines.flat_map(|(_, line)| [line, "\n"]).collect()
}

fn write_page(page: &mut Vec<u8>, command: clap::Command, examples: &[String]) -> io::Result<()> {
    let source = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
    let has_commands = command.has_subcommands();
    let man = Man::new(command).source(source).manual("theater-flow");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if has_commands {
        man.render_subcommands_section(page)?;
    }
    let mut rest = Roff::new();
    terms(&mut rest, "EXIT STATUS", &EXIT_CODES);
    terms(&mut rest, "ENVIRONMENT", &ENVIRONMENT);
    terms(&mut rest, "FILES", &FILES);
    rest.control("SH", ["EXAMPLES"]);
    for example in examples {
        rest.control("PP", []).control("EX", []);
        rest.text([roman(example.as_str())]).control("EE", []);
    }
    rest.to_writer(page)
}

fn terms(page: &mut Roff, heading: &str, terms: &[(&str, &str)]) {
    page.control("SH", [heading]);
    for (term, what) in terms {
        page.control("TP", []);
        page.text([bold(*term)]).text([roman(*what)]);
    }
}
