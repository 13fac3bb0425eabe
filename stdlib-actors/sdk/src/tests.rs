//! A whole actor, through the exports and in a scripted world.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::guest::{Slot, about, ports};
use crate::{
    Actor, Config, ConfigFault, Cx, EmitError, Event, Fault, Level, Message, Next, Port, Trial,
    TypeMismatch,
};

/// Sums the numbers that it gets; refuses odd ones after it has done everything else.
struct Sum {
    times: u64,
}

#[derive(Deserialize, Config)]
#[serde(deny_unknown_fields)]
struct Config {
    times: u64,
}

#[derive(Default, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    sum: u64,
}

impl Actor for Sum {
    type Config = Config;
    type State = State;

    const DOC: &'static str = "Sums.";

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        if config.times == 0 {
            return Err(vec![ConfigFault::at(&["times"], "not 0")]);
        }
        Ok(vec![
            Port::input("in", "u64"),
            Port::output("out", "u64").optional().doc("The sum."),
        ])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        let unlucky = Fault::new("unlucky", "13");
        if config.times == 13 {
            Err(unlucky)
        } else {
            Ok(Self {
                times: config.times,
            })
        }
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        let Event::Message(message) = event else {
            return Ok(Next::Wait);
        };
        let sum = state.sum + self.times * message.read::<u64>()?;
        cx.emit("out", &sum)?;
        cx.outside.write_stdout(b".");
        if sum % 2 == 1 {
            cx.log(Level::Warn, "odd");
            return Err(Fault::new("odd", "odd"));
        }
        state.sum = sum;
        Ok(Next::Wait)
    }
}

fn message(body: &str) -> Event {
    Event::Message(Message {
        port: "in".into(),
        body: body.into(),
    })
}

#[test]
fn about_and_ports_need_no_instance() {
    assert_eq!(
        (about::<Sum>().doc.as_str(), about::<Sum>().stateless),
        ("Sums.", false)
    );
    let found = ports::<Sum>(r#"{"times":2}"#).expect("good");
    assert_eq!(
        (found[1].type_.as_str(), found[1].doc.as_str()),
        ("u64", "The sum.")
    );
    assert_eq!(
        ports::<Sum>(r#"{"times":0}"#),
        Err(vec![ConfigFault::at(&["times"], "not 0")])
    );
    assert_eq!(ports::<Sum>("{").expect_err("no JSON").len(), 1);
}

#[test]
fn an_instance_is_saved_and_restored() {
    let (first, second) = (Slot::<Sum>::new(), Slot::<Sum>::new());
    first.init(r#"{"times":2}"#, None).expect("good");
    assert_eq!(first.handle(message("21")), Ok(Next::Wait));
    let saved = first.snapshot();
    assert_eq!(saved, br#"{"sum":42}"#);
    second.init(r#"{"times":3}"#, Some(&saved)).expect("good");
    assert_eq!(second.handle(message("2")), Ok(Next::Wait));
    assert_eq!(second.snapshot(), br#"{"sum":48}"#);
}

#[test]
fn what_cannot_begin_says_why() {
    let slot = Slot::<Sum>::new();
    let code = |config: &str, saved: Option<&[u8]>| {
        slot.init(config, saved).expect_err("it cannot begin").code
    };
    assert_eq!(code("{}", None), "bad-config");
    assert_eq!(code(r#"{"times":13}"#, None), "unlucky");
    assert_eq!(
        code(r#"{"times":1}"#, Some(b"{\"sum\":-1}")),
        "bad-snapshot"
    );
    assert_eq!(code(r#"{"times":1}"#, Some(b"")), "bad-snapshot");
    assert_eq!(
        slot.handle(Event::Start).expect_err("nothing began").code,
        "no-instance"
    );
    assert!(slot.snapshot().is_empty());
}

#[test]
fn a_fault_leaves_no_effects() {
    let mut trial = Trial::<Sum>::new(r#"{"times":1}"#).expect("good");
    let handled = trial.message("in", "3");
    assert_eq!(handled.next.expect_err("odd").code, "odd");
    assert_eq!((handled.emitted.len(), handled.logged.len()), (0, 1));
    assert!(trial.outside().stdout.is_empty());
    assert_eq!(trial.state(), &State { sum: 0 });
    assert_eq!(
        trial.message("in", "x").next.expect_err("no number").code,
        "bad-message"
    );
    assert_eq!(
        trial.message("in", "4").emitted,
        [("out".to_owned(), "4".to_owned())]
    );
    assert_eq!(trial.outside().stdout, b".");
}

#[test]
fn what_cannot_be_sent_is_a_typed_error() {
    let mut cx = Cx::default();
    assert_eq!(
        cx.emit("out", &BTreeMap::from([((1, 2), 3)])),
        Err(EmitError::NotJson("key must be a string".into()))
    );
    assert_eq!(
        cx.emit("out", &"x".repeat(17 << 20)),
        Err(EmitError::TooLarge(16 << 20))
    );
    let Err(EmitError::WrongType(TypeMismatch { .. })) = cx.emit_json("out", "{") else {
        panic!("half an object was sent");
    };
    for nth in 0..1_024 {
        assert_eq!(cx.emit("out", &nth), Ok(()));
    }
    assert_eq!(cx.emit("out", &0), Err(EmitError::Full(1_024)));
    cx.outside.outputs.insert("other".into());
    let fault: Fault = cx.emit("out", &0).expect_err("no such port").into();
    assert_eq!(
        (fault.code.as_str(), fault.message.as_str()),
        ("unknown-port", "there is no output `out`")
    );
}
