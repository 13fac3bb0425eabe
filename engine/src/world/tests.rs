//! The real world, with a guest that wants out of it.

use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use theater_flow_kernel::gate::{FileErrorCode, FileKind, Located, StdinError, World};
use theater_flow_kernel::ids::AgentId;
use theater_flow_kernel::limits;
use theater_flow_kernel::plan::Root;

use super::{Outside, Place, RealWorld, Stdin};

struct Scene {
    _temporary: tempfile::TempDir,
    /// `in/` is granted, `secret` beside it is not.
    base: PathBuf,
    root: Root,
    outside: Outside,
}

fn scene() -> Scene {
    let temporary = tempfile::tempdir().unwrap();
    let base = temporary.path().canonicalize().unwrap();
    fs::create_dir_all(base.join("in/sub")).unwrap();
    fs::write(base.join("in/a.txt"), "0123456789").unwrap();
    fs::write(base.join("in/sub/b.txt"), "b").unwrap();
    fs::write(base.join("secret"), "secret").unwrap();
    let root = root(&base.join("in"));
    Scene { _temporary: temporary, base, root, outside: Outside::new() }
}

fn root(path: &Path) -> Root {
    Root { name: String::from("./in"), path: path.to_str().unwrap().to_string() }
}

fn at<'a>(root: &'a Root, rest: &str) -> Located<'a> {
    Located { root, rest: String::from(rest) }
}

impl Scene {
    fn world(&self, agent: u32) -> RealWorld {
        RealWorld::new(AgentId(agent), &self.outside)
    }

    /// All ways to touch a path fail; the code of reading it.
    fn refused(&self, rest: &str) -> FileErrorCode {
        let mut world = self.world(0);
        assert!(world.list(&at(&self.root, rest)).is_err(), "list {rest}");
        assert!(world.claim(&at(&self.root, rest), false).is_err(), "claim {rest}");
        let error = world.read(&at(&self.root, rest), 0, 10).unwrap_err();
        let ours = self.base.to_str().unwrap();
        assert!(rest.contains(ours) || !error.message.contains(ours), "{error:?}");
        error.code
    }
}

#[test]
fn a_file_is_read_by_pieces() {
    let scene = scene();
    let mut world = scene.world(0);
    let cases: [(u64, u32, &[u8]); 6] = [
        (0, 4, b"0123"),
        (8, 4, b"89"),
        (10, 4, b""),
        (1 << 40, 4, b""),
        (0, 0, b""),
        (3, u32::MAX, b"3456789"),
    ];
    for (offset, len, expected) in cases {
        assert_eq!(world.read(&at(&scene.root, "a.txt"), offset, len).unwrap(), expected);
    }
    assert_eq!(world.read(&at(&scene.root, "sub/b.txt"), 0, 9).unwrap(), b"b");
    assert!(world.read(&at(&scene.root, "a.txt"), u64::MAX, 1).is_err());
}

