//! The actors of the standard catalogue, one module each, and the list of their components.
//!
//! A component is `examples/<name>.rs`, three lines that export the module's actor; the tool in
//! `build/` makes `prebuilt/<name>.wasm` of it.

pub mod aggregate;
mod basis;
#[cfg(test)]
mod chance;
pub mod csv_read;
mod cutter;
pub mod dedupe;
pub mod delay;
mod duration;
mod fields;
pub mod file_lines;
pub mod file_read;
pub mod file_walk;
pub mod file_write;
pub mod filter;

pub mod http;
mod jq;
mod lines;
pub mod map;
mod mark;
pub mod matching;
mod order;
pub mod probe;
pub mod report;
pub mod route;
pub mod sort;
pub mod split;
pub mod stdin_lines;
pub mod stdout;
pub mod template;
mod text_lines;
pub mod timer;
pub mod window;

use theater_flow_sdk::{Actor, ConfigSchema, Schema};

/// A component as its sources describe it.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// The file's name without `.wasm`. In a pipeline file `std/<name>`, but for the probes.
    pub name: &'static str,
    /// What the component says of itself; its last line lists the imports: `Uses: files, outbox.`
    pub doc: &'static str,
    /// JSON Schema of the config.
    pub config_schema: Schema,
    /// True if it has no snapshots.
    pub stateless: bool,
}

impl Listed {
    const fn of<A: Actor>(name: &'static str) -> Self {
        Self {
            name,
            doc: A::DOC,
            config_schema: A::Config::SCHEMA,
            stateless: A::STATELESS,
        }
    }

    /// The interfaces of `theater:flow` that the doc says the component imports.
    pub fn uses(&self) -> impl Iterator<Item = &'static str> {
        let end = self.doc.lines().last().unwrap_or_default();
        let names = end.strip_prefix("Uses: ").unwrap_or_default();
        names
            .trim_end_matches('.')
            .split(", ")
            .filter(|name| !name.is_empty())
    }
}

/// Every component that has a Rust source, by name.
pub const CATALOGUE: &[Listed] = &[
    Listed::of::<aggregate::Aggregate>("aggregate"),
    Listed::of::<csv_read::CsvRead>("csv-read"),
    Listed::of::<dedupe::Dedupe>("dedupe"),
    Listed::of::<delay::Delay>("delay"),
    Listed::of::<file_lines::FileLines>("file-lines"),
    Listed::of::<file_read::FileRead>("file-read"),
    Listed::of::<file_walk::FileWalk>("file-walk"),
    Listed::of::<file_write::FileWrite>("file-write"),
    Listed::of::<filter::Filter>("filter"),
    Listed::of::<http::Http>("http"),
    Listed::of::<map::Map>("map"),
    Listed::of::<matching::Match>("match"),
    Listed::of::<probe::Probe>("probe"),
    Listed::of::<probe::ProbeFull>("probe-full"),
    Listed::of::<report::Report>("report"),
    Listed::of::<route::Route>("route"),
    Listed::of::<sort::Sort>("sort"),
    Listed::of::<split::Split>("split"),
    Listed::of::<stdin_lines::StdinLines>("stdin-lines"),
    Listed::of::<stdout::Stdout>("stdout"),
    Listed::of::<template::Template>("template"),
    Listed::of::<timer::Timer>("timer"),
    Listed::of::<window::Window>("window"),
];

#[cfg(test)]
mod tests {
    use super::CATALOGUE;

    #[test]
    fn every_doc_begins_with_a_sentence_and_ends_with_the_imports() {
        for listed in CATALOGUE {
            let first = listed.doc.lines().next().unwrap_or_default();
            assert!(
                first.ends_with('.') && first.len() <= 100,
                "{}: {first}",
                listed.name
            );
            assert!(listed.uses().count() > 0, "{}", listed.name);
        }
    }

    #[test]
    fn every_schema_is_an_object_schema_that_admits_no_other_keys() {
        for listed in CATALOGUE {
            let schema: serde_json::Value =
                serde_json::from_str(&listed.config_schema.text()).expect(listed.name);
            assert_eq!(schema["type"], "object", "{}", listed.name);
            assert_eq!(schema["additionalProperties"], false, "{}", listed.name);
        }
    }
}
