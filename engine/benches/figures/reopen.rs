//! A log that has grown: how long a run takes to be taken up, and to be checked, by its length.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use theater_flow::journal::Journal;
use theater_flow::prune::disk_bytes;
use theater_flow::session::{Left, Place};
use theater_flow::store::SledStore;
use theater_flow_kernel::block::StoredPayload;

use super::{Figure, pipeline};

/// Records that a message makes: each of four stages handles it.
const RECORDS_A_MESSAGE: u64 = 4;
/// How often each is measured.
const RUNS: usize = 5;

pub(super) fn figures() -> Vec<Figure> {
    let lengths = [1_000_u64, 10_000, 100_000, 1_000_000];
    let mut figures = vec![];
    let mut first = None;
    for length in lengths {
        let ran = pipeline::ran(&pipeline::hops(length / RECORDS_A_MESSAGE), &[]);
        let place = Place { components: ran.run.join("components"), folder: ran.run.clone() };
        let journal = open(&place);
        let records = journal.flushed().seq;
        drop(journal);
        let taken_up = median(|| {
            // It is over, which is found out behind all that a run that goes on needs.
            std::hint::black_box(Left::open(&place).is_err());
        });
        let first = *first.get_or_insert(taken_up);
        let times = taken_up.as_secs_f64() / first.as_secs_f64();
        let what = format!("open a run of {records} records and make its state");
        figures.push(Figure::new(what, ms(taken_up), format!("{times:.2} times the first")));
        if length == lengths[lengths.len() - 1] {
            figures.extend(checked(&place, records));
        }
    }
    figures
}

/// `verify`, beside a plain hash of the same bytes; and bytes a record.
fn checked(place: &Place, records: u64) -> Vec<Figure> {
    let journal = open(place);
    let mut bytes = 0;
    for stored in journal.records(0).expect("a log") {
        let stored = stored.expect("it is whole");
        let payloads = stored.payloads.iter().filter_map(StoredPayload::bytes);
        bytes += stored.preimage.len() + payloads.map(|bytes| bytes.len()).sum::<usize>();
    }
    let verified = median(|| drop(std::hint::black_box(journal.verify(None).expect("whole"))));
    let file = place.folder.join("same-bytes");
    std::fs::write(&file, vec![b'x'; bytes]).expect("a file");
    let summed = median(|| {
        let sum = Command::new("sha256sum").arg(&file).output();
        assert!(sum.is_ok_and(|sum| sum.status.success()), "`sha256sum` runs");
    });
    std::fs::remove_file(&file).expect("it is there");
    let disk = disk_bytes(&place.folder.join("db"));
    let ratio = summed.as_secs_f64() / verified.as_secs_f64();
    let beside =
        format!("`sha256sum` of the same {bytes} bytes: {}; {ratio:.2} times as fast", ms(summed));
    vec![
        Figure::new(format!("verify {records} records"), ms(verified), beside),
        Figure::new(
            "bytes on the disk a record",
            format!("{} B", disk / records),
            format!("preimage and payloads: {} B", bytes as u64 / records),
        ),
    ]
}

fn open(place: &Place) -> Journal<SledStore> {
    let db: &Path = &place.folder.join("db");
    Journal::open(SledStore::open(db).expect("a store")).expect("a log")
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
