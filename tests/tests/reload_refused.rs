//! Reloads that come to nothing, and what is said of them: the run goes on as it did. Also what is said of messages that
//! one leaves behind.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Child;

use theater_flow_tests::Scene;
use theater_flow_tests::held::{held, wait, wait_for};
use theater_flow_tests::web::Server;

/// A request for each line.
const ASKING: &str = r#"
format = 1
name = "asking"
[supervisors.root]
children = ["lines", "ask", "print", "refused"]
[agents.lines]
actor = "std/file-lines"
config = { path = "lines.txt" }
grants = { files = { read = ["lines.txt"] } }
[agents.ask]
actor = "std/http"
inputs = "lines"
shutdown = "1h"
config = { url = "http://127.0.0.1:PORT/v1/x", method = "POST", on-error = "reject" }
[[agents.ask.grants.http]]
host = "127.0.0.1"
scheme = "http"
port = PORT
methods = ["POST"]
local = true
[agents.print]
actor = "std/stdout"
inputs = "ask.out"
grants = { stdout = true }
[agents.refused]
actor = "std/stdout"
inputs = "ask.rejected"
grants = { stdout = true }
"#;

/// Numbers that come from outside, through an agent that says them twice.
const OPEN: &str = r#"
format = 1
name = "open"
[supervisors.root]
children = ["ticks", "entry", "double", "print"]
[types]
Twice = { n = "u64" }
[agents.ticks]
actor = "std/timer"
config = { every = "1h" }
grants = { clock = true, timer = true }
[agents.entry]
actor = "std/filter"
inputs = "ticks"
shutdown = "1h"
config = { when = ".n < 100000" }
[agents.double]
actor = "std/map"
inputs = "entry"
config = { expr = "{ n: (.at * 2) }" }
outputs = { out = "Twice" }
[agents.print]
actor = "std/stdout"
inputs = "double"
grants = { stdout = true }
[channels."entry.out"]
capacity = 1
"#;

/// [`OPEN`] without the agent that the numbers come to.
fn without_entry(more: &str) -> String {
    let (head, tail) = OPEN.split_once("[agents.entry]").expect("it is there");
    let (_, tail) = tail.split_once("[agents.double]").expect("it is there");
    let (tail, _) = tail.split_once("[channels").expect("it is there");
    let tail = tail.replace("inputs = \"entry\"", "inputs = \"ticks\"");
    format!("{}[agents.double]{tail}{more}", head.replace("\"entry\", ", ""))
}

fn open() -> (Scene, Child) {
    let scene = Scene::new();
    scene.file("open.toml", OPEN);
    let child = held(&scene, ["run", "open.toml", "--until", "forever"]);
    wait_for("the agents", || {
        let tree = scene.say("tree @latest").text();
        ["entry", "double", "print"]
            .iter()
            .all(|name| tree.contains(&format!("{name}  up")))
            .then_some(())
    });
    (scene, child)
}

#[test]
fn who_asks_while_a_reload_is_under_way_is_told_so_at_once() {
    let server = Server::hanging_at(1);
    let scene = Scene::new();
    let text = ASKING.replace("PORT", &server.port.to_string());
    let next =
        text.replace("shutdown = \"1h\"", "shutdown = \"1h\"\nlimits = { memory = \"32MiB\" }");
    scene.file("asking.toml", text);
    scene.file("next.toml", next);
    scene.file("lines.txt", "a\nb\n");
    let run = held(&scene, ["run", "asking.toml"]);
    server.wait();
    // More than there are threads for them in the run's process.
    let mut asking: Vec<Child> =
        (0..7).map(|_| held(&scene, ["reload", "@latest", "next.toml"])).collect();
    wait_for("all but one", || {
        let ends = asking.iter_mut().map(|child| child.try_wait().expect("a look"));
        let left = ends.filter(Option::is_none).count();
        (left == 1).then_some(())
    });
    scene.say("tree @latest").ends(0);
    server.release();
    let ends: Vec<_> = asking.into_iter().map(wait).collect();
    let done = ends.iter().filter(|ran| ran.code() == 0).count();
    let busy = |text: &str| text.contains("reload refused: another reload is under way: try again");
    let refused = ends.iter().filter(|ran| ran.code() == 1 && busy(&ran.err)).count();
    assert_eq!((done, refused), (1, 6), "{ends:#?}");
    wait(run).ends(0);
    assert_eq!(scene.say("plans @latest --json").ends(0).json().len(), 2);
}

