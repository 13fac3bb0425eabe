use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use std::{fs, iter};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::place::folder;
use super::server::Bounds;
use super::*;
use crate::causes::Direction;
use crate::letters::{Deed, Which};

mod attacks;
mod live;
mod places;

/// A run that does as it is told.
#[derive(Default)]
struct Stage {
    lines: Mutex<Vec<String>>,
    over: AtomicBool,
    stops: Mutex<Vec<String>>,
    /// The seq from which on records cannot be read.
    damaged: Mutex<Option<u64>>,
    /// Makes `verify` say that it has begun, and wait.
    held: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Stage {
    fn push(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

impl Shown for Stage {
    fn hello(&self) -> Value {
        json!({ "protocol": PROTOCOL, "run": "r1" })
    }

    fn events(&self, from: u64, most: usize) -> Result<Lines, String> {
        // Before the lines: what is over has no more of them.
        let over = self.over.load(Ordering::SeqCst);
        let all = self.lines.lock().unwrap();
        let first = usize::try_from(from).unwrap().min(all.len());
        let damaged = self.damaged.lock().unwrap().unwrap_or(u64::MAX);
        let lines: Vec<_> = all[first..].iter().take(most).cloned().collect();
        let next = from + lines.len() as u64;
        if next > damaged {
            return Err(format!("record {damaged} is damaged"));
        }
        Ok(Lines { lines, next, over })
    }

    fn pairs(&self, span: &Span) -> Result<Vec<Pair>, String> {
        let key = if span.last { &span.to } else { &span.from };
        Ok(vec![(key.clone(), vec![7; 16 << 10])])
    }

    fn verify(&self, _: Option<Digest>) -> Result<Value, String> {
        let held = self.held.lock().unwrap().take();
        if let Some((begun, go)) = held {
            begun.send(()).unwrap();
            let _ = go.recv();
        }
        Ok(json!({ "records": self.lines.lock().unwrap().len() }))
    }

    fn tree(&self) -> Result<Value, String> {
        if self.over.load(Ordering::SeqCst) {
            Err("the tree is gone".into())
        } else {
            panic!("tree")
        }
    }

    fn why(&self, question: Question, look: Look) -> Result<Value, String> {
        Ok(json!({ "text": format!("{question:?} {look:?}") }))
    }

    fn show(&self, what: Ref, look: Look) -> Result<Value, String> {
        Ok(json!({ "text": format!("{what} {look:?}") }))
    }

    fn waiting(&self) -> Result<Value, String> {
        Ok(json!([]))
    }

    fn approve(&self, id: u64, repeat: bool, uid: u32) -> Result<Value, String> {
        Ok(json!({ "recorded": true, "id": id, "repeat": repeat, "uid": uid }))
    }

    fn letters(&self, order: Order, uid: u32) -> Result<Value, String> {
        Ok(json!({ "order": format!("{order:?}"), "uid": uid }))
    }

    fn reload(&self, _: ReloadAsk, _: u32) -> Result<Value, String> {
        Err(String::from("nothing to reload"))
    }

    fn pause(&self, still: bool, uid: u32) -> Result<Value, String> {
        Ok(json!({ "recorded": true, "still": still, "uid": uid }))
    }

    fn send(&self, to: &str, value: String, uid: u32) -> Result<Value, String> {
        Ok(json!({ "recorded": true, "to": to, "value": value, "uid": uid }))
    }

    fn channels(&self) -> Result<(Vec<String>, u64), String> {
        Ok((vec!["even.out".into(), "odd.out".into()], self.lines.lock().unwrap().len() as u64))
    }

    /// Every other record is a message of either channel.
    fn messages(&self, from: u64, most: usize, pattern: &Pattern) -> Result<Lines, String> {
        let mut read = self.events(from, most)?;
        let channel = |seq: u64| if seq.is_multiple_of(2) { "even.out" } else { "odd.out" };
        let mut seqs = from..;
        read.lines.retain(|_| seqs.next().is_some_and(|seq| pattern.matches(channel(seq))));
        Ok(read)
    }

    fn stop(&self, by: &str, haste: Haste) {
        self.stops.lock().unwrap().push(format!("{by}, {haste:?}"));
    }
}

/// A run's folder, a folder for sockets, and a run that is shown there.
struct House {
    dir: TempDir,
    stage: Arc<Stage>,
    server: Server,
}

impl House {
    fn new() -> Self {
        Self::with(Bounds { pause: Duration::from_millis(1), ..Bounds::default() })
    }

    fn with(bounds: Bounds) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("run")).unwrap();
        let stage = Arc::<Stage>::default();
        let sockets = folder(None, dir.path()).unwrap();
        let shown = Arc::clone(&stage);
        let server = Server::start_in(&sockets, &dir.path().join("run"), shown, bounds).unwrap();
        Self { dir, stage, server }
    }

    fn client(&self) -> Client {
        Client::connect(&self.dir.path().join("run")).unwrap().unwrap()
    }

    /// Sends bytes and leaves it at that.
    fn raw(&self, bytes: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.server.path()).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream
    }

