//! What stands in modules means what it means in one file; written out, it still does.

mod meaning;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use meaning::meaning;
use proptest::prelude::*;
use theater_flow_dsl::expand;
use world::{Beside, settle, source};

/// A step of a chain: an agent, or a module that is a chain itself.
#[derive(Clone, Debug)]
enum Step {
    /// Also reads what comes before the step before it.
    Agent(bool),
    /// It gives what it reads, if it says so, or else what its last step gives.
    Module(Vec<Step>, bool),
}

fn chains() -> impl Strategy<Value = Vec<Step>> {
    let step = any::<bool>().prop_map(Step::Agent).prop_recursive(4, 24, 4, |step| {
        let module = (prop::collection::vec(step, 1..4), prop::bool::weighted(0.2));
        module.prop_map(|(steps, hands_on)| Step::Module(steps, hands_on))
    });
    prop::collection::vec(step, 0..5)
}

const AGENT: &str = "actor = \"std/probe\"\nconfig = { ports = [\"in string\", \"out string\"] }\n";

/// The agents, supervisors and modules of one file.
#[derive(Default)]
struct Writer {
    children: Vec<String>,
    tables: String,
    /// Something reads one thing by two ways, which is a fault.
    twice: bool,
}

impl Writer {
    fn agent(&mut self, name: &str, inputs: &[String]) {
        let inputs: Vec<String> = inputs.iter().map(|input| format!("\"{input}\"")).collect();
        writeln!(self.tables, "[agents.\"{name}\"]\n{AGENT}inputs = [{}]", inputs.join(", "))
            .expect("a string");
    }

    fn file(&self, head: &str) -> String {
        let children: Vec<String> =
            self.children.iter().map(|name| format!("\"{name}\"")).collect();
        format!(
            "format = 1\nname = \"nested\"\n{head}[supervisors.root]\nchildren = [{}]\n{}",
            children.join(", "),
            self.tables
        )
    }
}

/// Writes a chain that reads `first` with a module's file for each module; the name of what it gives.
fn with_modules(
    chain: &[Step],
    first: &str,
    writer: &mut Writer,
    (path, files): (&str, &mut BTreeMap<String, String>),
) -> String {
    let (mut before, mut last) = (first.to_owned(), first.to_owned());
    for (nth, step) in chain.iter().enumerate() {
        let name = format!("s{nth}");
        writer.children.push(name.clone());
        match step {
            Step::Agent(both) => {
                let mut inputs = vec![last.clone()];
                inputs.extend(Some(before).filter(|before| *both && *before != last));
                writer.agent(&name, &inputs);
            }
            Step::Module(inner, hands_on) => {
                let folder = format!("{path}{name}/");
                let mut module = Writer::default();
                let out = with_modules(inner, "module", &mut module, (&folder, files));
                let out = if *hands_on { "module" } else { &out };
                let ports = "inputs = { in = \"string\" }\n";
                let head = format!(
                    "[module]\n{ports}outputs.out = {{ type = \"string\", from = \"{out}\" }}\n"
                );
                files.insert(format!("{folder}m.toml"), module.file(&head));
                writeln!(
                    writer.tables,
                    "[use.{name}]\nfrom = \"{name}/m.toml\"\ninputs = \"{last}\""
                )
                .expect("a string");
            }
        }
        before = std::mem::replace(&mut last, name);
    }
    last
}

/// Writes the same chain into one file.
fn flat(chain: &[Step], first: &str, prefix: &str, writer: &mut Writer) -> (Vec<String>, String) {
    let (mut before, mut last) = (first.to_owned(), first.to_owned());
    let mut names = Vec::new();
    for (nth, step) in chain.iter().enumerate() {
        let name = format!("{prefix}s{nth}");
        names.push(name.clone());
        let gives = match step {
            Step::Agent(both) => {
                writer.twice |= *both && nth > 0 && before == last;
                let mut inputs = vec![last.clone()];
                inputs.extend(Some(before).filter(|before| *both && *before != last));
                writer.agent(&name, &inputs);
                name
            }
            Step::Module(inner, hands_on) => {
                let (children, gives) = flat(inner, &last, &format!("{name}/"), writer);
                let children: Vec<String> =
                    children.iter().map(|child| format!("\"{child}\"")).collect();
                let children = children.join(", ");
                writeln!(writer.tables, "[supervisors.\"{name}\"]\nchildren = [{children}]")
                    .expect("a string");
                if *hands_on { last.clone() } else { gives }
            }
        };
        before = std::mem::replace(&mut last, gives);
    }
    (names, last)
}

