//! Simulated power cuts: a file system in an image file, loop-mounted, and copies of the image as a disk
//! would stand if the power went at that instant.
//!
//! The process that writes is stopped (`SIGSTOP`) at the instant in question, the image is copied, and the
//! copy is mounted: the file system replays its own journal, and what a program then finds is what it
//! would find after the cut. This is kind to the program in one way: a real disk may also lose what is in
//! its own cache if it does not honour flushes, which nothing above it can mend.
//!
//! Needs root, loop devices and `mkfs.ext4`; [`available`] says what is missing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::LIMIT;

/// How often a copy is tried again because something was written meanwhile.
const COPIES: usize = 200;
/// How often an unmount is tried again because a process is just ending.
const UNMOUNTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Whether power cuts can be simulated here; if not, why not. Tries it out, in the temporary folder `dir`.
pub fn available(dir: &Path) -> Result<(), String> {
    let image = dir.join("available.img");
    let at = dir.join("available");
    let try_out = || {
        let image = Image::create(&image, 16)?;
        fs::create_dir(&at)?;
        let mount = image.mount(&at)?;
        mount.copy_now(&dir.join("available.copy.img")).map(drop)
    };
    let result = try_out().map_err(|error: io::Error| format!("no power cuts here: {error}"));
    let _ = fs::remove_dir(&at);
    result
}

/// An image file with an ext4 file system. The file is removed when this is dropped.
#[derive(Debug)]
pub struct Image(PathBuf);

impl Image {
    /// Makes an image of `mib` MiB (at least 16) at `path`. It takes disk space only as it is written to.
    pub fn create(path: &Path, mib: u64) -> io::Result<Self> {
        let image = Self(path.to_owned());
        File::create(path)?.set_len(mib << 20)?;
        run("mkfs.ext4", &[&"-q", &"-F", &path])?;
        Ok(image)
    }

    /// Mounts the image at the folder `at`, which must exist.
    pub fn mount(&self, at: &Path) -> io::Result<Mount> {
        let device = run("losetup", &[&"--find", &"--show", &self.0])?;
        let device = Device(device.trim().to_owned());
        run("mount", &[&"-t", &"ext4", &device.0, &at])?;
        Ok(Mount { at: at.to_owned(), image: self.0.clone(), device })
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A loop device. Given back when this is dropped.
#[derive(Debug)]
struct Device(String);

impl Drop for Device {
    fn drop(&mut self) {
        let _ = run("losetup", &[&"--detach", &self.0]);
    }
}

/// A mounted image. It is unmounted when this is dropped; processes that use it must have ended.
#[derive(Debug)]
pub struct Mount {
    at: PathBuf,
    image: PathBuf,
    /// Dropped after the unmount.
    device: Device,
}

impl Mount {
    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Copies the image to `to` as it is at this instant: what a disk would hold after a power cut. The
    /// processes that write to it must be stopped; the system may still write what it holds back, so a
    /// copy during which something was written is made anew.
    pub fn copy_now(&self, to: &Path) -> io::Result<Image> {
        let copy = Image(to.to_owned());
        for _ in 0..COPIES {
            let before = self.writes()?;
            if before.under_way == 0 {
                run("cp", &[&"--sparse=always", &self.image, &to])?;
                if self.writes()? == before {
                    return Ok(copy);
                }
            }
            thread::sleep(PAUSE);
        }
        Err(io::Error::other("the image is written to all the time"))
    }

    /// Unmounts, and says so if that fails.
    pub fn unmount(self) -> io::Result<()> {
        let result = self.try_unmount();
        // Drop would try in vain once more.
        drop(self);
        result
    }

    fn try_unmount(&self) -> io::Result<()> {
        let mut result = Ok(());
        for _ in 0..UNMOUNTS {
            result = run("umount", &[&self.at]).map(drop);
            if result.is_ok() || !is_mounted(&self.at) {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        result
    }

    fn writes(&self) -> io::Result<Writes> {
        let name = Path::new(&self.device.0).file_name().unwrap_or_default();
        let stat = fs::read_to_string(Path::new("/sys/block").join(name).join("stat"))?;
        let field = |n| stat.split_whitespace().nth(n).and_then(|field| field.parse().ok());
        match (field(4), field(8)) {
            (Some(done), Some(under_way)) => Ok(Writes { done, under_way }),
            _ => Err(io::Error::other("the loop device has no counters")),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if is_mounted(&self.at) && self.try_unmount().is_err() {
            let _ = run("umount", &[&"--lazy", &self.at]);
        }
    }
}

/// What a loop device's counters say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Writes {
    done: u64,
    under_way: u64,
}

fn is_mounted(at: &Path) -> bool {
    let at = fs::canonicalize(at).unwrap_or_else(|_| at.to_owned());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts.lines().any(|line| line.split(' ').nth(1).is_some_and(|point| Path::new(point) == at))
}

/// Stops a process and waits until it stands still.
///
/// # Panics
/// If it does not stop.
pub fn freeze(child: &Child) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("an id")).expect("not 0");
    // It may just have ended, which stands still too.
    let _ = kill_process(pid, Signal::STOP);
    let tasks = PathBuf::from(format!("/proc/{}/task", child.id()));
    let limit = Instant::now() + LIMIT;
    let stands = |task: fs::DirEntry| stands_still(&task.path());
    while !fs::read_dir(&tasks).into_iter().flatten().flatten().all(stands) {
        assert!(Instant::now() < limit, "it does not stop");
        thread::yield_now();
    }
}

/// True if a process has ended or is stopped.
#[must_use]
pub fn is_still(child: &Child) -> bool {
    stands_still(&PathBuf::from(format!("/proc/{}", child.id())))
}

fn stands_still(task: &Path) -> bool {
    let status = fs::read_to_string(task.join("status")).unwrap_or_default();
    let state = status.lines().find_map(|line| line.strip_prefix("State:\t"));
    state.is_none_or(|state| state.starts_with(['T', 't', 'Z', 'X']))
}

/// Runs a program and gives its output; what it says of an error is the error.
fn run(program: &str, args: &[&dyn AsRef<OsStr>]) -> io::Result<String> {
    let args = args.iter().map(|arg| (*arg).as_ref());
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|error| io::Error::other(format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program}: {}", said.trim())))
}
