//! The machine as the gate of a guest sees it.

use theater_flow_kernel::gate::{
    Claimed, FileError, FileErrorCode, FileKind, FolderEntry, Located, Stat, StdinError, World,
};
use theater_flow_kernel::ids::Salt;

use super::machine::{Inner, Machine};

/// The world of one instance: the machine's time, randomness, files and standard
/// input. A folder is there if a file lies below it.
#[derive(Clone, Debug)]
pub struct SimWorld(pub Machine);

impl World for SimWorld {
    fn now_ms(&mut self) -> u64 {
        self.0.now()
    }

    fn random(&mut self, len: u32) -> Vec<u8> {
        self.0.inner().dice.bytes(len as usize)
    }

    fn salt(&mut self) -> Salt {
        self.0.inner().dice.salt()
    }

    fn read(&mut self, at: &Located<'_>, offset: u64, len: u32) -> Result<Vec<u8>, FileError> {
        let inner = self.0.inner();
        let bytes = inner.files.bytes(&absolute(at)).ok_or_else(|| no_file(&inner, at))?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let to = bytes.len().min(from.saturating_add(len as usize));
        Ok(bytes[from..to].to_vec())
    }

    fn stat(&mut self, at: &Located<'_>) -> Result<Stat, FileError> {
        let inner = self.0.inner();
        if has_folder(&inner, at) {
            return Ok(Stat { kind: FileKind::Folder, size: 0 });
        }
        let bytes = inner.files.bytes(&absolute(at)).ok_or_else(|| no_file(&inner, at))?;
        Ok(Stat { kind: FileKind::File, size: bytes.len() as u64 })
    }

    fn list(&mut self, at: &Located<'_>) -> Result<Vec<FolderEntry>, FileError> {
        let folder = format!("{}/", absolute(at));
        let inner = self.0.inner();
        if !has_folder(&inner, at) {
            return Err(no_file(&inner, at));
        }
        let mut names: Vec<FolderEntry> = Vec::new();
        for rest in inner.files.paths().filter_map(|path| path.strip_prefix(&folder)) {
            let (name, kind) = match rest.split_once('/') {
                Some((name, _)) => (name, FileKind::Folder),
                None => (rest, FileKind::File),
            };
            if names.last().is_none_or(|last| last.name != name) {
                names.push(FolderEntry { name: String::from(name), kind });
            }
        }
        Ok(names)
    }

    fn claim(&mut self, at: &Located<'_>, _replace: bool) -> Result<Claimed, FileError> {
        let path = absolute(at);
        let size = self.0.inner().files.bytes(&path).map_or(0, <[u8]>::len) as u64;
        Ok(Claimed { path, size })
    }

    fn stdin(&mut self, len: u32) -> Result<Vec<u8>, StdinError> {
        let mut inner = self.0.inner();
        let len = inner.stdin.len().min(len as usize);
        Ok(inner.stdin.drain(..len).collect())
    }
}

fn absolute(at: &Located<'_>) -> String {
    let root = at.root.path.trim_end_matches('/');
    if at.rest.is_empty() { String::from(root) } else { format!("{root}/{}", at.rest) }
}

fn has_folder(inner: &Inner, at: &Located<'_>) -> bool {
    let folder = format!("{}/", absolute(at));
    inner.files.paths().any(|path| path.starts_with(&folder))
}

/// Why nothing can be read there.
fn no_file(inner: &Inner, at: &Located<'_>) -> FileError {
    let name = at.name();
    if has_folder(inner, at) {
        return FileError::new(FileErrorCode::NotAFile, format!("`{name}` is a folder"));
    }
    match inner.files.bytes(&absolute(at)) {
        Some(_) => FileError::new(FileErrorCode::NotAFile, format!("`{name}` is no folder")),
        None => FileError::new(FileErrorCode::NotFound, format!("`{name}`: no such file")),
    }
}
