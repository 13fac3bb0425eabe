//! The host's functions. Each is named here alone, so that the linker drops what an actor does not
//! call, and its component does not import it.

use crate::bindings::theater::flow::{
    clock, files, http, log, outbox, random, stdin, stdout, timer,
};
use crate::{FileError, FileStat, FolderEntry, HttpError, HttpRequest, HttpResponse, Level};

/// The host's functions.
#[derive(Default)]
pub struct Outside {}

#[expect(clippy::unused_self, reason = "the native world has a state")]
impl Outside {
    pub(crate) fn emit(&mut self, port: &str, body: &str) -> Result<(), outbox::EmitError> {
        outbox::emit(port, body)
    }

    pub(crate) fn log(&mut self, level: Level, text: &str) {
        log::write(level, text);
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn now(&mut self) -> u64 {
        clock::now()
    }

    /// As many random bytes, 64 KiB at most.
    pub fn random(&mut self, len: u32) -> Vec<u8> {
        random::bytes(len)
    }

    /// Sets or moves the timer of this name.
    pub fn set_timer(&mut self, name: &str, after_ms: u64) {
        timer::set(name, after_ms);
    }

    /// Cancels the timer of this name, if it is set.
    pub fn cancel_timer(&mut self, name: &str) {
        timer::cancel(name);
    }

    /// Up to `len` bytes (1 MiB at most) of a file from `offset`; empty at its end.
    pub fn read(&mut self, path: &str, offset: u64, len: u32) -> Result<Vec<u8>, FileError> {
        files::read(path, offset, len)
    }

    /// What a path leads to.
    pub fn stat(&mut self, path: &str) -> Result<FileStat, FileError> {
        files::stat(path)
    }

    /// A folder's entries, by name.
    pub fn list(&mut self, path: &str) -> Result<Vec<FolderEntry>, FileError> {
        files::list(path)
    }

    /// Adds bytes at the end of a file, which is made if it is not there.
    pub fn append(&mut self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        files::append(path, bytes)
    }

    /// Begins a new content for a file, which takes the old one's place at [`close`](Self::close).
    pub fn replace(&mut self, path: &str) -> Result<(), FileError> {
        files::replace(path)
    }

    /// Ends writing to a file.
    pub fn close(&mut self, path: &str) -> Result<(), FileError> {
        files::close(path)
    }

    /// Makes a request and waits for its response, of any status. The handler may be run again up to this
    /// call, with the same answers, before it goes on.
    pub fn send(&mut self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        http::send(request)
    }

    /// Waits for input and gives up to `len` bytes (64 KiB at most); empty at the end.
    pub fn read_stdin(&mut self, len: u32) -> Result<Vec<u8>, String> {
        stdin::read(len)
    }

    /// Writes to standard output after this event's transaction is durable.
    pub fn write_stdout(&mut self, bytes: &[u8]) {
        stdout::write(bytes);
    }
}
