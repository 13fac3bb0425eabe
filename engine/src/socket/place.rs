//! Where sockets lie, and the file that points there.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rand::TryRng as _;
use rand::rngs::SysRng;

use super::{POINTER, SocketError};

/// Bytes of the longest path that a socket can have: 108, one of which ends it.
pub(super) const PATH_BYTES: usize = 107;
/// Bytes of the longest pointer that is believed. Room for the longest path of a file.
const POINTER_BYTES: u64 = 4_096;
/// The ending of a socket that is listened to, or was.
pub(super) const ENDING: &str = "sock";

/// The folder for sockets of this user, made if it is not there: in the `runtime` folder of the session
/// if that is usable, else in `tmp`.
pub(super) fn folder(runtime: Option<&OsStr>, tmp: &Path) -> Result<PathBuf, SocketError> {
    let uid = rustix::process::geteuid().as_raw();
    let session = runtime.map(Path::new).filter(|path| {
        let short = path.as_os_str().len() + "/theater-flow/".len() + NAME_BYTES <= PATH_BYTES;
        let ours = || fs::metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == uid);
        short && path.is_absolute() && ours()
    });
    let path = match session {
        Some(session) => session.join("theater-flow"),
        None => tmp.join(format!("theater-flow-{uid}")),
    };
    make_private(&path, uid)?;
    Ok(path)
}

/// Makes the folder, or makes sure that it is ours alone: where all may write, another user may have put
/// one of the same name there.
fn make_private(path: &Path, uid: u32) -> Result<(), SocketError> {
    let io = |error| SocketError::io(path, error);
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io(error)),
        _ => {}
    }
    // Not what a symbolic link leads to, but the link.
    let found = fs::symlink_metadata(path).map_err(io)?;
    if let Some(what) = objection(&found, uid) {
        return Err(SocketError::Folder { path: path.to_owned(), what });
    }
    if found.mode() & 0o777 != 0o700 {
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(io)?;
    }
    Ok(())
}

fn objection(found: &Metadata, uid: u32) -> Option<&'static str> {
    if found.is_symlink() {
        Some("it is a symbolic link")
    } else if !found.is_dir() {
        Some("it is not a folder")
    } else if found.uid() != uid {
        Some("it belongs to another user")
    } else {
        None
    }
}

/// Bytes of a socket's name: 16 random ones in hexadecimal, and the ending.
const NAME_BYTES: usize = 32 + 1 + ENDING.len();

/// A socket that listens, and the file that points to it. Both are removed when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    socket: PathBuf,
    pointer: PathBuf,
}

impl Place {
    /// Listens in `folder`, under a name that was never used: an old pointer must not lead to this run.
    pub(super) fn take(
        folder: &Path,
        run_folder: &Path,
    ) -> Result<(UnixListener, Self), SocketError> {
        let mut random = [0; 16];
        let unready = |error: <SysRng as rand::TryRng>::Error| io::Error::other(error.to_string());
        SysRng
            .try_fill_bytes(&mut random)
            .map_err(unready)
            .map_err(|error| SocketError::io(folder, error))?;
        let socket = folder.join(format!("{:032x}.{ENDING}", u128::from_ne_bytes(random)));
        if socket.as_os_str().len() > PATH_BYTES {
            return Err(SocketError::TooLong { path: socket });
        }
        let listener = listen(&socket).map_err(|error| SocketError::io(&socket, error))?;
        let place = Self { socket, pointer: run_folder.join(POINTER) };
        place.point().map_err(|error| SocketError::io(&place.pointer, error))?;
        Ok((listener, place))
    }

    /// The socket's path.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Writes the pointer, in place of one that an owner who was killed left behind.
    fn point(&self) -> io::Result<()> {
        let new = self.pointer.with_extension("new");
        fs::write(&new, self.content())?;
        fs::rename(&new, &self.pointer)
    }

    fn content(&self) -> Vec<u8> {
        let mut content = self.socket.as_os_str().as_bytes().to_vec();
        content.push(b'\n');
        content
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nobody can be told; what stays behind is seen to be stale.
        let _ = fs::remove_file(&self.socket);
        if fs::read(&self.pointer).is_ok_and(|found| found == self.content()) {
            let _ = fs::remove_file(&self.pointer);
        }
    }
}

/// Binds a socket that only we may connect to. It gets its name once it listens, so that a socket of that
/// name that refuses is always stale.
fn listen(socket: &Path) -> io::Result<UnixListener> {
    let new = socket.with_extension("new");
    let listener = UnixListener::bind(&new)?;
    let finish = || {
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        fs::rename(&new, socket)?;
        listener.set_nonblocking(true)
    };
    if let Err(error) = finish() {
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    Ok(listener)
}

/// The path of the socket that the pointer in a run's folder leads to; `None` if there is no pointer, or
/// none that a server wrote.
pub(super) fn pointed(run_folder: &Path) -> Result<Option<PathBuf>, SocketError> {
    let pointer = run_folder.join(POINTER);
    let mut content = vec![];
    let read = fs::File::open(&pointer)
        .and_then(|file| file.take(POINTER_BYTES).read_to_end(&mut content));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(SocketError::io(&pointer, error)),
    }
    let path =
        content.strip_suffix(b"\n").map(|path| PathBuf::from(OsString::from_vec(path.to_vec())));
    Ok(path.filter(|path| path.is_absolute() && path.as_os_str().len() <= PATH_BYTES))
}