fn ends(writer: &mut Writer, last: &str) {
    writer.children.extend(["source".to_owned(), "sink".to_owned()]);
    let source = "[agents.source]\nactor = \"std/probe\"\nconfig = { ports = [\"out string\"] }\n";
    writer.tables.push_str(source);
    writer.agent("sink", &[last.to_owned()]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn modules_mean_what_one_file_means(chain in chains()) {
        let (mut nested, mut one, mut files) = (Writer::default(), Writer::default(), BTreeMap::new());
        let last = with_modules(&chain, "source", &mut nested, ("", &mut files));
        ends(&mut nested, &last);
        let (children, last) = flat(&chain, "source", "", &mut one);
        one.children = children;
        ends(&mut one, &last);
        let beside = Beside { files, ..Beside::default() };
        let text = nested.file("");
        let compiled = settle(&text, &beside);
        if one.twice {
            let mut codes = compiled.faults.iter().map(|fault| fault.code);
            prop_assert!(codes.any(|code| code == "TF0213"), "{:?}", compiled.faults);
            return Ok(());
        }
        let errors: Vec<_> =
            compiled.faults.iter().filter(|fault| fault.code != "TF0212").collect();
        prop_assert!(errors.is_empty(), "{errors:?}\n{text}");
        let wanted = settle(&one.file(""), &Beside::default());
        let wanted = wanted.plan.expect("a chain is sound");
        let plan = compiled.plan.as_ref().expect("it has no faults");
        prop_assert_eq!(meaning(plan), meaning(&wanted));
        let whole = expand(&source(&text, &beside), &compiled).expect("it compiles");
        let again = settle(&whole, &Beside::default()).plan.expect("what is expanded compiles");
        prop_assert_eq!(meaning(&again), meaning(&wanted));
    }
}

/// What a module in another folder reads, writes and runs is named anew; the same files are meant.
#[test]
fn paths_of_a_module_in_another_folder() {
    let text = "format = 1\nname = \"p\"\n[supervisors.root]\nchildren = [\"m\", \"n\"]\n\
        [use.m]\nfrom = \"parts/m.toml\"\nparams = { to = \"out/x\" }\n\
        [use.n]\nfrom = \"parts/m.toml\"\n";
    let module = "format = 1\nname = \"m\"\n[module]\n[supervisors.root]\nchildren = [\"a\", \"b\"]\n\
        [params]\nto = { type = \"string\", default = \"mine/y\" }\n\
        [agents.a]\nactor = \"../own.wasm\"\n[agents.a.config]\nnote.file = \"prompt.md\"\nports = [\"out string\"]\n\
        [agents.b]\nactor = \"std/file-write\"\ninputs = \"a\"\n\
        config = { path = { param = \"to\" }, field = \"more\" }\n\
        grants.files = { write = [{ param = \"to\" }, \"more\", \"/absolute\"] }\n";
    let files = BTreeMap::from([("parts/m.toml".to_owned(), module.to_owned())]);
    let beside = Beside { files, ..Beside::default() };
    let compiled = settle(text, &beside);
    assert_eq!(compiled.faults, []);
    let whole = expand(&source(text, &beside), &compiled).expect("it compiles");
    for line in [
        "actor = \"./own.wasm\"",
        "note = { file = \"parts/prompt.md\" }",
        "config = { path = \"out/x\", field = \"more\" }",
        "grants.files = { write = [\"out/x\", \"parts/more\", \"/absolute\"] }",
        "config = { path = \"parts/mine/y\", field = \"more\" }",
        "grants.files = { write = [\"parts/mine/y\", \"parts/more\", \"/absolute\"] }",
    ] {
        assert!(whole.contains(line), "{line} is not in\n{whole}");
    }
    let again = settle(&whole, &beside);
    let roots = |compiled: &theater_flow_dsl::Compiled| -> Vec<String> {
        let agents = compiled.plan.iter().flat_map(|plan| &plan.agents);
        let mut roots: Vec<String> = agents
            .flat_map(|agent| agent.grants.write.iter().map(|root| root.path.clone()))
            .collect();
        roots.sort();
        roots
    };
    assert_eq!(roots(&compiled), roots(&again), "{:?}", again.faults);
    let mine = "/project/flows/parts/mine/y".to_owned();
    assert!(roots(&again).contains(&mine), "{:?}", roots(&again));
}

/// Many places where one small module is used are quick, and each fault in it is told once.
#[test]
fn a_module_in_a_thousand_places() {
    let mut writer = Writer::default();
    ends(&mut writer, "source");
    for at in 0..1_000 {
        writer.children.push(format!("m{at}"));
        write!(writer.tables, "[use.m{at}]\nfrom = \"m.toml\"\ninputs = \"source\"\n")
            .expect("a string");
    }
    let mut module = Writer::default();
    module.children.push("a".to_owned());
    module.agent("a", &["module".to_owned()]);
    let head =
        "[module]\ninputs.in = \"string\"\n[params]\nunused = { type = \"u8\", default = 1 }\n";
    let files = BTreeMap::from([("m.toml".to_owned(), module.file(head))]);
    let compiled = settle(&writer.file(""), &Beside { files, ..Beside::default() });
    assert_eq!(compiled.plan.map(|plan| plan.agents.len()), Some(1_002));
    let codes: Vec<&str> = compiled.faults.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, ["TF0212", "TF0504", "TF0212"], "{:?}", compiled.faults);
}