#[test]
fn a_folder_is_listed_by_name() {
    let scene = scene();
    symlink("a.txt", scene.base.join("in/link")).unwrap();
    fs::write(scene.base.join("in/Z"), "").unwrap();
    let entries = scene.world(0).list(&at(&scene.root, "")).unwrap();
    let seen: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    let expected = [
        ("Z", FileKind::File),
        ("a.txt", FileKind::File),
        ("link", FileKind::Other),
        ("sub", FileKind::Folder),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn kinds_and_sizes() {
    let scene = scene();
    let mut world = scene.world(0);
    let stat = world.stat(&at(&scene.root, "a.txt")).unwrap();
    assert_eq!((stat.kind, stat.size), (FileKind::File, 10));
    assert_eq!(world.stat(&at(&scene.root, "sub")).unwrap().kind, FileKind::Folder);
    assert_eq!(world.stat(&at(&scene.root, "")).unwrap().kind, FileKind::Folder);
    assert_eq!(world.stat(&at(&scene.root, "none")).unwrap_err().code, FileErrorCode::NotFound);
}

#[test]
fn no_way_leads_out_of_the_root() {
    let scene = scene();
    let inside = scene.base.join("in");
    symlink("../secret", inside.join("up")).unwrap();
    symlink(scene.base.join("secret"), inside.join("absolute")).unwrap();
    symlink("..", inside.join("parent")).unwrap();
    symlink("/proc/self/root", inside.join("magic")).unwrap();
    symlink("loop", inside.join("loop")).unwrap();
    let absolute = scene.base.join("secret");
    let ways = [
        "../secret",
        "sub/../../secret",
        "up",
        "absolute",
        "parent/secret",
        "magic/etc/passwd",
        "loop",
        absolute.to_str().unwrap(),
        "/etc/passwd",
    ];
    for way in ways {
        scene.refused(way);
    }
    assert!(Place::find(std::slice::from_ref(&scene.root), &absolute).is_err());
    assert!(Place::find(std::slice::from_ref(&scene.root), &inside.join("up")).is_err());
    assert!(!inside.join("../secret2").exists());
}

#[test]
fn links_within_the_root_are_followed() {
    let scene = scene();
    symlink("../a.txt", scene.base.join("in/sub/back")).unwrap();
    assert_eq!(scene.world(0).read(&at(&scene.root, "sub/back"), 0, 2).unwrap(), b"01");
}

#[test]
fn what_is_not_a_regular_file_is_neither_read_nor_waited_for() {
    let scene = scene();
    let inside = scene.base.join("in");
    let fifo = std::process::Command::new("mkfifo").arg(inside.join("fifo")).status().unwrap();
    assert!(fifo.success());
    let _listener = UnixListener::bind(inside.join("socket")).unwrap();
    assert_eq!(scene.refused("fifo"), FileErrorCode::NotAFile);
    assert_eq!(scene.refused("socket"), FileErrorCode::NotAFile);
    let mut world = scene.world(0);
    assert_eq!(
        world.read(&at(&scene.root, "sub"), 0, 1).unwrap_err().code,
        FileErrorCode::NotAFile
    );
    for device in ["null", "zero", "tty"] {
        let dev = root(Path::new("/dev"));
        let error = world.read(&at(&dev, device), 0, 1).unwrap_err();
        assert_ne!(error.code, FileErrorCode::Quota, "{error:?}");
        assert!(world.claim(&at(&dev, device), false).is_err());
        let alone = root(&Path::new("/dev").join(device));
        assert!(world.read(&at(&alone, ""), 0, 1).is_err());
        assert!(world.claim(&at(&alone, ""), false).is_err());
    }
}

#[test]
fn proc_is_files_but_not_a_way_out() {
    let scene = scene();
    let mut world = scene.world(0);
    let proc = root(Path::new("/proc"));
    assert!(!world.read(&at(&proc, "version"), 0, 100).unwrap().is_empty());
    for way in ["self/root/etc/passwd", "self/cwd/Cargo.toml", "self/fd/0"] {
        assert!(world.read(&at(&proc, way), 0, 1).is_err(), "{way}");
    }
}

#[test]
fn a_sparse_file_costs_no_more_than_was_asked_for() {
    let scene = scene();
    let file = fs::File::create(scene.base.join("in/huge")).unwrap();
    file.set_len(1 << 40).unwrap();
    let mut world = scene.world(0);
    let read = world.read(&at(&scene.root, "huge"), 1 << 39, u32::MAX).unwrap();
    assert_eq!(read.len(), limits::FILE_READ_BYTES as usize);
    assert_eq!(world.stat(&at(&scene.root, "huge")).unwrap().size, 1 << 40);
}

#[test]
fn a_file_root_grants_that_file_alone() {
    let scene = scene();
    let mut world = scene.world(0);
    let alone = root(&scene.base.join("in/a.txt"));
    assert_eq!(world.read(&at(&alone, ""), 0, 3).unwrap(), b"012");
    for rest in ["x", "../secret", "../in/sub/b.txt"] {
        assert!(world.read(&at(&alone, rest), 0, 3).is_err(), "{rest}");
        assert!(world.claim(&at(&alone, rest), false).is_err(), "{rest}");
    }
    let roots = [alone];
    assert!(Place::find(&roots, &scene.base.join("in/a.txt")).is_ok());
    assert!(Place::find(&roots, &scene.base.join("in/other")).is_err());
}

#[test]
fn a_claim_says_where_and_how_long_and_makes_folders_but_no_file() {
    let scene = scene();
    let mut world = scene.world(0);
    let claimed = world.claim(&at(&scene.root, "a.txt"), false).unwrap();
    assert_eq!(
        (claimed.path.as_str(), claimed.size),
        (scene.base.join("in/a.txt").to_str().unwrap(), 10)
    );
    let claimed = world.claim(&at(&scene.root, "x/y/new"), false).unwrap();
    let path = scene.base.join("in/x/y/new");
    assert_eq!((claimed.path.as_str(), claimed.size), (path.to_str().unwrap(), 0));
    assert!(path.parent().unwrap().is_dir() && !path.exists());

    let missing = root(&scene.base.join("out/deep/file"));
    let claimed = world.claim(&at(&missing, ""), true).unwrap();
    assert_eq!(claimed.path, scene.base.join("out/deep/file").to_str().unwrap());
    let folder = root(&scene.base.join("out2"));
    let claimed = world.claim(&at(&folder, "f"), true).unwrap();
    assert_eq!(claimed.path, scene.base.join("out2/f").to_str().unwrap());
}

#[test]
fn no_two_agents_write_one_file_under_whatever_name() {
    let scene = scene();
    fs::hard_link(scene.base.join("in/a.txt"), scene.base.join("in/hard")).unwrap();
    symlink("a.txt", scene.base.join("in/soft")).unwrap();
    let (mut one, mut two) = (scene.world(1), scene.world(2));
    assert!(one.claim(&at(&scene.root, "a.txt"), false).is_ok());
    assert!(one.claim(&at(&scene.root, "a.txt"), true).is_ok(), "its own");
    let file = root(&scene.base.join("in/a.txt"));
    let others =
        [at(&scene.root, "a.txt"), at(&scene.root, "hard"), at(&scene.root, "soft"), at(&file, "")];
    for other in &others {
        assert_eq!(two.claim(other, false).unwrap_err().code, FileErrorCode::Conflict, "{other:?}");
    }
    for alias in ["hard", "soft"] {
        let error = one.claim(&at(&scene.root, alias), false).unwrap_err();
        assert_eq!(error.code, FileErrorCode::Conflict, "{alias}");
    }
    scene.outside.claims.release_all(AgentId(1));
    assert!(two.claim(&at(&scene.root, "a.txt"), false).is_ok());

    scene.outside.claims.hold(AgentId(3), &scene.base.join("in/held"));
    assert_eq!(
        one.claim(&at(&scene.root, "held"), false).unwrap_err().code,
        FileErrorCode::Conflict
    );
    assert!(scene.world(3).claim(&at(&scene.root, "held"), false).is_ok());
}

#[test]
fn what_one_agent_has_written_no_other_one_replaces() {
    let scene = scene();
    let (mut one, mut two) = (scene.world(1), scene.world(2));
    let claimed = one.claim(&at(&scene.root, "done"), true).unwrap();
    scene.outside.claims.release(Path::new(&claimed.path));
    let refused = two.claim(&at(&scene.root, "done"), true).unwrap_err();
    assert_eq!(refused.code, FileErrorCode::Conflict);
    assert!(one.claim(&at(&scene.root, "done"), true).is_ok(), "its own");
    scene.outside.claims.release(Path::new(&claimed.path));
    assert!(two.claim(&at(&scene.root, "done"), false).is_ok(), "to append loses nothing");
}

#[test]
fn what_is_to_be_a_file_is_no_folder() {
    let scene = scene();
    let mut world = scene.world(1);
    assert!(world.claim(&at(&scene.root, "new"), true).is_ok());
    assert!(world.claim(&at(&scene.root, "x/y"), true).is_ok());
    for crossing in ["new/below", "new/far/below", "x"] {
        let error = world.claim(&at(&scene.root, crossing), true).unwrap_err();
        assert_eq!(error.code, FileErrorCode::Conflict, "{crossing}");
    }
    assert!(!scene.base.join("in/new").exists(), "no folder was made");
    assert!(world.claim(&at(&scene.root, "newer"), true).is_ok());
}

#[test]
fn a_place_is_written_at_positions_and_swapped_whole() {
    use std::os::unix::fs::FileExt as _;
    let scene = scene();
    let path = scene.base.join("in/sub/new");
    let place = Place::find(std::slice::from_ref(&scene.root), &path).unwrap();
    assert!(place.found().unwrap().is_none());
    place.open().unwrap().write_all_at(b"world", 6).unwrap();
    place.open().unwrap().write_all_at(b"hello ", 0).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"hello world");
    place.open_beside("4").unwrap().write_all(b"next").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"hello world");
    assert!(place.swap("4").unwrap());
    assert!(!place.swap("4").unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"next");
    place.open_beside("5").unwrap();
    place.discard("5").unwrap();
    place.discard("5").unwrap();
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
}