#[test]
fn more_agents_than_there_is_room_for_are_refused_before_anything_changes() {
    let (scene, child) = open();
    let mut more = OPEN.replace("\"print\"]", "\"print\", \"many\"]");
    let names: Vec<String> = (0..90).map(|nth| format!("\"m{nth}\"")).collect();
    write!(more, "[supervisors.many]\nchildren = [{}]\n", names.join(", ")).expect("text");
    for nth in 0..90 {
        let config = "actor = \"std/filter\"\ninputs = \"double\"\nconfig = { when = \"true\" }";
        write!(more, "[agents.m{nth}]\n{config}\n").expect("text");
    }
    scene.file("more.toml", more);
    let refused = scene.say("reload @latest more.toml").ends(1);
    refused.tells(["90 agents are new, and this process has room for", "reload it at rest"]);
    assert_eq!(scene.say("plans @latest --json").ends(0).json().len(), 1);
    scene.run(["send", "@latest", "entry.in", "{\"n\":1,\"at\":2}"]).ends(0);
    scene.say("stop @latest").ends(0);
    wait(child).ends(130);
    scene.say("reload @latest more.toml").ends(0).tells(["reload ok rev 1→2 (+91 "]);
    scene.say("verify @latest").ends(0);
}

/// Who is new is tried out, too: else the run would go over, and then fail.
#[test]
fn who_cannot_begin_is_no_part_of_a_run_that_lives() {
    let (scene, child) = open();
    let more = OPEN.replace("\"print\"]", "\"print\", \"more\"]");
    for limits in ["memory = \"128KiB\"", "fuel = 1000"] {
        scene.file(
            "more.toml",
            format!(
                "{more}[agents.more]\nactor = \"std/dedupe\"\ninputs = \"double\"\nlimits = {{ {limits} }}\n"
            ),
        );
        let refused = scene.say("reload @latest more.toml").ends(1);
        refused.tells([
            "reload refused: `more` cannot begin, not even anew",
            "mend its config, limits",
        ]);
    }
    assert_eq!(scene.say("plans @latest --json").ends(0).json().len(), 1);
    scene.run(["send", "@latest", "entry.in", "{\"n\":1,\"at\":2}"]).ends(0);
    scene.say("stop @latest").ends(0);
    wait(child).ends(130);
}

#[test]
fn messages_of_an_agent_that_goes_are_left_only_where_the_file_says_so() {
    let (scene, child) = open();
    scene.file("reject.toml", without_entry(""));
    scene.file("leave.toml", without_entry("[reload]\non_type_mismatch = \"dead-letter\"\n"));
    scene.say("pause @latest").ends(0);
    for n in 0..4 {
        let value = format!("{{\"n\":{n},\"at\":{n}}}");
        scene.run(["send", "@latest", "entry.in", &value]).ends(0);
    }
    scene.say("stop @latest").ends(0);
    wait(child).ends(130);
    // Who reads it stands still, and has one place: its hour would be for nothing.
    let refused = scene.say("reload @latest reject.toml").ends(1);
    refused.tells(["`entry` is to go, and has not handled 3 messages", "on_type_mismatch"]);
    let done = scene.say("reload @latest leave.toml --json").ends(0);
    assert_eq!(done.json()[0]["dead_letters"], 3, "{done:?}");
    let plans = scene.say("plans @latest --json").ends(0).json();
    assert_eq!((&plans[0]["dead_letters"], &plans[1]["dead_letters"]), (&0.into(), &3.into()));
    let letters = scene.say("events @latest --json --kind dead-lettered").ends(0).json();
    assert_eq!(letters.len(), 3);
    assert!(scene.say("plans @latest").ends(0).text().contains("3 messages became dead letters"));
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
}

