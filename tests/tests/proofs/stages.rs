//! What stands between sources and sinks.

use theater_flow::sim::Dice;

use super::make::{Made, from, habits};

/// Adds a stage: mostly one agent, with one output or more.
pub(crate) fn add(made: &mut Made) {
    let inputs = made.inputs();
    match made.dice.below(13) {
        0 | 1 => map(made, &inputs),
        2 => choose(made, &inputs),
        3 => keep(made, &inputs),
        4 => wait(made, &inputs),
        5 => split(made, &inputs),
        6 | 7 => probe(made, &inputs),
        8 | 9 => full_probe(made, &inputs),
        10 | 11 => ask(made, &inputs),
        _ => revise(made, &inputs),
    }
}

/// The lines that all agents of the library have.
fn lines(actor: &str, inputs: &[String], more: &[&str]) -> Vec<String> {
    let mut lines = vec![format!("actor = \"{actor}\""), from(inputs)];
    lines.extend(more.iter().map(|line| String::from(*line)));
    lines
}

fn map(made: &mut Made, inputs: &[String]) {
    let doubles = made.doublings > 0 && made.dice.one_in(2);
    made.doublings -= usize::from(doubles);
    let fails = "if (.n // 0) % 5 == 3 then error(\"five\") else .n = (.n // 0) + 2 end";
    let expr = if doubles { "., (.text = \"again\")" } else { fails };
    let on_error = ["fault", "skip", "reject"][made.dice.below(3)];
    let config = format!("config = {{ expr = '{expr}', on-error = \"{on_error}\" }}");
    let mut lines = lines("std/map", inputs, &["outputs = { out = \"json\" }", &config]);
    lines.extend(habits(&mut made.dice));
    let name = made.agent("map", &lines);
    made.offer(&format!("{name}.out"));
    if on_error == "reject" {
        made.offer_to_sinks(format!("{name}.rejected"));
    }
}

/// Sends each message one way or another.
fn choose(made: &mut Made, inputs: &[String]) {
    let route = made.dice.one_in(2);
    let (actor, config, outputs): (_, _, &[&str]) = if route {
        let config = "config = { routes = [{ to = \"small\", when = '(.n // 0) < 7' }, \
            { to = \"even\", when = '(.n // 0) % 2 == 0' }], match = \"all\", else = \"rest\" }";
        ("std/route", config, &["small", "even", "rest"])
    } else {
        let config = "config = { when = '(.n // 0) % 3 != 1', rejected = true }";
        ("std/filter", config, &["out", "rejected"])
    };
    let mut lines = lines(actor, inputs, &[config]);
    lines.extend(habits(&mut made.dice));
    let name = made.agent("choose", &lines);
    for output in outputs {
        made.offer(&format!("{name}.{output}"));
    }
}

/// Keeps messages in mind.
fn keep(made: &mut Made, inputs: &[String]) {
    let (actor, more): (_, &[&str]) = match made.dice.below(4) {
        0 => ("std/dedupe", &["config = { by = [\"n\"] }"]),
        1 => ("std/sort", &["config = { by = [\"-n\", \"text\"] }"]),
        2 => (
            "std/aggregate",
            &[
                "config = { by = [\"n\"], take = { times = \"count\" }, flush = { count = 7 } }",
                "outputs = { out = \"json\" }",
            ],
        ),
        _ => (
            "std/window",
            &[
                "config = { by = [\"n\"], take = { times = \"count\" }, flush = { every = \"30ms\" } }",
                "outputs = { out = \"json\" }",
                "grants = { timer = true }",
            ],
        ),
    };
    let lines = lines(actor, inputs, more);
    let name = made.agent("keep", &lines);
    made.offer(&format!("{name}.out"));
}

fn wait(made: &mut Made, inputs: &[String]) {
    let config = format!("config = {{ for = \"{}ms\" }}", 1 + made.dice.below(80));
    let lines = lines("std/delay", inputs, &[&config, "grants = { clock = true, timer = true }"]);
    let name = made.agent("wait", &lines);
    made.offer(&format!("{name}.out"));
}

