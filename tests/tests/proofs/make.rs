//! Pipelines made from a seed: sources, stages that pass on, change, delay, refuse and crash, and sinks.
//!
//! What goes between agents is an object with a number `n` and a `text`, as `json`; so everything fits
//! everything, and the seed alone says what is joined to what.

use std::fmt::Write as _;

use theater_flow::sim::Dice;

use super::stages;

/// Where the lines of every pipeline are.
pub(crate) const LINES: &str = "/sim/in.txt";
/// Where its records are.
pub(crate) const TABLE: &str = "/sim/in.csv";

/// A pipeline in the making.
pub(crate) struct Made {
    pub(crate) dice: Dice,
    agents: Vec<(String, String)>,
    channels: String,
    /// Outputs that may be read, as `agent.port`.
    outputs: Vec<String>,
    /// Those of them that nobody reads yet.
    unread: Vec<String>,
    /// Outputs of another form, which only sinks read.
    ends: Vec<String>,
    /// How often each message may become two.
    pub(crate) doublings: usize,
}

/// Makes the pipeline of a seed.
pub(crate) fn pipeline(seed: u64) -> String {
    let dice = Dice::new(seed ^ 0x9E0F);
    let mut made = Made {
        dice,
        agents: Vec::new(),
        channels: String::new(),
        outputs: Vec::new(),
        unread: Vec::new(),
        ends: Vec::new(),
        doublings: 2,
    };
    for _ in 0..=made.dice.below(2) {
        source(&mut made);
    }
    for _ in 0..2 + made.dice.below(7) {
        stages::add(&mut made);
    }
    sinks(&mut made);
    let letters = made.dice.one_in(2).then(|| sink(&mut made, None));
    made.text(seed, letters.as_deref())
}

impl Made {
    /// Adds an agent, and gives its name. A line is a key of its table.
    pub(crate) fn agent(&mut self, kind: &str, lines: &[String]) -> String {
        let name = format!("{kind}{}", self.agents.len());
        self.agents.push((name.clone(), lines.join("\n")));
        name
    }

    /// The number of the agent that is added next.
    pub(crate) fn next(&self) -> usize {
        self.agents.len()
    }

    /// An output can be read from now on.
    pub(crate) fn offer(&mut self, output: &str) {
        self.outputs.push(String::from(output));
        self.unread.push(String::from(output));
        if self.dice.one_in(6) {
            let overflow = ["block", "block", "drop-oldest", "drop-newest", "fail"];
            let overflow = overflow[self.dice.below(overflow.len())];
            let capacity = 1 + self.dice.below(6);
            let _ = write!(
                self.channels,
                "[channels.\"{output}\"]\noverflow = \"{overflow}\"\ncapacity = {capacity}\n"
            );
        }
    }

    /// An output can be read by sinks.
    pub(crate) fn offer_to_sinks(&mut self, output: String) {
        self.ends.push(output);
    }

    /// Some outputs to read: mostly one, mostly one that nobody reads yet. As `inputs` has them.
    pub(crate) fn inputs(&mut self) -> Vec<String> {
        let most = self.outputs.len().min(3);
        let count = if self.dice.one_in(3) { 1 + self.dice.below(most) } else { 1 };
        let mut picked: Vec<String> = Vec::new();
        while picked.len() < count {
            let fresh = !self.unread.is_empty() && !self.dice.one_in(4);
            let from = if fresh { &self.unread } else { &self.outputs };
            let output = from[self.dice.below(from.len())].clone();
            self.unread.retain(|unread| *unread != output);
            if !picked.contains(&output) {
                picked.push(output);
            } else if picked.len() == self.outputs.len() {
                break;
            }
        }
        picked
    }

    fn text(mut self, seed: u64, letters: Option<&str>) -> String {
        let supervisors = self.supervisors();
        let mut text = format!("format = 1\nname = \"made-{seed}\"\n{supervisors}");
        if let Some(letters) = letters {
            let _ = write!(text, "[errors]\ndead_letter = \"{letters}\"\n");
        }
        for (name, lines) in &self.agents {
            let _ = write!(text, "[agents.{name}]\n{lines}\n");
        }
        text + &self.channels
    }

    /// A tree of supervisors over all agents, in which order matters. In a short period a timer could crash
    /// its agent for ever.
    fn supervisors(&mut self) -> String {
        let dice = &mut self.dice;
        let count = 1 + dice.below(4);
        let mut children = vec![Vec::new(); count];
        for at in 1..count {
            let parent = dice.below(at);
            children[parent].push(format!("\"s{at}\""));
        }
        for (name, _) in &self.agents {
            let parent = dice.below(count);
            let place = dice.below(children[parent].len() + 1);
            children[parent].insert(place, format!("\"{name}\""));
        }
        let mut text = String::new();
        for (at, children) in children.iter().enumerate() {
            let name = if at == 0 { String::from("root") } else { format!("s{at}") };
            let strategy = ["one-for-one", "one-for-all", "rest-for-one"][dice.below(3)];
            let intensity = [1, 4, 8, 20][dice.below(4)];
            let children = children.join(", ");
            let _ = write!(
                text,
                "[supervisors.{name}]\nstrategy = \"{strategy}\"\nchildren = [{children}]\n\
                 intensity = {intensity}\nperiod = \"1h\"\n"
            );
        }
        text
    }
}