/// Counts lines of standard input.
const COUNTING: &str = r#"format = 1
name = "counting"
[supervisors.root]
children = ["lines", "counts", "print"]
[agents.lines]
actor = "std/stdin-lines"
grants = { stdin = true }
[agents.counts]
actor = "std/aggregate"
inputs = "lines"
outputs = { out = "json" }
config = { by = ["text"], take = { n = "count" } }
[agents.print]
actor = "std/stdout"
inputs = "counts"
grants = { stdout = true }
"#;

#[test]
fn figures_of_another_config_are_not_gone_on_with() {
    let scene = Scene::new();
    let more = COUNTING.replace("n = \"count\"", "n = \"count\", at = { last = \"line\" }");
    let fresh = format!("{more}[reload]\non_state_mismatch = \"fresh\"\n");
    for (name, text) in [("counting", COUNTING), ("more", &more), ("fresh", &fresh)] {
        scene.file(&format!("{name}.toml"), text);
    }
    let mut child = held(&scene, ["run", "counting.toml"]);
    let mut input = child.stdin.take().expect("it is piped");
    let mut says = |line: &str, times: usize| {
        writeln!(input, "{line}").expect("it reads");
        wait_for("the message", || {
            let state = scene.say("state @latest counts");
            state.text().contains(&format!("\"Count\": {times}\n")).then_some(())
        });
    };
    says("a", 1);
    let refused = scene.say("reload @latest more.toml").ends(1);
    refused.tells(["`counts` cannot go on", "`take.at` was absent, and is {\"last\":\"line\"}"]);
    says("a", 2);
    scene.say("reload @latest fresh.toml").ends(0);
    says("b", 1);
    drop(input);
    let ran = wait(child).ends(0);
    assert_eq!(ran.text(), "{\"text\":\"b\",\"at\":3,\"n\":1}\n");
    scene.say("verify @latest").ends(0);
    scene.say("replay @latest").ends(0);
}

#[test]
fn a_place_in_one_file_is_not_gone_on_from_in_another() {
    let server = Server::hanging_at(1);
    let scene = Scene::new();
    // The first lines wait for the request, and the others for a place.
    let reads = "grants = { files = { read = [\"lines.txt\", \"other.txt\"] } }\n[channels.\"lines.out\"]\ncapacity = 1";
    let text = ASKING.replace("grants = { files = { read = [\"lines.txt\"] } }", reads);
    // No more than the pipe holds that nobody reads before the end.
    let body = "inputs = \"ask.out\"\nconfig = { format = \"text\", field = \"body\" }";
    let text = text.replace("inputs = \"ask.out\"", body);
    let text = text.replace("PORT", &server.port.to_string());
    let other = text.replace("path = \"lines.txt\"", "path = \"other.txt\"");
    scene.file("fresh.toml", format!("{other}[reload]\non_state_mismatch = \"fresh\"\n"));
    scene.file("other.toml", other);
    scene.file("asking.toml", text);
    scene.file("lines.txt", "a\n".repeat(600));
    scene.file("other.txt", "b\n");
    let run = held(&scene, ["run", "asking.toml"]);
    server.wait();
    let refused = scene.say("reload @latest other.toml").ends(1);
    let says = "`path` was \"lines.txt\", and is \"other.txt\"";
    refused.tells(["`lines` cannot go on with the state that it has", says]);
    scene.say("reload @latest fresh.toml").ends(0);
    server.release();
    let ran = wait(run).ends(0);
    let text = ran.text();
    let printed: Vec<&str> = text.lines().collect();
    let of_other = |line: &&&str| line.contains("other.txt");
    assert_eq!((printed.len(), printed.iter().filter(of_other).count()), (513, 1), "{ran:?}");
    assert!(printed[512].contains("other.txt"), "its first line comes last");
}
