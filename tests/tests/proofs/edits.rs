//! Edits of generated pipelines, as text: what somebody might change in a file while it runs.

use std::fmt::Write as _;

use theater_flow::sim::Dice;

/// A file of generated agents, to be edited.
#[derive(Clone)]
pub(crate) struct Draft {
    text: String,
    /// Agents that edits have added.
    added: usize,
}

/// The kinds of edit.
pub(crate) const KINDS: [&str; 16] = [
    "what cannot begin",
    "add a sink",
    "add a stage",
    "remove an agent",
    "rename an agent",
    "rewire",
    "config",
    "channel",
    "limits",
    "retry",
    "restart",
    "strategy",
    "move below another supervisor",
    "grants",
    "types",
    "dead letters",
];

impl Draft {
    pub(crate) fn new(text: String) -> Self {
        Self { text, added: 0 }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Changes something of this kind, if there is anything of it.
    pub(crate) fn edit(&mut self, kind: &str, dice: &mut Dice) {
        match kind {
            "what cannot begin" => {
                self.swap(dice, &[("echo = true", "echo = true, init-fault = \"no\"")]);
            }
            "add a sink" => self.add_sink(dice),
            "add a stage" => self.add_stage(dice),
            "remove an agent" => self.remove(dice),
            "rename an agent" => self.rename(dice),
            "rewire" => self.rewire(dice),
            "config" => self.swap(
                dice,
                &[
                    ("echo = true", "echo = true, pad = 1"),
                    ("mode = \"append\"", "mode = \"replace\""),
                    ("// 0) + 2", "// 0) + 3"),
                    ("(.n // 0) < 7", "(.n // 0) < 4"),
                    ("by = [\"n\"]", "by = [\"text\"]"),
                ],
            ),
            "channel" => self.channel(dice),
            "limits" => self.key(
                dice,
                "limits",
                &["{ fuel = 2_500_000 }", "{ fuel = 900_000_000 }", "{ memory = \"3MiB\" }"],
            ),
            "retry" => self.key(
                dice,
                "retry",
                &["{ max = 1, backoff = \"constant\", base = \"5ms\", cap = \"1s\" }"],
            ),
            "restart" => {
                self.key(dice, "restart", &["\"permanent\"", "\"transient\"", "\"temporary\""]);
            }
            "strategy" => self.swap(
                dice,
                &[
                    ("\"one-for-one\"", "\"one-for-all\""),
                    ("\"one-for-all\"", "\"rest-for-one\""),
                    ("\"rest-for-one\"", "\"one-for-one\""),
                    ("intensity = 4", "intensity = 9"),
                ],
            ),
            "move below another supervisor" => self.shift(dice),
            "grants" => self.swap(
                dice,
                &[
                    ("clock = true, ", ""),
                    ("timer = true }", "timer = true, clock = true }"),
                    ("\"in.txt\", \"in.csv\"", "\"in.txt\""),
                    ("methods = [\"POST\"]", "methods = [\"POST\", \"GET\"]"),
                ],
            ),
            "types" => self.swap(
                dice,
                &[
                    ("outputs = { out = \"json\" }", "outputs = { out = \"{ n: json }\" }"),
                    ("out = \"{ n: json }\"", "out = \"json\""),
                ],
            ),
            _ => self.letters(dice),
        }
    }

    /// The names of all agents.
    fn agents(&self) -> Vec<String> {
        let heads = self.text.lines().filter_map(|line| line.strip_prefix("[agents."));
        heads.filter_map(|line| Some(line.strip_suffix(']')?.to_owned())).collect()
    }

    fn any(&self, dice: &mut Dice) -> Option<String> {
        let agents = self.agents();
        agents.get(dice.below(agents.len())).cloned()
    }

    /// Where an agent's table is.
    fn table(&self, agent: &str) -> Option<std::ops::Range<usize>> {
        let from = self.text.find(&format!("[agents.{agent}]\n"))?;
        let rest = &self.text[from + 1..];
        let to = rest.find("\n[").map_or(self.text.len(), |at| from + 1 + at + 1);
        Some(from..to)
    }

    fn add(&mut self, agent: &str, lines: &str) {
        self.text = self.text.replacen("children = [", &format!("children = [\"{agent}\", "), 1);
        let _ = write!(self.text, "\n[agents.{agent}]\n{lines}\n");
    }

    /// An output that somebody reads.
    fn output(&self, dice: &mut Dice) -> Option<String> {
        let quoted = self.text.split('"').skip(1).step_by(2);
        let outputs: Vec<&str> = quoted
            .filter(|text| {
                text.split_once('.')
                    .is_some_and(|(agent, port)| self.table(agent).is_some() && !port.is_empty())
            })
            .collect();
        outputs.get(dice.below(outputs.len())).map(|output| String::from(*output))
    }

    fn named(&mut self, kind: &str) -> String {
        self.added += 1;
        format!("{kind}-{}", self.added)
    }

    fn add_sink(&mut self, dice: &mut Dice) {
        let Some(output) = self.output(dice) else { return };
        let name = self.named("more");
        self.add(
            &name,
            &format!(
                "actor = \"std/file-write\"\ninputs = \"{output}\"\n\
                 config = {{ path = \"out/{name}.jsonl\", mode = \"append\" }}\n\
                 grants = {{ files = {{ write = [\"out/{name}.jsonl\"] }} }}"
            ),
        );
    }

    /// Puts a stage behind an output.
    fn add_stage(&mut self, dice: &mut Dice) {
        let Some(output) = self.output(dice) else { return };
        if self.text.contains(&format!("from = \"{output}\"")) {
            return;
        }
        let name = self.named("between");
        let channel = format!("[channels.\"{output}\"]");
        let apart = self.text.replace(&channel, "@");
        self.text = apart
            .replace(&format!("\"{output}\""), &format!("\"{name}.out\""))
            .replace('@', &channel);
        self.add(
            &name,
            &format!(
                "actor = \"std/map\"\ninputs = \"{output}\"\noutputs = {{ out = \"json\" }}\nconfig = {{ expr = \".\" }}"
            ),
        );
    }

    /// Takes an agent away; its readers read what it read.
    fn remove(&mut self, dice: &mut Dice) {
        let Some(agent) = self.any(dice) else { return };
        let Some(table) = self.table(&agent) else { return };
        let lines = self.text[table.clone()].to_owned();
        let inputs = lines.lines().find_map(|line| line.strip_prefix("inputs = "));
        let inputs = inputs.unwrap_or("").trim_matches(['[', ']']).to_owned();
        if inputs.is_empty() || inputs.contains("feedback") {
            return;
        }
        self.text.replace_range(table, "");
        for place in [format!("\"{agent}\", "), format!(", \"{agent}\""), format!("\"{agent}\"")] {
            self.text = self.text.replace(&place, "");
        }
        let ports = ["out", "small", "even", "rest", "rejected", "accept", "revise"];
        for port in ports {
            let channel = format!("[channels.\"{agent}.{port}\"]");
            if let Some(from) = self.text.find(&channel) {
                let rest = self.text[from + 1..].find("\n[");
                let to = rest.map_or(self.text.len(), |at| from + 1 + at + 1);
                self.text.replace_range(from..to, "");
            }
            let output = format!("\"{agent}.{port}\"");
            self.text = self.text.replace(&output, &inputs);
        }
    }

    fn rename(&mut self, dice: &mut Dice) {
        let Some(agent) = self.any(dice) else { return };
        let name = self.named("named");
        for (before, after) in [("\"", "\""), ("\"", "."), ("[agents.", "]")] {
            let old = format!("{before}{agent}{after}");
            self.text = self.text.replace(&old, &format!("{before}{name}{after}"));
        }
    }

    /// Lets somebody read something else.
    fn rewire(&mut self, dice: &mut Dice) {
        let reads = |agent: &String| {
            let table = self.table(agent).map(|table| &self.text[table]);
            table.is_some_and(|lines| lines.contains("\ninputs = [\""))
        };
        let agents: Vec<String> = self.agents().into_iter().filter(reads).collect();
        let Some(agent) = agents.get(dice.below(agents.len())) else { return };
        let (Some(to), Some(table)) = (self.output(dice), self.table(agent)) else { return };
        let lines = &self.text[table.clone()];
        let Some((head, tail)) = lines.split_once("\ninputs = [\"") else { return };
        let Some((_, tail)) = tail.split_once('"') else { return };
        let lines = format!("{head}\ninputs = [\"{to}\"{tail}");
        self.text.replace_range(table, &lines);
    }

    /// One of some texts becomes another, at one place.
    fn swap(&mut self, dice: &mut Dice, swaps: &[(&str, &str)]) {
        let there: Vec<_> = swaps.iter().filter(|(from, _)| self.text.contains(from)).collect();
        let Some((from, to)) = there.get(dice.below(there.len())) else { return };
        let places: Vec<usize> = self.text.match_indices(from).map(|(at, _)| at).collect();
        let at = places[dice.below(places.len())];
        self.text.replace_range(at..at + from.len(), to);
    }

    /// Gives a key of an agent another value.
    fn key(&mut self, dice: &mut Dice, key: &str, values: &[&str]) {
        let Some(agent) = self.any(dice) else { return };
        let Some(table) = self.table(&agent) else { return };
        let start = format!("{key} = ");
        let value = values[dice.below(values.len())];
        let lines = self.text[table.clone()].to_owned();
        let kept = lines.lines().filter(|line| !line.starts_with(&start));
        let mut kept: Vec<String> = kept.map(String::from).collect();
        kept.insert(1, format!("{key} = {value}"));
        self.text.replace_range(table, &(kept.join("\n") + "\n"));
    }

    fn channel(&mut self, dice: &mut Dice) {
        let Some(output) = self.output(dice) else { return };
        if self.text.contains(&format!("[channels.\"{output}\"]")) {
            return self.swap(
                dice,
                &[
                    ("capacity = 1\n", "capacity = 5\n"),
                    ("overflow = \"fail\"", "overflow = \"block\""),
                ],
            );
        }
        let capacity = 1 + dice.below(4);
        let _ = write!(self.text, "\n[channels.\"{output}\"]\ncapacity = {capacity}\n");
    }

    /// Puts an agent below another supervisor.
    fn shift(&mut self, dice: &mut Dice) {
        let Some(agent) = self.any(dice) else { return };
        let place = format!("\"{agent}\"");
        let mut lines: Vec<String> = self.text.lines().map(String::from).collect();
        let lists: Vec<usize> =
            (0..lines.len()).filter(|at| lines[*at].starts_with("children = [")).collect();
        let Some(from) = lists.iter().copied().find(|at| lines[*at].contains(&place)) else {
            return;
        };
        let to = lists[dice.below(lists.len())];
        for cut in [format!("{place}, "), format!(", {place}"), place.clone()] {
            if lines[from].contains(&cut) {
                lines[from] = lines[from].replacen(&cut, "", 1);
                break;
            }
        }
        let empty = lines[to] == "children = []";
        let more = if empty { format!("[{place}") } else { format!("[{place}, ") };
        lines[to] = lines[to].replacen('[', &more, 1);
        self.text = lines.join("\n") + "\n";
    }

    /// Dead letters go elsewhere.
    fn letters(&mut self, dice: &mut Dice) {
        if let Some(at) = self.text.find("[errors]\n") {
            let end = self.text[at + 1..].find("\n[").map_or(self.text.len(), |end| at + end + 2);
            self.text.replace_range(at..end, "");
            return;
        }
        let sinks: Vec<String> =
            self.agents().into_iter().filter(|name| name.starts_with("sink")).collect();
        if let Some(sink) = sinks.get(dice.below(sinks.len())) {
            self.text = self.text.replacen(
                "[agents.",
                &format!("[errors]\ndead_letter = \"{sink}\"\n[agents."),
                1,
            );
        }
    }
}
