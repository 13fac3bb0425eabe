use std::fs;

use theater_flow_kernel::ids::Digest;

use super::*;
use crate::head::Reloads;

const NOW: u64 = 1_795_396_246_123;

fn data() -> (tempfile::TempDir, Data) {
    let dir = tempfile::tempdir().expect("a folder");
    let data = Data::new(dir.path().join("data"));
    (dir, data)
}

fn made(data: &Data, ms: u64, tag: u8) -> RunDir {
    data.create(new_id(ms, [tag; 10])).expect("a new run")
}

fn write_head(run: &RunDir, status: &str) {
    let (id, status) = (run.id.to_string(), status.to_owned());
    let head = Head {
        run: id,
        name: "p".into(),
        status,
        seq: 7,
        head: Digest::of(b"x"),
        at: NOW,
        parent: None,
        reloads: Reloads::default(),
    };
    head.write(&run.path).expect("a head");
}

#[test]
fn ids_are_uuids_of_version_7_and_sort_by_time() {
    let id = new_id(NOW, [0xff; 10]);
    assert_eq!(id.to_string(), "01a205f4-9a6b-7fff-bfff-ffffffffffff");
    assert_eq!(started_ms(id), NOW);
    assert!(new_id(NOW, [0xff; 10]) < new_id(NOW + 1, [0; 10]));
    assert_eq!(parse_id(&id.to_string()), Some(id));
}

#[test]
fn only_ids_are_read_as_ids() {
    let id = new_id(NOW, [1; 10]).to_string();
    let wrong = [
        String::new(),
        id.to_uppercase(),
        id.replace('-', ""),
        id.replace('0', "+"),
        format!("{id}0"),
        id.replace('1', "ä"),
        id[1..].to_owned(),
    ];
    for text in wrong {
        assert_eq!(parse_id(&text), None, "{text}");
    }
}

#[test]
fn runs_are_found_by_id_beginning_and_age() {
    let (_dir, data) = data();
    let old = made(&data, 0x1111_0000_0000, 1);
    let new = made(&data, 0x1112_0000_0000, 2);
    fs::write(data.runs().join("notes.txt"), "").expect("a file");
    assert_eq!(data.ids().expect("runs"), [new.id, old.id]);
    assert_eq!(data.resolve(LATEST).expect("a run"), new);
    assert_eq!(data.resolve("1111").expect("a run"), old);
    assert_eq!(data.resolve(&new.id.to_string().to_uppercase()).expect("a run"), new);
    let Err(RunsError::Ambiguous { ids, .. }) = data.resolve("111") else { panic!("two fit") };
    assert_eq!(ids, [new.id, old.id]);
    for name in ["12", "", "@oldest", "../1111"] {
        assert!(matches!(data.resolve(name), Err(RunsError::Unknown { .. })), "{name}");
    }
}

#[test]
fn an_unclear_name_names_the_runs() {
    let (_dir, data) = data();
    let runs: Vec<_> = (0..10).map(|nth| made(&data, NOW - nth, 0).id).collect();
    let error = data.resolve("01").expect_err("ten fit");
    assert_eq!(error.to_string(), "`01` is the beginning of 10 runs");
    let RunsError::Ambiguous { ids, .. } = error else { panic!("ten fit") };
    assert_eq!(ids, runs);
}

#[test]
fn without_a_folder_nothing_is_listed_and_nothing_is_found() {
    let (dir, data) = data();
    assert_eq!(data.list().expect("an empty list"), []);
    assert!(matches!(data.resolve(LATEST), Err(RunsError::NoData { .. })));
    assert!(!dir.path().join("data").exists(), "reading makes nothing");
    let run = made(&data, NOW, 1);
    fs::remove_dir(&run.path).expect("it is empty");
    assert!(matches!(data.resolve(LATEST), Err(RunsError::Unknown { .. })));
}