    /// Follows the records from `from` on, on a thread.
    fn follow(&self, from: u64) -> Follower {
        let client = self.client();
        let (sender, lines) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut each = lines_only(|line: &str| sender.send(line.to_owned()).is_ok());
            client.events(from, true, &mut each)
        });
        Follower { lines, thread }
    }
}

struct Follower {
    lines: Receiver<String>,
    thread: thread::JoinHandle<Result<(), SocketError>>,
}

impl Follower {
    fn next(&self) -> String {
        self.lines.recv_timeout(Duration::from_mins(1)).unwrap()
    }

    /// What is left when it has ended.
    fn end(self) -> Vec<String> {
        self.thread.join().unwrap().unwrap();
        self.lines.iter().collect()
    }
}

/// Does not heed pauses.
fn lines_only(mut each: impl FnMut(&str) -> bool) -> impl FnMut(Heard<'_>) -> bool {
    move |heard| match heard {
        Heard::Line(line) => each(line),
        Heard::Pause => true,
    }
}

fn read(client: &Client, from: u64) -> Result<Vec<String>, SocketError> {
    let mut lines = vec![];
    let mut each = lines_only(|line: &str| {
        lines.push(line.to_owned());
        true
    });
    client.events(from, false, &mut each)?;
    drop(each);
    Ok(lines)
}

#[test]
fn a_client_is_told_what_the_run_says() {
    let house = House::new();
    house.stage.push("a");
    let client = house.client();
    assert_eq!(client.hello().unwrap(), json!({ "protocol": 1, "run": "r1" }));
    assert_eq!(client.verify(None).unwrap(), json!({ "records": 1 }));
    let hastes = [Haste::Usual, Haste::Within(2_500), Haste::Now];
    for haste in hastes {
        client.stop(haste).unwrap();
    }
    let stops = house.stage.stops.lock().unwrap();
    assert_eq!(stops.len(), 3);
    for (stop, haste) in stops.iter().zip(hastes) {
        assert!(stop.starts_with(&format!("process {} of user ", std::process::id())), "{stop}");
        assert!(stop.ends_with(&format!(", {haste:?}")), "{stop}");
    }
}

#[test]
fn an_order_about_letters_arrives_as_it_was_given() {
    let house = House::new();
    let client = house.client();
    let all = |agent: Option<&str>| Which::All { agent: agent.map(str::to_owned) };
    for which in [Which::These(vec![3, u64::MAX]), all(None), all(Some("part/scan"))] {
        for deed in [Deed::Retry, Deed::Drop] {
            let order = Order { deed, which: which.clone() };
            let told = client.letters(&order).unwrap();
            assert_eq!(told["order"], format!("{order:?}"));
            assert_eq!(told["uid"], rustix::process::getuid().as_raw());
        }
    }
}

#[test]
fn errors_and_panics_of_a_look_are_answers() {
    let house = House::new();
    let client = house.client();
    let refusal = || match client.tree() {
        Err(SocketError::Refused { status, what }) => (status, what),
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(), (500, "the run could not be read: an internal error".into()));
    house.stage.end();
    assert_eq!(refusal(), (500, "the tree is gone".into()));
    client.hello().unwrap();
}

