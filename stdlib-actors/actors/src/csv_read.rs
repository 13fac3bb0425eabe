//! `std/csv-read`: the records of a CSV file, one message each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use theater_flow_sdk::{Actor, Config, ConfigFault, Cx, Event, Fault, Next, Port};

mod columns;
mod header;
mod records;
mod rows;
#[cfg(test)]
mod tests;

use crate::basis::{Basis, bad_snapshot};
use columns::Plan;
use header::Header;
use records::{Cut, Parser, Records};
use rows::{Flawed, Rejected, Row};

/// Records of one event: half of what an event may emit.
const RECORDS_PER_EVENT: u32 = 512;
/// Bytes of records of one event, so that long ones do not make a huge transaction.
const BYTES_PER_EVENT: usize = 1 << 20;
/// Reads of one event: the way through a very long record takes more than one event.
const READS_PER_EVENT: u32 = 16;

/// The actor.
pub struct CsvRead(Config);

/// What the pipeline file says.
#[derive(Debug, Deserialize, Config)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The file.
    #[config(min_length = 1)]
    path: String,
    /// The one ASCII character between fields.
    #[serde(default = "default_delimiter")]
    #[config(min_length = 1, max_length = 1)]
    delimiter: String,
    /// The first record names the columns; or their names, if the file does not hold them.
    #[serde(default)]
    header: Header,
    /// The type of each column: string, bool, u8 to u64, s8 to s64, f64, or option<…> of one, for
    /// which an empty field is no value. Without this `out` holds objects of strings.
    #[config(min_properties = 1)]
    columns: Option<BTreeMap<String, String>>,
    /// What becomes of columns that are not in `columns`.
    #[serde(default)]
    extra: Extra,
    /// The name of one more field, which holds the line that the record begins in.
    #[config(min_length = 1)]
    line: Option<String>,
    /// Take white space off both ends of every field and name.
    #[serde(default)]
    trim: bool,
    /// Bytes of the longest record.
    // At most so many that it is a payload: every byte may take six in JSON, and it holds 16 MiB.
    #[serde(default = "default_max_record")]
    #[config(minimum = 1, maximum = 2_097_152)]
    max_record: usize,
    /// What becomes of a record that is wrong: it ends the reading, or goes to `rejected`.
    #[serde(default)]
    on_error: OnError,
}

#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Extra {
    #[default]
    Fault,
    Drop,
}

#[derive(Clone, Copy, PartialEq, Default, Debug, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum OnError {
    #[default]
    Fault,
    Reject,
}

fn default_delimiter() -> String {
    ",".to_owned()
}

const fn default_max_record() -> usize {
    1 << 20
}

/// Where in the file the actor stands.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct State {
    records: Records,
    /// The first record, if it names the columns.
    header: Option<Vec<String>>,
    #[serde(default)]
    basis: Basis,
}

/// What one event has done so far.
#[derive(Default)]
struct Done {
    records: u32,
    bytes: usize,
    reads: u32,
}

/// What an event works with. It is made again for the next.
struct Desk {
    parser: Parser,
    plan: Option<Plan>,
    done: Done,
}

impl Actor for CsvRead {
    type Config = Config;
    type State = State;

    const DOC: &'static str = include_str!("../../docs/csv-read.md");