/// A list of each message, and its items again.
fn split(made: &mut Made, inputs: &[String]) {
    made.doublings = made.doublings.saturating_sub(1);
    let more = ["outputs = { out = \"json\" }", "config = { expr = '{ rows: [., { n: 1 }] }' }"];
    let list = made.agent("list", &lines("std/map", inputs, &more));
    let more = ["outputs = { out = \"json\" }", "config = { field = \"rows\" }"];
    let lines = lines("std/split", &[format!("{list}.out")], &more);
    let name = made.agent("split", &lines);
    made.offer(&format!("{name}.out"));
}

const PORTS: &str = "{ name = \"in\", direction = \"input\", type = \"json\" }, \
    { name = \"out\", direction = \"output\", type = \"json\" }";

/// An agent that misbehaves at some messages.
fn probe(made: &mut Made, inputs: &[String]) {
    let mut rules: Vec<String> = (0..=made.dice.below(4)).map(|_| rule(&mut made.dice)).collect();
    if made.dice.one_in(8) {
        rules.push(String::from("{ event = \"closed\", do = \"done\" }"));
    }
    let config = config(&rules);
    let actor = theater_flow_tests::prebuilt("probe").display().to_string();
    let limits = ["limits = { fuel = 3_000_000 }", "limits = { memory = \"2MiB\" }"];
    let spins = config.contains("\"loop\"");
    let limits = limits[usize::from(!spins)];
    let mut lines = lines(&actor, inputs, &[&config, limits]);
    lines.extend(habits(&mut made.dice));
    let name = made.agent("probe", &lines);
    made.offer(&format!("{name}.out"));
}

fn config(rules: &[String]) -> String {
    format!("config = {{ echo = true, ports = [{PORTS}], on = [{}] }}", rules.join(", "))
}

/// Something that needs no grant, at some message.
fn rule(dice: &mut Dice) -> String {
    let at = match dice.below(3) {
        0 => format!("nth = {}", 1 + dice.below(9)),
        _ => format!("match = '\"n\":{},'", dice.below(24)),
    };
    let deeds = [
        "\"fault\"",
        "\"fault\", code = \"again\"",
        "\"trap\"",
        "\"trap\"",
        "\"panic\"",
        "\"loop\"",
        "\"log\"",
        "\"count\"",
        "\"lie\"",
        "\"unknown-port\"",
        "\"log-flood\"",
        "\"done\"",
        "\"hoard\"",
        "\"hoard\"",
    ];
    format!("{{ {at}, do = {} }}", deeds[dice.below(deeds.len())])
}

/// An agent that has every grant but that for requests, and uses it.
fn full_probe(made: &mut Made, inputs: &[String]) {
    let dice = &mut made.dice;
    let mut rules: Vec<String> = (0..2 + dice.below(4)).map(|_| granted_rule(dice)).collect();
    if dice.one_in(2) {
        rules.push(rule(dice));
    }
    if dice.one_in(2) {
        let after = 5 + dice.below(300);
        rules.push(format!(
            "{{ event = \"start\", do = \"set-timer\", text = \"tick\", n = {after} }}"
        ));
        let deed = ["emit\", text = '{ \"n\": 5 }'", "clock\"", "log\"", "fault\"", "trap\""];
        let known = if dice.one_in(3) { deed.len() } else { 3 };
        let deed = deed[dice.below(known)];
        rules.push(format!("{{ event = \"timer\", nth = 1, do = \"{deed} }}"));
    }
    let config = config(&rules);
    let actor = theater_flow_tests::prebuilt("probe-full").display().to_string();
    let mut lines = lines(&actor, inputs, &[&config, "limits = { fuel = 3_000_000 }"]);
    lines.extend(habits(dice));
    lines.push(String::from(
        "grants = { files = { read = [\"in.txt\", \"in.csv\"], write = [\"out/probe-HERE\"] }, clock = true, \
         random = true, stdin = true, stdout = true, timer = true }",
    ));
    let place = made.next().to_string();
    let lines: Vec<String> = lines.iter().map(|line| line.replace("HERE", &place)).collect();
    let name = made.agent("full", &lines);
    made.offer(&format!("{name}.out"));
}