#[test]
fn a_run_is_made_once_and_for_this_user_only() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, data) = data();
    let run = made(&data, NOW, 1);
    let again = data.create(run.id);
    assert!(matches!(again, Err(RunsError::Store(StoreError::Exists { .. }))), "{again:?}");
    let mode = fs::metadata(&run.path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_run_has_one_owner_at_a_time() {
    let (_dir, data) = data();
    let run = made(&data, NOW, 1);
    assert_eq!(owner(&run.path), None);
    let mine = Ownership::take(&run.path).expect("it is free");
    assert_eq!(owner(&run.path), Some(std::process::id()));
    let Err(Held::By { pid }) = Ownership::take(&run.path) else { panic!("it is held") };
    assert_eq!(pid, std::process::id());
    drop(mine);
    assert_eq!(owner(&run.path), None);
    Ownership::take(&run.path).expect("it is free again");
}

#[test]
fn the_list_tells_how_runs_are() {
    let (_dir, data) = data();
    let statuses =
        ["completed", "degraded", "failed", "suspended", "waiting", "running", "stopping"];
    let runs: Vec<_> = (0..).zip(statuses).map(|(nth, _)| made(&data, NOW - nth, 0)).collect();
    for (run, status) in runs.iter().zip(statuses) {
        write_head(run, status);
    }
    let bare = made(&data, NOW - 100, 0);
    let bad = made(&data, NOW - 101, 0);
    fs::write(bad.path.join("head.json"), "{").expect("a file");
    let told = || data.list().expect("runs").into_iter().map(|run| run.status).collect::<Vec<_>>();
    let rest = ["interrupted", "interrupted", "interrupted", "damaged"];
    assert_eq!(told(), [&statuses[..5], &rest].concat());
    let held = [&runs[0], &bare].map(|run| Ownership::take(&run.path).expect("it is free"));
    assert_eq!(told()[0], "running");
    assert_eq!(told()[7], "running");
    drop(held);
    assert_eq!(told()[0], "completed");
}

#[test]
fn the_list_is_told() {
    let (_dir, data) = data();
    write_head(&made(&data, NOW, 0xaa), "completed");
    made(&data, NOW - 1, 0xbb);
    let runs = data.list().expect("runs");
    let lines = crate::view::run_lines(&runs, crate::render::Look::PLAIN);
    let expected = [
        "01a205f4-9a6b-7aaa-aaaa-aaaaaaaaaaaa  completed    p  2026-11-23T01:10:46.123Z  7 records",
        "01a205f4-9a6a-7bbb-bbbb-bbbbbbbbbbbb  interrupted  -  2026-11-23T01:10:46.122Z",
    ];
    assert_eq!(lines, expected);
    let json = crate::view::run_json(&runs[0]).to_string();
    let head = Digest::of(b"x");
    let expected = format!(
        "{{\"run\":\"{}\",\"name\":\"p\",\"status\":\"completed\",\"started\":{NOW},\"records\":7,\
        \"head\":\"{head}\",\"pid\":null,\"parent\":null,\"after\":null,\"reload\":null,\"waits\":null,\"widens\":[]}}",
        runs[0].id
    );
    assert_eq!(json, expected);
}

#[test]
fn a_run_that_is_being_made_is_not_listed_and_goes_when_its_maker_is_gone() {
    let (_dir, data) = data();
    let id = |tag| new_id(NOW, [tag; 10]);
    let first = data.begin(id(1)).expect("a new run");
    assert_eq!((data.ids().expect("runs"), first.run().path.exists()), (vec![], true));
    let second = data.begin(id(2)).expect("a new run");
    let left = first.run().path.clone();
    assert!(left.exists(), "its maker lives");
    drop(first);
    let third = data.begin(id(3)).expect("a new run");
    assert!(!left.exists(), "nobody makes it any more");
    assert_eq!(data.ids().expect("runs"), []);
    assert!(matches!(data.resolve(&id(2).to_string()), Err(RunsError::Unknown { .. })));
    let run = second.whole().expect("it is made");
    assert_eq!(data.ids().expect("runs"), [run.id]);
    assert_eq!(owner(&run.path), None);
    drop(third);
    let whole = data.begin(id(4)).expect("a new run").whole().expect("it is made");
    assert_eq!(data.ids().expect("runs"), [whole.id, run.id]);
    assert_eq!(fs::read_dir(data.runs()).expect("a folder").count(), 2);
}
