//! Where sockets lie, and which are alive.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt as _, symlink};

use super::*;
use crate::socket::place::{PATH_BYTES, Place};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

#[test]
fn the_socket_is_ours_alone_and_goes_with_the_server() {
    let house = House::new();
    let (socket, pointer) = (house.server.path().to_owned(), house.dir.path().join("run/socket"));
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    assert_eq!(fs::read_to_string(&pointer).unwrap(), format!("{}\n", socket.display()));
    let (server, dir) = (house.server, house.dir);
    drop(server);
    assert!(!socket.exists() && !pointer.exists());
    assert!(Client::connect(&dir.path().join("run")).unwrap().is_none());
    let left = fs::read_dir(socket.parent().unwrap()).unwrap().count();
    assert_eq!((left, fs::read_dir(dir.path().join("run")).unwrap().count()), (0, 0));
}

#[test]
fn the_pointer_of_a_later_server_stays() {
    let house = House::new();
    let run = house.dir.path().join("run");
    let sockets = house.server.path().parent().unwrap().to_owned();
    let shown = Arc::<Stage>::default();
    let later = Server::start_in(&sockets, &run, shown, Bounds::default()).unwrap();
    drop(house.server);
    assert_eq!(
        fs::read_to_string(run.join("socket")).unwrap().trim(),
        later.path().to_str().unwrap()
    );
    Client::connect(&run).unwrap().unwrap().hello().unwrap();
}

#[test]
fn a_run_may_lie_deep() {
    let dir = tempfile::tempdir().unwrap();
    let run = iter::repeat_n("a-folder-with-a-long-name", 12)
        .fold(dir.path().to_owned(), |path, name| path.join(name));
    assert!(run.as_os_str().len() > 300);
    fs::create_dir_all(&run).unwrap();
    let sockets = folder(None, dir.path()).unwrap();
    let shown = Arc::<Stage>::default();
    let server = Server::start_in(&sockets, &run, shown, Bounds::default()).unwrap();
    assert!(server.path().as_os_str().len() <= PATH_BYTES);
    Client::connect(&run).unwrap().unwrap().hello().unwrap();
}

#[test]
fn a_run_without_a_living_owner_has_no_client() {
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone.sock");
    drop(UnixListener::bind(&gone).unwrap());
    assert!(gone.exists());
    let nowhere = dir.path().join("nowhere.sock");
    let long = PathBuf::from(format!("/{}", "x".repeat(200)));
    let pointers = [
        format!("{}\n", gone.display()),
        format!("{}\n", nowhere.display()),
        format!("{}\n", long.display()),
        format!("{}", gone.display()),
        "socket\n".into(),
        "\n".into(),
        String::new(),
        "\0".repeat(10_000),
    ];
    assert!(Client::connect(dir.path()).unwrap().is_none(), "no pointer");
    for pointer in pointers {
        fs::write(dir.path().join(POINTER), &pointer).unwrap();
        assert!(Client::connect(dir.path()).unwrap().is_none(), "{pointer:?}");
    }
    fs::remove_file(dir.path().join(POINTER)).unwrap();
    fs::create_dir(dir.path().join(POINTER)).unwrap();
    let error = Client::connect(dir.path());
    assert!(matches!(error, Err(SocketError::Io { .. })), "{error:?}");
}

#[test]
fn a_start_replaces_what_killed_owners_left() {
    let dir = tempfile::tempdir().unwrap();
    let sockets = folder(None, dir.path()).unwrap();
    let (stale, other) = (sockets.join("1.sock"), sockets.join("notes.txt"));
    drop(UnixListener::bind(&stale).unwrap());
    fs::write(&other, "").unwrap();
    fs::write(dir.path().join(POINTER), format!("{}\n", stale.display())).unwrap();
    let start = || {
        let shown = Arc::<Stage>::default();
        let server = Server::start_in(&sockets, dir.path(), shown, Bounds::default()).unwrap();
        Client::connect(dir.path()).unwrap().unwrap().hello().unwrap();
        server
    };
    let (first, second) = (start(), start());
    assert!(!stale.exists() && other.exists());
    assert!(first.path().exists() && second.path().exists(), "living ones stay");
}

#[test]
fn a_socket_that_cannot_be_pointed_to_is_not_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let sockets = folder(None, dir.path()).unwrap();
    let missing = Place::take(&sockets, &dir.path().join("missing"));
    assert!(matches!(missing, Err(SocketError::Io { .. })), "{missing:?}");
    assert_eq!(fs::read_dir(&sockets).unwrap().count(), 0);
    let deep = dir.path().join("x".repeat(100));
    let long = Place::take(&deep, dir.path());
    assert!(matches!(long, Err(SocketError::TooLong { .. })), "{long:?}");
}

#[test]
fn the_folder_is_in_the_sessions_if_that_is_usable() {
    let dir = tempfile::tempdir().unwrap();
    let (session, tmp) = (dir.path().join("session"), dir.path().join("tmp"));
    fs::create_dir(&session).unwrap();
    fs::create_dir(&tmp).unwrap();
    let long = dir.path().join("x".repeat(80));
    fs::create_dir(&long).unwrap();
    let ours = session.join("theater-flow");
    assert_eq!(folder(Some(session.as_os_str()), &tmp).unwrap(), ours);
    assert_eq!(mode(&ours), 0o700);
    let foreign = foreign(&dir.path().join("foreign"));
    let missing = dir.path().join("missing");
    let unusable = [
        missing.as_os_str(),
        OsStr::new(""),
        OsStr::new("."),
        long.as_os_str(),
        foreign.as_os_str(),
    ];
    for session in unusable {
        let found = folder(Some(session), &tmp).unwrap();
        assert_eq!(found.parent(), Some(&*tmp), "{}", session.display());
        assert_eq!(mode(&found), 0o700);
    }
}

/// A folder of another user, as well as we can make one.
fn foreign(path: &Path) -> PathBuf {
    if !rustix::process::geteuid().is_root() {
        return PathBuf::from("/");
    }
    fs::create_dir(path).unwrap();
    std::os::unix::fs::chown(path, Some(12_345), None).unwrap();
    path.to_owned()
}

#[test]
fn a_folder_that_another_may_have_laid_out_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = folder(None, dir.path()).unwrap();
    let refused = || match folder(None, dir.path()) {
        Err(SocketError::Folder { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(folder(None, dir.path()).unwrap(), path);
    assert_eq!(mode(&path), 0o700);
    fs::remove_dir(&path).unwrap();
    symlink(dir.path(), &path).unwrap();
    assert_eq!(refused(), "it is a symbolic link");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    assert_eq!(refused(), "it is not a folder");
    fs::remove_file(&path).unwrap();
    if rustix::process::geteuid().is_root() {
        foreign(&path);
        assert_eq!(refused(), "it belongs to another user");
    }
}

#[test]
fn only_the_same_user_and_the_administrator_may_speak() {
    let ours = rustix::process::geteuid().as_raw();
    assert!(wire::may_speak(ours) && wire::may_speak(0));
    assert!(!wire::may_speak(ours + 1));
}
