//! What must be so when a simulated run is over.

use std::collections::BTreeMap;

use theater_flow::journal::Journal;
use theater_flow::memory::MemoryStore;
use theater_flow::recover;
use theater_flow::replay::{NoWorld, replay};
use theater_flow::sim::Machine;
use theater_flow_kernel::ids::{AgentId, Digest};
use theater_flow_kernel::record::{Body, Entry, Repeated, Status};

use super::piece::{FOUND, Piece};

/// What a run leaves.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Result {
    pub(crate) status: Status,
    pub(crate) found: Vec<u8>,
    pub(crate) printed: BTreeMap<AgentId, Vec<u8>>,
}

impl std::fmt::Debug for Result {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let printed: Vec<_> = self.printed.values().map(|bytes| shown(bytes)).collect();
        write!(f, "{:?}, found {}, printed {printed:?}", self.status, shown(&self.found))
    }
}

/// Long outputs, short: their lines, bytes and digest.
fn shown(bytes: &[u8]) -> String {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
    format!("{lines} lines, {} bytes, {:?}", bytes.len(), Digest::of(bytes))
}

/// The log as it is on the disk.
pub(crate) fn journal(machine: &Machine) -> Journal<MemoryStore> {
    Journal::open(machine.log().open()).expect("a log")
}

/// All records of a log.
pub(crate) fn records(machine: &Machine) -> Vec<Entry> {
    let journal = journal(machine);
    let entries = recover::entries(&journal, 0).expect("records");
    entries.map(|entry| entry.expect("a record")).collect()
}

/// Checks all that must be so, but for how often a line may have been printed, which the log says.
pub(crate) fn whole(piece: &Piece, machine: &Machine) -> Result {
    assert_eq!(machine.fouls(), [""; 0]);
    let journal = journal(machine);
    let verified = journal.verify(Some(journal.flushed())).expect("the log is whole");
    let again = replay(&journal, &piece.crew(|| Box::new(NoWorld))).expect("a replay");
    assert_eq!((again.records, again.differences), (verified.records, vec![]));
    assert!(again.calls > 0);
    let left: Vec<String> =
        machine.paths().into_iter().filter(|path| path.ends_with(".theater-flow")).collect();
    assert_eq!(left, [""; 0], "half-written files");
    let found = machine.file(FOUND).expect("the findings");
    let status = records(machine).into_iter().find_map(|entry| match entry.body {
        Body::Finished(finished) => Some(finished.status),
        _ => None,
    });
    Result { status: status.expect("the run is over"), found, printed: printed(machine) }
}

/// What each agent printed, without what was printed again. Each of these must be in the log.
fn printed(machine: &Machine) -> BTreeMap<AgentId, Vec<u8>> {
    let repeated: Vec<Repeated> = records(machine)
        .iter()
        .filter_map(|entry| match &entry.body {
            Body::Resumed(resumed) => Some(resumed.repeated.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let mut printed: BTreeMap<AgentId, Vec<u8>> = BTreeMap::new();
    for print in machine.prints() {
        let mine = printed.entry(print.agent).or_default();
        let from = usize::try_from(print.offset).expect("small");
        assert!(from <= mine.len(), "a hole before {from}");
        let twice = (mine.len() - from).min(print.bytes.len());
        assert_eq!(mine[from..from + twice], print.bytes[..twice], "other bytes than before");
        let to = print.offset + twice as u64;
        let said = repeated
            .iter()
            .any(|span| span.agent == print.agent && span.from <= print.offset && to <= span.to);
        assert!(twice == 0 || said, "{from} to {to} came twice, and the log says {repeated:?}");
        mine.extend_from_slice(&print.bytes[twice..]);
    }
    printed
}
