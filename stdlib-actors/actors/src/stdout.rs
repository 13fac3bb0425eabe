//! `std/stdout`: messages to standard output, one line each.

use serde::Deserialize;
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Next, Port};

use crate::lines::{self, Format};

/// The actor.
pub struct Stdout(Config);

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    format: Format,
    /// With `text`: the field to write; without it the whole message.
    field: Option<String>,
}

impl Actor for Stdout {
    type Config = Config;
    type State = ();

    const DOC: &'static str = include_str!("../../docs/stdout.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        lines::check(config.format, config.field.as_deref(), &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(vec![Port::input("in", "json").doc("What is written.")])
    }

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self(config))
    }

    fn handle(&self, (): &mut (), event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        if let Event::Message(message) = event {
            let line = lines::line(self.0.format, self.0.field.as_deref(), &message)?;
            cx.outside.write_stdout(&line);
        }
        Ok(Next::Wait)
    }
}

#[cfg(test)]
mod tests {
    use theater_flow_sdk::Trial;

    use super::*;

    #[test]
    fn messages_become_lines() {
        let mut trial = Trial::<Stdout>::new("{}").expect("a good config");
        assert_eq!(trial.handle(Event::Start).next, Ok(Next::Wait));
        assert_eq!(trial.message("in", r#"{"a":1}"#).next, Ok(Next::Wait));
        trial.restore().expect("no fault");
        assert_eq!(trial.message("in", "2").next, Ok(Next::Wait));
        assert_eq!(
            trial.handle(Event::Closed("in".into())).next,
            Ok(Next::Wait)
        );
        assert_eq!(trial.outside().stdout, b"{\"a\":1}\n2\n");
        assert_eq!((trial.snapshot(), Stdout::STATELESS), (Vec::new(), true));
    }

    #[test]
    fn a_message_without_the_field_is_a_fault_and_writes_nothing() {
        let mut trial =
            Trial::<Stdout>::new(r#"{"format":"text","field":"a"}"#).expect("a good config");
        assert_eq!(
            trial.message("in", "{}").next.expect_err("no field").code,
            "no-field"
        );
        assert_eq!(trial.message("in", r#"{"a":"x"}"#).next, Ok(Next::Wait));
        assert_eq!(trial.outside().stdout, b"x\n");
    }

    #[test]
    fn bad_configs_are_refused_with_their_place() {
        for (config, pointer) in [
            (r#"{"field":"a"}"#, "/field"),
            (r#"{"format":"csv"}"#, "/format"),
            (r#"{"path":"a"}"#, "/path"),
            ("[]", ""),
        ] {
            let faults = Trial::<Stdout>::new(config).err().expect("a bad config");
            assert_eq!(faults[0].pointer, pointer, "{config}");
        }
    }
}