#[test]
fn a_folder_swapped_for_a_link_does_not_move_the_writing() {
    let scene = scene();
    let roots = [scene.root.clone()];
    let path = scene.base.join("in/sub/f");
    fs::rename(scene.base.join("in/sub"), scene.base.join("in/old")).unwrap();
    symlink(&scene.base, scene.base.join("in/sub")).unwrap();
    assert!(Place::find(&roots, &path).is_err());
    assert!(!scene.base.join("f").exists());
}

#[test]
fn salts_and_randomness_do_not_repeat() {
    let scene = scene();
    let (mut one, mut two) = (scene.world(0), scene.world(0));
    let salts = [one.salt(), one.salt(), two.salt(), two.salt()];
    for (i, salt) in salts.iter().enumerate() {
        assert!(!salts[..i].contains(salt));
    }
    assert_eq!(one.random(100).len(), 100);
    assert_ne!(one.random(32), one.random(32));
    assert!(one.now_ms() > 1_700_000_000_000);
}

/// Gives what is sent to it, a piece a read.
struct Pieces(mpsc::Receiver<Vec<u8>>);

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let Ok(piece) = self.0.recv() else {
            return Ok(0);
        };
        into[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

#[test]
fn input_comes_as_it_comes_and_ends() {
    let (send, pieces) = mpsc::channel();
    let stdin = Stdin::of(Pieces(pieces));
    send.send(b"hello".to_vec()).unwrap();
    assert_eq!(stdin.read(3, &|| false).unwrap(), b"hel");
    assert_eq!(stdin.read(0, &|| false).unwrap(), b"");
    assert_eq!(stdin.read(30, &|| false).unwrap(), b"lo");
    drop(send);
    assert_eq!(stdin.read(3, &|| false).unwrap(), b"");
    assert_eq!(stdin.read(3, &|| false).unwrap(), b"");
}

#[test]
fn all_of_a_long_input_arrives() {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let stdin = Stdin::of(std::io::Cursor::new(bytes.clone()));
    let mut seen = Vec::new();
    loop {
        let piece = stdin.read(50_000, &|| false).unwrap();
        if piece.is_empty() {
            break;
        }
        seen.extend(piece);
    }
    assert!(seen == bytes);
}

#[test]
fn a_failing_input_says_so() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("unplugged"))
        }
    }
    let stdin = Stdin::of(Broken);
    for _ in 0..2 {
        assert_eq!(stdin.read(1, &|| false), Err(StdinError::Failed(String::from("unplugged"))));
    }
}

#[test]
fn waiting_for_input_can_be_given_up() {
    let (send, pieces) = mpsc::channel();
    let stdin = Stdin::of(Pieces(pieces));
    let waiting = {
        let stdin = stdin.clone();
        std::thread::spawn(move || stdin.read(1, &|| false))
    };
    stdin.interrupt();
    assert_eq!(waiting.join().unwrap(), Err(StdinError::Interrupted));
    assert_eq!(stdin.read(1, &|| false), Err(StdinError::Interrupted));
    drop(send);
}
