//! An actor for theater-flow. `cargo doc --open -p theater-flow-sdk` has the guide to all of it.

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Level, Next, Port, Typed};

/// The actor: made from its config at the beginning of every life, and never changed.
pub struct Finder(Config);

/// What `config` of the pipeline file may hold. Comments here are what users read.
#[derive(Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What a line must hold to be sent on.
    #[config(min_length = 1)]
    word: String,
    /// Whether capitals are the same as small letters.
    #[serde(default)]
    ignore_case: bool,
    /// How many lines are sent on; without it all.
    #[config(minimum = 1)]
    at_most: Option<u64>,
}

/// All that may change. It is saved, and a new life goes on with it after a crash. So does a new version of the
/// actor, in a run that goes over to it: if this then has another form, the SDK's guide tells of `migrate`.
#[derive(Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    found: u64,
}

/// A message that comes in. A producer may have more fields than these.
#[derive(Deserialize, Typed)]
struct Line {
    line: u64,
    text: String,
}

/// A message that goes out.
#[derive(Serialize, Typed)]
struct Found<'a> {
    /// Counted from 1.
    nth: u64,
    line: u64,
    text: &'a str,
}

impl Actor for Finder {
    type Config = Config;
    type State = State;

    const DOC: &'static str = "Sends on the lines that hold a word, and counts them.";

    // Here is the place to refuse a config for reasons that its type cannot tell.
    fn ports(_: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        Ok(vec![
            Port::input_of::<Line>("in").doc("Lines of a file."),
            Port::output_of::<Found>("out").doc("Those that hold the word."),
        ])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self(config))
    }

    // One event is one transaction: all that is sent and written takes effect together, or none of it.
    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Message(message) => {
                let Line { line, text } = message.read()?;
                if self.fits(&text) && self.0.at_most.is_none_or(|most| state.found < most) {
                    let nth = state.found + 1;
                    cx.emit(
                        "out",
                        &Found {
                            nth,
                            line,
                            text: &text,
                        },
                    )?;
                    // Last: a fault takes back what was sent, but not this.
                    state.found = nth;
                }
            }
            Event::Closed(_) => {
                let Config { word, .. } = &self.0;
                cx.log(Level::Info, &format!("{} lines hold `{word}`", state.found));
            }
            _ => {}
        }
        Ok(Next::Wait)
    }
}

impl Finder {
    fn fits(&self, text: &str) -> bool {
        let Config {
            word, ignore_case, ..
        } = &self.0;
        if *ignore_case {
            text.to_lowercase().contains(&word.to_lowercase())
        } else {
            text.contains(word)
        }
    }
}

theater_flow_sdk::export!(Finder);

#[cfg(test)]
mod tests {
    use theater_flow_sdk::Trial;

    use super::*;

    #[test]
    fn lines_with_the_word_are_counted() {
        let mut trial = Trial::<Finder>::new(r#"{ "word": "tea" }"#).expect("a good config");
        let handled = trial.message("in", r#"{ "line": 7, "text": "tea, please" }"#);
        let sent = r#"{"nth":1,"line":7,"text":"tea, please"}"#;
        assert_eq!(handled.emitted, [("out".to_owned(), sent.to_owned())]);
        assert!(
            trial
                .message("in", r#"{ "line": 8, "text": "Tea" }"#)
                .emitted
                .is_empty()
        );
        // As after a crash: a new life, with the state of the old one.
        trial.restore().expect("it goes on");
        assert_eq!(trial.state(), &State { found: 1 });
    }

    #[test]
    fn no_more_are_sent_than_asked_for() {
        let config = r#"{ "word": "TEA", "ignore-case": true, "at-most": 1 }"#;
        let mut trial = Trial::<Finder>::new(config).expect("a good config");
        let mut send = |text| trial.message("in", text).emitted.len();
        assert_eq!(send(r#"{ "line": 1, "text": "tea" }"#), 1);
        assert_eq!(send(r#"{ "line": 2, "text": "tea" }"#), 0);
    }

    #[test]
    fn bad_configs_and_messages_are_refused() {
        for (config, pointer) in [
            (r#"{}"#, ""),
            (r#"{ "word": "" }"#, "/word"),
            (r#"{ "word": "x", "at-most": 0 }"#, "/at-most"),
            (r#"{ "word": "x", "case": false }"#, "/case"),
        ] {
            let faults = Trial::<Finder>::new(config).err().expect("a bad config");
            assert_eq!(faults[0].pointer, pointer, "{config}");
        }
        let mut trial = Trial::<Finder>::new(r#"{ "word": "x" }"#).expect("a good config");
        let fault = trial
            .message("in", r#"{ "text": "x" }"#)
            .next
            .expect_err("no line");
        assert_eq!(fault.code, "bad-message");
    }
}