    fn ports(config: &Config) -> Result<Vec<Port>, Vec<ConfigFault>> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let row = config.columns.as_ref().map(|columns| {
            let line = config.line.iter().map(|name| format!("{name}: u64"));
            let fields = columns.iter().map(|(name, word)| format!("{name}: {word}"));
            let fields: Vec<String> = fields.chain(line).collect();
            format!("{{ {} }}", fields.join(", "))
        });
        let row = row.unwrap_or_else(|| "json".to_owned());
        let mut ports = vec![Port::output("out", &row).doc("The records in their order.")];
        if config.on_error == OnError::Reject {
            let rejected = Port::output_of::<Rejected>("rejected").optional();
            ports.push(rejected.doc("The records that are wrong, by the lines they begin in."));
        }
        Ok(ports)
    }

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self(config))
    }

    fn take_up(&self, state: &mut State) -> Result<(), Fault> {
        let State {
            records, header, ..
        } = state;
        let begun = records.have_begun();
        let matters = |key: &str| begun && (key != "trim" || header.is_some());
        state.basis.go_over(&self.0.basis(), matters)?;
        let planned = header.as_ref().map(|names| self.0.plan(names));
        planned
            .transpose()
            .map(|_| ())
            .map_err(|message| bad_snapshot(format!("the header that it has: {message}")))
    }

    fn handle(&self, state: &mut State, event: Event, cx: &mut Cx) -> Result<Next, Fault> {
        match event {
            Event::Start => Ok(Next::More),
            Event::Pull => self.pull(state, cx),
            _ => Ok(Next::Wait),
        }
    }
}

impl Config {
    fn faults(&self) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        if !matches!(self.delimiter.as_bytes(), [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte))
        {
            let message = "expected one ASCII character that is neither a quote nor a line end";
            faults.push(ConfigFault::at(&["delimiter"], message));
        }
        if let Some(line) = &self.line
            && let Err(message) = columns::check_name(line)
        {
            faults.push(ConfigFault::at(&["line"], message));
        }
        if let Some(columns) = &self.columns {
            columns::check(columns, &mut faults);
        } else if self.extra == Extra::Drop {
            let message = "`extra` goes with `columns`; without them all columns are sent";
            faults.push(ConfigFault::at(&["extra"], message));
        }
        if let Header::Names(names) = &self.header
            && let Err(message) = self.plan(names)
        {
            faults.push(ConfigFault::at(&["header"], message));
        }
        faults
    }

    /// What a place in the file depends on, and the names that were read of it.
    fn basis(&self) -> Basis {
        let header = match self.header {
            Header::First => "the first record",
            Header::Names(_) => "a list",
        };
        Basis::default()
            .with("path", &*self.path)
            .with("delimiter", &*self.delimiter)
            .with("header", header)
            .with("trim", self.trim)
    }

    fn plan(&self, names: &[String]) -> Result<Plan, String> {
        let plan = columns::plan(names, self.columns.as_ref(), self.extra == Extra::Drop)?;
        match self.line.as_ref().filter(|line| names.contains(line)) {
            Some(line) => Err(format!(
                "the column `{line}` is named as `line` says of the line"
            )),
            None => Ok(plan),
        }
    }
}

impl CsvRead {
    /// Sends as many records as fit one event. A fault would take back the records before it, so it
    /// has to wait until it stands first in an event.
    fn pull(&self, state: &mut State, cx: &mut Cx) -> Result<Next, Fault> {
        let delimiter = self.0.delimiter.bytes().next().unwrap_or(b',');
        let (plan, done) = (None, Done::default());
        let mut desk = Desk {
            parser: Parser::new(delimiter),
            plan,
            done,
        };
        let next = loop {
            match self.step(state, &mut desk, cx) {
                Ok(None) => {}
                Ok(Some(next)) => break next,
                Err(_) if desk.done.records > 0 => break Next::More,
                Err(fault) => return Err(fault),
            }
        };
        state.records.compact();
        Ok(next)
    }