/// `inputs` of an agent.
pub(crate) fn from(outputs: &[String]) -> String {
    let outputs: Vec<String> = outputs.iter().map(|output| format!("\"{output}\"")).collect();
    format!("inputs = [{}]", outputs.join(", "))
}

/// How an agent is to be restarted and its messages tried again, if the seed says anything of it.
pub(crate) fn habits(dice: &mut Dice) -> Vec<String> {
    let mut habits = Vec::new();
    if dice.one_in(3) {
        let restart = ["permanent", "transient", "temporary"][dice.below(3)];
        habits.push(format!("restart = \"{restart}\""));
    }
    if dice.one_in(5) {
        habits.push(String::from("restore = \"fresh\""));
    }
    if dice.one_in(2) {
        let (max, base) = (dice.below(4), 10 * (1 + dice.below(8)));
        let backoff = ["constant", "linear", "exponential"][dice.below(3)];
        habits.push(format!(
            "retry = {{ max = {max}, backoff = \"{backoff}\", base = \"{base}ms\", cap = \"1s\" }}"
        ));
    }
    habits
}

/// Adds a source, and what makes messages of the common form of its own.
fn source(made: &mut Made) {
    let probe = theater_flow_tests::prebuilt("probe").display().to_string();
    let count = 3 + made.dice.below(30);
    let (kind, lines) = match made.dice.below(6) {
        0 | 1 => ("lines", LINES_SOURCE.to_owned()),
        2 => ("table", TABLE_SOURCE.to_owned()),
        3 => {
            let every = 5 + made.dice.below(60);
            let config =
                format!("config = {{ every = \"{every}ms\", count = {} }}", count % 12 + 1);
            let grants = "grants = { clock = true, timer = true }";
            ("ticks", format!("actor = \"std/timer\"\n{config}\n{grants}"))
        }
        4 => ("stdin", String::from("actor = \"std/stdin-lines\"\ngrants = { stdin = true }")),
        _ => {
            let pad = [0, 40, 3_000][made.dice.below(3)];
            let config = format!("config = {{ produce = {count}, pad = {pad} }}");
            ("produce", format!("actor = \"{probe}\"\n{config}"))
        }
    };
    let source = made.agent(kind, &[lines]);
    let expr = "{ n: (.n // .line // 0), text: (.text // .word // \"made\") }";
    let lines = [
        String::from("actor = \"std/map\""),
        format!("inputs = \"{source}.out\""),
        String::from("outputs = { out = \"json\" }"),
        format!("config = {{ expr = '{expr}' }}"),
    ];
    let name = made.agent("item", &lines);
    made.offer(&format!("{name}.out"));
}

const LINES_SOURCE: &str = "actor = \"std/file-lines\"\nconfig = { path = \"in.txt\" }\n\
    grants = { files = { read = [\"in.txt\"] } }";
const TABLE_SOURCE: &str = "actor = \"std/csv-read\"\n\
    config = { path = \"in.csv\", columns = { n = \"u64\", word = \"string\" } }\n\
    grants = { files = { read = [\"in.csv\"] } }";

/// Adds sinks for all that nobody reads.
fn sinks(made: &mut Made) {
    made.unread.append(&mut made.ends);
    while let Some(output) = made.unread.pop() {
        let mut inputs = vec![output];
        while made.dice.one_in(2)
            && let Some(more) = made.unread.pop()
        {
            inputs.push(more);
        }
        sink(made, Some(&inputs));
    }
}

/// Adds a sink. Its name.
fn sink(made: &mut Made, inputs: Option<&[String]>) -> String {
    let place = made.agents.len();
    let mut lines: Vec<String> = inputs.map(from).into_iter().collect();
    lines.extend(match made.dice.below(4) {
        0 => [String::from("actor = \"std/stdout\""), String::from("grants = { stdout = true }")]
            .to_vec(),
        1 => vec![
            String::from("actor = \"std/file-write\""),
            format!(
                "config = {{ path-field = \"text\", folder = \"out/{place}\", mode = \"append\" }}"
            ),
            format!("grants = {{ files = {{ write = [\"out/{place}\"] }} }}"),
        ],
        kind => vec![
            String::from("actor = \"std/file-write\""),
            format!(
                "config = {{ path = \"out/{place}.jsonl\", mode = \"{}\" }}",
                if kind == 2 { "append" } else { "replace" }
            ),
            format!("grants = {{ files = {{ write = [\"out/{place}.jsonl\"] }} }}"),
        ],
    });
    made.agent("sink", &lines)
}