#[test]
fn records_come_whole_and_in_order_from_where_they_are_asked_for() {
    let house = House::new();
    let lines: Vec<_> = (0..1_000).map(|n| format!("{n}:{}", "é".repeat(n * n % 977))).collect();
    for line in &lines {
        house.stage.push(line);
    }
    house.stage.push(&"x".repeat(3 << 20));
    let client = house.client();
    for from in [0, 1, 255, 256, 257, 744, 745, 999] {
        let found = read(&client, from as u64).unwrap();
        assert_eq!(found.len(), 1_001 - from, "from {from}");
        assert!(found[..1_000 - from] == lines[from..], "from {from}");
    }
    assert_eq!(read(&client, 1_000).unwrap()[0].len(), 3 << 20);
    for from in [1_001, u64::MAX] {
        assert!(read(&client, from).unwrap().is_empty());
    }
}

#[test]
fn a_record_is_shown_as_it_is_wanted() {
    let house = House::new();
    let look = Look { width: Some(80), colour: true };
    let shown = |what, look| house.client().show(what, look).unwrap();
    assert_eq!(shown(Ref::part(3, 1), look), json!({ "text": format!("3.1 {look:?}") }));
    assert_eq!(
        shown(Ref::record(9), Look::PLAIN),
        json!({ "text": format!("9 {:?}", Look::PLAIN) })
    );
}

#[test]
fn a_question_comes_as_it_was_asked() {
    let house = House::new();
    let look = Look { width: Some(80), colour: true };
    for (what, direction, json) in
        [(Ref::part(3, 1), Direction::Causes, false), (Ref::record(9), Direction::Effects, true)]
    {
        let question = Question { what, direction, json };
        let answer = house.client().why(question, look).unwrap();
        assert_eq!(answer, json!({ "text": format!("{question:?} {look:?}") }));
    }
}

#[test]
fn what_waits_is_written_out_between_batches() {
    let house = House::new();
    (0..3).for_each(|n| house.stage.push(&n.to_string()));
    let (mut lines, mut paused) = (0, vec![]);
    let mut each = |heard: Heard<'_>| {
        match heard {
            Heard::Line(_) => lines += 1,
            Heard::Pause => paused.push(lines),
        }
        true
    };
    house.client().events(0, false, &mut each).unwrap();
    assert_eq!(paused, [3]);
}

#[test]
fn a_reader_may_leave() {
    let house = House::new();
    (0..600).for_each(|n| house.stage.push(&n.to_string()));
    for wanted in [1, 300] {
        let mut got = 0;
        let each = |_: &str| {
            got += 1;
            got < wanted
        };
        house.client().events(0, true, &mut lines_only(each)).unwrap();
        assert_eq!(got, wanted);
    }
}

#[test]
fn followers_see_what_comes_later_and_end_with_the_run() {
    let house = House::new();
    house.stage.push("0");
    let (first, second) = (house.follow(0), house.follow(1));
    assert_eq!(first.next(), "0");
    for n in 1..20 {
        house.stage.push(&n.to_string());
        for follower in [&first, &second] {
            assert_eq!(follower.next(), n.to_string());
        }
    }
    house.stage.push("last");
    house.stage.end();
    assert_eq!([first.end(), second.end()], [["last"], ["last"]]);
}

#[test]
fn followers_are_told_what_is_written_when_the_server_goes() {
    let house = House::with(Bounds { pause: Duration::from_hours(1), ..Bounds::default() });
    house.stage.push("0");
    let follower = house.follow(0);
    assert_eq!(follower.next(), "0");
    (1..1_000).for_each(|n| house.stage.push(&n.to_string()));
    drop(house.server);
    assert_eq!(follower.end().len(), 999);
}

#[test]
fn a_log_that_cannot_be_read_is_told_apart_from_its_end() {
    let house = House::new();
    (0..600).for_each(|n| house.stage.push(&n.to_string()));
    *house.stage.damaged.lock().unwrap() = Some(512);
    let mut count = 0;
    let each = |_: &str| {
        count += 1;
        true
    };
    let cut = house.client().events(0, false, &mut lines_only(each));
    assert!(matches!(cut, Err(SocketError::Cut)), "{cut:?}");
    assert!(count <= 512);
    let refused = read(&house.client(), 512);
    let Err(SocketError::Refused { status: 500, what }) = refused else { panic!("{refused:?}") };
    assert_eq!(what, "record 512 is damaged");
}