    /// Sends one record or reads one chunk; answers when the event is over.
    fn step(&self, state: &mut State, desk: &mut Desk, cx: &mut Cx) -> Result<Option<Next>, Fault> {
        match state.records.cut(&mut desk.parser, self.0.max_record) {
            Cut::Record(len) => {
                if self.0.header == Header::First && state.header.is_none() {
                    state.header = Some(self.header(&desk.parser)?);
                } else {
                    self.row(state, desk, cx)?;
                }
                state.records.advance(len);
                Ok(desk.done.with(len).then_some(Next::More))
            }
            Cut::TooLong(len) => {
                self.wrong(state, &rows::too_long(self.0.max_record), &[], cx)?;
                state.records.advance(len);
                Ok(desk.done.with(len).then_some(Next::More))
            }
            Cut::Endless => {
                self.wrong(state, &rows::too_long(self.0.max_record), &[], cx)?;
                state.records.give_up();
                desk.done.records += 1;
                Ok(None)
            }
            Cut::Unclosed => {
                self.wrong(state, &rows::unclosed(), &[], cx)?;
                state.records.give_up();
                desk.done.records += 1;
                Ok(None)
            }
            Cut::Unfinished if desk.done.reads < READS_PER_EVENT => {
                self.read(state, cx)?;
                desk.done.reads += 1;
                Ok(None)
            }
            Cut::Unfinished => Ok(Some(Next::More)),
            Cut::End if self.0.header == Header::First && state.header.is_none() => {
                let message = format!("`{}` is empty: it has no header", self.0.path);
                Err(Fault::new("bad-header", message))
            }
            Cut::End => Ok(Some(Next::Wait)),
        }
    }

    fn read(&self, state: &mut State, cx: &mut Cx) -> Result<(), Fault> {
        let path = &self.0.path;
        let chunk = cx
            .outside
            .read(path, state.records.offset, state.records.wanted());
        let chunk = chunk.map_err(|error| Fault::file("read", path, &error))?;
        state.records.push(&chunk);
        Ok(())
    }

    fn header(&self, parser: &Parser) -> Result<Vec<String>, Fault> {
        let name = |field| {
            let text = str::from_utf8(rows::trimmed(field, self.0.trim));
            text.map(str::to_owned)
                .map_err(|_| "a column's name is not UTF-8".to_owned())
        };
        let names: Result<Vec<String>, String> = parser.fields().map(name).collect();
        let checked = names.and_then(|names| self.0.plan(&names).map(|_| names));
        checked.map_err(|message| {
            Fault::new(
                "bad-header",
                format!("the header of `{}`: {message}", self.0.path),
            )
        })
    }

    /// Sends the record that the parser holds, or rejects it.
    fn row(&self, state: &State, desk: &mut Desk, cx: &mut Cx) -> Result<(), Fault> {
        let names = match (&self.0.header, &state.header) {
            (Header::Names(names), _) | (Header::First, Some(names)) => &names[..],
            (Header::First, None) => &[],
        };
        if desk.plan.is_none() {
            desk.plan = self.0.plan(names).ok();
        }
        let plan = desk.plan.as_deref().unwrap_or_default();
        let fields: Vec<&[u8]> = desk
            .parser
            .fields()
            .map(|field| rows::trimmed(field, self.0.trim))
            .collect();
        match Row::read(names, plan, &fields) {
            Ok(mut row) => {
                if let Some(name) = &self.0.line {
                    row.add_line(name, state.records.line());
                }
                Ok(cx.emit("out", &row)?)
            }
            Err(flawed) => self.wrong(state, &flawed, &fields, cx),
        }
    }

    /// A record that is wrong ends the reading, or goes another way.
    fn wrong(
        &self,
        state: &State,
        flawed: &Flawed,
        fields: &[&[u8]],
        cx: &mut Cx,
    ) -> Result<(), Fault> {
        let line = state.records.line();
        if self.0.on_error == OnError::Reject {
            return Ok(cx.emit("rejected", &flawed.rejected(line, fields))?);
        }
        let message = format!("`{}`, line {line}: {}", self.0.path, flawed.reason);
        Err(Fault::new(flawed.code, message))
    }
}

impl Done {
    /// Counts a record; true if the event has done enough.
    fn with(&mut self, len: usize) -> bool {
        self.records += 1;
        self.bytes += len;
        self.records >= RECORDS_PER_EVENT || self.bytes >= BYTES_PER_EVENT
    }
}