/// Something that needs a grant, at some message.
fn granted_rule(dice: &mut Dice) -> String {
    let at = match dice.below(3) {
        0 => format!("nth = {}", 1 + dice.below(6)),
        1 => String::from("event = \"message\""),
        _ => format!("match = '\"n\":{},'", dice.below(12)),
    };
    let soon = 1_700_000_000_000_u64 + 20 * dice.below(20) as u64;
    let deeds = [
        String::from("\"clock\""),
        String::from("\"random\""),
        String::from("\"stdout\", text = \"a line\\n\""),
        String::from("\"stat\", path = \"in.txt\""),
        String::from("\"read\", path = \"in.csv\", n = 20"),
        String::from("\"read\", path = \"in.csv/none\""),
        String::from("\"read-denied\""),
        String::from("\"stdin\", n = 5"),
        String::from("\"append\", path = \"out/probe-HERE/a\", text = \"more\\n\""),
        String::from("\"append\", path = \"elsewhere\""),
        String::from("\"replace\", path = \"out/probe-HERE/b\""),
        String::from("\"close\", path = \"out/probe-HERE/a\""),
        String::from("\"list\", path = \"in.txt\""),
        format!("\"set-timer\", text = \"later\", n = {}", dice.below(90)),
        String::from("\"cancel-timer\", text = \"later\""),
        format!("\"trap-before\", n = {soon}"),
    ];
    format!("{{ {at}, do = {} }}", deeds[dice.below(deeds.len())])
}

/// Makes a request of each message.
fn ask(made: &mut Made, inputs: &[String]) {
    let dice = &mut made.dice;
    let on_error = ["fault", "reject"][dice.below(2)];
    let on_unknown = ["retry", "fail"][dice.below(2)];
    let path = if dice.one_in(5) { "elsewhere" } else { "v1/x" };
    let config = format!(
        "config = {{ url = \"https://a.test/{path}\", body = \"json\", on-error = \"{on_error}\" }}"
    );
    let grants = format!(
        "grants = {{ http = [{{ host = \"a.test\", methods = [\"POST\"], paths = [\"/v1/\"], \
         on_unknown = \"{on_unknown}\" }}] }}"
    );
    let mut lines = lines("std/http", inputs, &[&config, &grants]);
    lines.extend(habits(dice).into_iter().filter(|habit| !habit.starts_with("restore")));
    let ask = made.agent("ask", &lines);
    let mut answers = vec![format!("{ask}.out")];
    if on_error == "reject" {
        answers.push(format!("{ask}.rejected"));
    }
    let more = [
        "outputs = { out = \"json\" }",
        "config = { expr = 'if .body then .body else { n: 0, text: \"refused\" } end' }",
    ];
    let name = made.agent("answer", &self::lines("std/map", &answers, &more));
    made.offer(&format!("{name}.out"));
}

/// A cycle: each message goes round until it has been worked at often enough.
fn revise(made: &mut Made, inputs: &[String]) {
    let (enough, rounds) = (1 + made.dice.below(4), 1 + made.dice.below(4));
    let at = made.next();
    let verdict = format!("verdict{}", at + 1);
    let mut edges: Vec<String> = inputs.iter().map(|input| format!("\"{input}\"")).collect();
    edges.push(format!("{{ from = \"{verdict}.revise\", feedback = true, rounds = {rounds} }}"));
    let mut lines = vec![
        String::from("actor = \"std/map\""),
        format!("inputs = [{}]", edges.join(", ")),
        String::from("outputs = { out = \"json\" }"),
        String::from("config = { expr = '.worked = (.worked // 0) + 1' }"),
    ];
    lines.extend(habits(&mut made.dice));
    let worker = made.agent("worker", &lines);
    let config = format!(
        "config = {{ routes = [{{ to = \"revise\", when = '.worked < {enough}' }}], else = \"accept\" }}"
    );
    let lines = self::lines("std/route", &[format!("{worker}.out")], &[&config]);
    let made_as = made.agent("verdict", &lines);
    debug_assert_eq!(made_as, verdict);
    made.offer(&format!("{verdict}.accept"));
}
