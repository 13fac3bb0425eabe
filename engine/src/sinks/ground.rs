//! What sinks need of a file system. The simulator's dies at any step of it.

use std::fs::File;
use std::io;
use std::path::Path;

use theater_flow_kernel::gate::FileError;
use theater_flow_kernel::plan::Root;

use crate::world::Place;

/// A file system.
pub trait Ground {
    /// A name in a folder of it.
    type Spot: Spot;

    /// The place of a path that was claimed, found through the roots that grant it.
    fn spot(&self, roots: &[Root], path: &Path) -> io::Result<Self::Spot>;
}

/// A name in a folder, and the one beside it under which new content gathers. A `tag` names the latter.
pub trait Spot {
    /// An open file.
    type File: Positioned;

    /// Bytes of the file; `None` if there is none. An error if it is no regular file.
    fn size(&self) -> Result<Option<u64>, FileError>;
    /// The same of what is beside it.
    fn size_beside(&self, tag: &str) -> Result<Option<u64>, FileError>;
    /// Opens or makes the file.
    fn open(&self) -> io::Result<Self::File>;
    /// Opens or makes what is beside it.
    fn open_beside(&self, tag: &str) -> io::Result<Self::File>;
    /// Puts what is beside the file into its place, durably. It was synced before.
    fn swap(&self, tag: &str) -> io::Result<bool>;
    /// Removes what is beside the file.
    fn discard(&self, tag: &str) -> io::Result<()>;
    /// Makes the folder's entries durable.
    fn sync_folder(&self) -> io::Result<()>;
}

/// A file that is written at absolute offsets.
pub trait Positioned {
    /// Takes bytes from their place; all of them must be there.
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// Puts bytes in their place.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes all that was written durable.
    fn sync_data(&self) -> io::Result<()>;
}

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealGround;

impl Ground for RealGround {
    type Spot = Place;

    fn spot(&self, roots: &[Root], path: &Path) -> io::Result<Place> {
        Place::find(roots, path)
    }
}

impl Spot for Place {
    type File = File;

    fn size(&self) -> Result<Option<u64>, FileError> {
        Ok(self.found()?.map(|found| found.size))
    }

    fn size_beside(&self, tag: &str) -> Result<Option<u64>, FileError> {
        Ok(self.found_beside(tag)?.map(|found| found.size))
    }

    fn open(&self) -> io::Result<File> {
        Self::open(self)
    }

    fn open_beside(&self, tag: &str) -> io::Result<File> {
        Self::open_beside(self, tag)
    }

    fn swap(&self, tag: &str) -> io::Result<bool> {
        Self::swap(self, tag)
    }

    fn discard(&self, tag: &str) -> io::Result<()> {
        Self::discard(self, tag)
    }

    fn sync_folder(&self) -> io::Result<()> {
        Self::sync_folder(self)
    }
}

impl Positioned for File {
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, bytes, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }
}
