//! `runs`, and the run that a name stands for.

use crate::exit::{Exit, Problem};
use crate::render::Screen;
use crate::runs::{Data, LATEST, Listed, RunDir, RunsError};
use crate::view;

/// Runs that are named where none was found.
const NAMED: usize = 3;
/// Characters of an id below which it is not compared.
const ID_CHARS: usize = 4;

pub(super) fn runs(screen: &Screen, data: &Data) -> Result<Exit, Problem> {
    let runs = data.list()?;
    if screen.is_json() {
        for run in &runs {
            screen.json_line(&view::run_json(run).to_string())?;
        }
    } else {
        for line in view::run_lines(&runs, screen.look()) {
            screen.line(&line)?;
        }
    }
    Ok(Exit::Ok)
}

/// The run that a name stands for. If there is none, the error says which may be meant.
pub(super) fn find(data: &Data, name: &str) -> Result<RunDir, Problem> {
    data.resolve(name).map_err(|error| match error {
        RunsError::Unknown { .. } => {
            let runs = data.list().unwrap_or_default();
            Problem::usage(error.to_string()).with_help(Some(meant(name, &runs)))
        }
        other => other.into(),
    })
}

/// What may be meant by a name that no run has. `runs` are newest first.
fn meant(name: &str, runs: &[Listed]) -> String {
    if runs.is_empty() {
        return "there are no runs yet: `theater-flow run FILE` makes one".to_owned();
    }
    if strsim::damerau_levenshtein(name, LATEST) <= 2 {
        return format!("did you mean `{LATEST}`?");
    }
    let pipeline = |run: &&Listed| run.head.as_ref().is_some_and(|head| head.name == name);
    if let Some(run) = runs.iter().find(pipeline) {
        return format!("runs are named by their ids; the newest of `{name}` is {}", run.id);
    }
    let near = |run: &&Listed| {
        let id = run.id.to_string();
        let begins: String = id.chars().take(name.chars().count()).collect();
        begins.len() >= ID_CHARS && strsim::damerau_levenshtein(&begins, name) <= 2
    };
    if let Some(run) = runs.iter().find(near) {
        return format!("did you mean `{}`?", run.id);
    }
    let named: Vec<String> = runs.iter().take(NAMED).map(described).collect();
    format!("the newest: {}; `theater-flow runs` lists all", named.join(", "))
}

fn described(run: &Listed) -> String {
    let name = run.head.as_ref().map_or("?", |head| head.name.as_str());
    format!("{} ({name}, {})", run.id, run.status)
}

#[cfg(test)]
mod tests {
    use theater_flow_kernel::ids::Digest;

    use super::*;
    use crate::head::{Head, Reloads};
    use crate::runs::parse_id;

    fn listed(id: &str, name: &str) -> Listed {
        let head = Head {
            run: id.to_owned(),
            name: name.to_owned(),
            status: "completed".to_owned(),
            seq: 1,
            head: Digest::default(),
            at: 0,
            parent: None,
            reloads: Reloads::default(),
        };
        let id = parse_id(id).expect("an id");
        let status = "completed".to_owned();
        Listed { id, status, started_ms: 0, head: Some(head), owner: None }
    }

    #[test]
    fn what_is_meant_is_named() {
        let (new, old) =
            ("01a20622-6342-704b-9f63-bc0cfd43e4b4", "01a10000-0000-704b-9f63-bc0cfd43e4b4");
        let runs = [listed(new, "audit"), listed(old, "todos")];
        let cases = [
            ("latest", "did you mean `@latest`?".to_owned()),
            ("@lastet", "did you mean `@latest`?".to_owned()),
            ("todos", format!("runs are named by their ids; the newest of `todos` is {old}")),
            ("01a10001", format!("did you mean `{old}`?")),
            ("01a20522-6342", format!("did you mean `{new}`?")),
            (
                "zzzzzz",
                format!(
                    "the newest: {new} (audit, completed), {old} (todos, completed); \
                     `theater-flow runs` lists all"
                ),
            ),
        ];
        for (name, expected) in cases {
            assert_eq!(meant(name, &runs), expected, "{name}");
        }
        assert!(meant("x", &[]).contains("there are no runs yet"));
    }
}
