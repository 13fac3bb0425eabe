//! Runs that go over to a plan in which a mailbox is of another type, with messages in it.

use std::io::Write as _;
use std::process::Child;

use theater_flow_tests::held::{held, wait, wait_for};
use theater_flow_tests::{Ran, Scene, prebuilt};

const PIPELINE: &str = r#"
format = 1
name = "mail"

[supervisors.root]
children = ["lines", "numbers", "slow", "print"]

RULES
[agents.lines]
actor = "std/stdin-lines"
grants = { stdin = true }

[agents.numbers]
actor = "std/map"
inputs = "lines"
outputs = { out = "TYPE" }
config = { expr = 'EXPR' }

[agents.slow]
actor = "PROBE"
inputs = "numbers"
config = { ports = [{ name = "in", direction = "input", type = "TYPE" }, { name = "out", direction = "output", type = "json" }], DOES }
retry = { max = 9, backoff = "constant", base = "1h", cap = "1h" }

[agents.print]
actor = "std/stdout"
inputs = "slow"
grants = { stdout = true }
"#;

/// A run with three numbers in a mailbox whose agent comes no further than the first.
struct Mail {
    scene: Scene,
    child: Option<Child>,
}

impl Mail {
    fn start() -> Self {
        let scene = Scene::new();
        let mut this = Self { scene, child: None };
        this.says("", "u64", (".text | tonumber", FAULTS));
        let mut child = held(&this.scene, ["run", "pipeline.toml", "--quiet"]);
        let stdin = child.stdin.as_mut().expect("it is piped");
        stdin.write_all(b"1\n2\n3\n").expect("it reads");
        this.child = Some(child);
        wait_for("three messages and a fault", || {
            let seen = |agent: &str, kind: &str| {
                let line = format!("events @latest --agent {agent} --kind {kind} --json");
                this.scene.say(&line).text().lines().count()
            };
            (seen("numbers", "emission") == 3 && seen("slow", "faulted") == 1).then_some(())
        });
        this
    }

    fn says(&self, rules: &str, ty: &str, (expr, does): (&str, &str)) {
        let probe = prebuilt("probe").display().to_string();
        let text = PIPELINE.replace("RULES", rules).replace("TYPE", ty);
        let text = text.replace("EXPR", expr).replace("DOES", does).replace("PROBE", &probe);
        self.scene.file("pipeline.toml", text);
    }

    fn reload(&self) -> Ran {
        self.scene.say("reload @latest pipeline.toml")
    }

    /// Gives it one more line, and ends its input.
    fn complete(&mut self, line: &str) -> Ran {
        let mut child = self.child.take().expect("it is not over");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(line.as_bytes()).expect("it reads");
        drop(stdin);
        let ended = wait(child);
        let replayed = self.scene.say("replay @latest --json").ends(0).json();
        assert_eq!(replayed.last().expect("a line")["ok"], true);
        self.scene.say("verify @latest").ends(0);
        ended
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const FAULTS: &str = "on = [{ do = \"fault\" }]";
const TEXTS: (&str, &str) = (r#""n" + .text"#, "echo = true");
const NUMBERS: (&str, &str) = (".text | tonumber", "echo = true");

#[test]
fn mail_of_another_type_changes_nothing() {
    let mut mail = Mail::start();
    for rules in ["", "[reload]\non_type_mismatch = \"reject\"\n"] {
        mail.says(rules, "string", TEXTS);
        let says = ["reload refused: `slow.in` has message ", "waiting", "new type"];
        mail.reload().ends(1).tells(says);
    }
    // Another rule is taken without moving anybody.
    mail.says("[reload]\non_delete = \"keep\"\n", "u64", (".text | tonumber", FAULTS));
    mail.reload().ends(0).tells(["reload ok rev 1→2 (+0 ~1 -0)"]);
    let reloaded = mail.scene.say("events @latest --kind reloaded --json").ends(0).json();
    assert_eq!(reloaded[0]["moves"].to_string(), "[]");
    assert_eq!(reloaded[0]["changes"].to_string(), r#"["~ [reload]: rules (on_delete)"]"#);
    // Not its mail, but what it does with it.
    mail.says("", "u64", NUMBERS);
    mail.reload().ends(0);
    assert_eq!(mail.complete("4\n").ends(0).text(), "1\n2\n3\n4\n");
}

#[test]
fn mail_of_another_type_becomes_dead_letters_if_the_file_says_so() {
    let mut mail = Mail::start();
    mail.says("[reload]\non_type_mismatch = \"dead-letter\"\n", "string", TEXTS);
    mail.reload().ends(0).tells(["reload ok rev 1→2 (+0 ~3 -0)"]);
    let letters = mail.scene.say("dlq @latest list --json").ends(0).json();
    let bodies: Vec<_> = letters.iter().map(|letter| letter["body"].to_string()).collect();
    assert_eq!(bodies, ["1", "2", "3"]);
    // None of them was forgotten, and none was taken for what it is not.
    assert_eq!(mail.complete("4\n").ends(1).text(), "\"n4\"\n");
}

#[test]
fn mail_that_fits_the_other_type_is_handled_as_it_is() {
    let mut mail = Mail::start();
    mail.says("", "json", ("{ text }", "echo = true"));
    mail.reload().ends(0);
    assert_eq!(mail.complete("4\n").ends(0).text(), "1\n2\n3\n{\"text\":\"4\"}\n");
}
