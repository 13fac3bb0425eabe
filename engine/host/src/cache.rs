//! Compiled code, kept between runs: one file a component and engine configuration,
//! `<sha256>-<configuration>.cwasm`.
//!
//! Compiled code is trusted code: loading a forged file would be running it. So the folder must be ours
//! alone (mode 0700), and each file says what it was made of and its own digest, so that a damaged file
//! is compiled anew.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use theater_flow_kernel::ids::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

/// The first bytes of every file. Behind it: the component's digest, the code's digest, the code.
const MAGIC: &[u8; 16] = b"theater-flow/c\x00\x01";
const HEADER: usize = MAGIC.len() + 32 + 32;

/// The folder, if it can be trusted.
pub(crate) struct Cache {
    folder: PathBuf,
    configuration: u64,
}

impl Cache {
    /// Opens the folder, or says why it is not used.
    pub(crate) fn open(folder: &Path, engine: &Engine) -> Result<Self, String> {
        let why = |error: io::Error| format!("{}: {error}", folder.display());
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(why)?;
        let found = fs::symlink_metadata(folder).map_err(why)?;
        if !found.is_dir() {
            return Err(format!("{} is not a folder", folder.display()));
        }
        if found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o077 != 0 {
            return Err(format!("{} can be used by others than its owner", folder.display()));
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { folder: folder.to_path_buf(), configuration: hasher.finish() })
    }

    fn path(&self, component: &Digest) -> PathBuf {
        self.folder.join(format!("{component}-{:016x}.cwasm", self.configuration))
    }

    /// The compiled component, if it is there and whole.
    pub(crate) fn load(&self, engine: &Engine, component: &Digest) -> Option<Component> {
        let bytes = read(&self.path(component)).ok()?;
        let code = bytes.get(HEADER..)?;
        if bytes[..HEADER] != header(component, code) {
            return None;
        }
        compiled(engine, code)
    }

    /// Keeps a compiled component. Without success nothing is lost but time.
    pub(crate) fn store(&self, component: &Digest, compiled: &Component) {
        if let Ok(code) = compiled.serialize() {
            let _: io::Result<()> = self.write(component, &code);
        }
    }

    /// Writes beside and renames, so that a reader sees a whole file or none.
    fn write(&self, component: &Digest, code: &[u8]) -> io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let beside = self.folder.join(format!("{component}.{}-{nth}.new", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        let written = file
            .write_all(&header(component, code))
            .and_then(|()| file.write_all(code))
            .and_then(|()| fs::rename(&beside, self.path(component)));
        if written.is_err() {
            let _: io::Result<()> = fs::remove_file(&beside);
        }
        written
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file: File = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn header(component: &Digest, code: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..16].copy_from_slice(MAGIC);
    header[16..48].copy_from_slice(&component.0);
    header[48..].copy_from_slice(&Digest::of(code).0);
    header
}

#[expect(
    unsafe_code,
    reason = "loading compiled code is how the cache works; the code comes from a folder that only this \
              user can write, and has the digest that was noted when it was compiled"
)]
fn compiled(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `code` was written by `Cache::store` from `Component::serialize`, see the reason above;
    // wasmtime itself refuses code of another version or configuration.
    unsafe { Component::deserialize(engine, code) }.ok()
}
