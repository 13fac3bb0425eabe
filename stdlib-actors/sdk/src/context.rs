//! What an actor has in hand while it handles an event.

use serde::Serialize;

use crate::{EmitError, Level, Outside};

/// Bytes of the buffer that are kept from one event to the next.
const KEPT_BYTES: usize = 256 << 10;

/// The way out of an actor: typed messages here, everything else in [`outside`](Cx::outside).
#[derive(Default)]
pub struct Cx {
    /// The host's functions; natively, a scripted world.
    pub outside: Outside,
    /// Written again for every message, so that sending needs no allocation.
    buffer: Vec<u8>,
}

impl Cx {
    /// Sends a value as JSON. It leaves when this event's transaction commits, or not at all.
    ///
    /// # Errors
    /// As [`EmitError`] says; nothing was sent.
    pub fn emit<T: Serialize + ?Sized>(&mut self, port: &str, value: &T) -> Result<(), EmitError> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, value)
            .map_err(|error| EmitError::NotJson(error.to_string()))?;
        // SAFETY: serde_json writes only UTF-8; its own `to_string` rests on the same.
        let body = unsafe { str::from_utf8_unchecked(&self.buffer) };
        let sent = self.outside.emit(port, body);
        if self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        Ok(sent?)
    }

    /// Sends one value that is JSON text already.
    ///
    /// # Errors
    /// As [`emit`](Cx::emit); text that is not JSON is of the wrong type.
    pub fn emit_json(&mut self, port: &str, body: &str) -> Result<(), EmitError> {
        Ok(self.outside.emit(port, body)?)
    }

    /// Writes a line for the people who read the record.
    pub fn log(&mut self, level: Level, text: &str) {
        self.outside.log(level, text);
    }
}
