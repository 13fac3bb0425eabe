//! What a guest gets of memory and tables, and what happens when it wants more: a crash, at once. A
//! guest never sees a growth fail that would have passed on another machine.

use theater_flow_kernel::limits;
use theater_flow_kernel::record::CrashKind;
use wasmtime::{Error, ResourceLimiter, Result};

use crate::config::{CORE_INSTANCES, MEMORIES, TABLES};
use crate::crash;

pub(crate) struct Limiter {
    memory: usize,
    /// The growth under way is within the limits.
    allowed: bool,
}

impl Limiter {
    /// A limit on linear memory in bytes.
    pub(crate) fn new(memory: u64) -> Self {
        let memory = usize::try_from(memory.min(limits::MEMORY_BYTES_MAX)).unwrap_or(usize::MAX);
        Self { memory, allowed: false }
    }

    /// A growth beyond what the component itself declares is refused as wasm says it is; one within
    /// that and within the limit must happen.
    fn decide(&mut self, desired: usize, maximum: Option<usize>) -> bool {
        self.allowed = maximum.is_none_or(|maximum| desired <= maximum);
        self.allowed
    }

    fn failed(&self, what: &str, error: &Error) -> Result<()> {
        if self.allowed {
            return Err(crash::crashing(
                CrashKind::Memory,
                format!("no room for {what}: {error:#}"),
            ));
        }
        Ok(())
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if desired > self.memory {
            let message = format!("{desired} bytes of memory; the limit is {}", self.memory);
            return Err(crash::crashing(CrashKind::Memory, message));
        }
        Ok(self.decide(desired, maximum))
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed("more memory", &error)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if desired > limits::TABLE_ELEMENTS {
            let limit = limits::TABLE_ELEMENTS;
            let message = format!("a table of {desired} elements; the limit is {limit}");
            return Err(crash::crashing(CrashKind::Memory, message));
        }
        Ok(self.decide(desired, maximum))
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.failed("a larger table", &error)
    }

    fn instances(&self) -> usize {
        // A component's own instance counts too.
        CORE_INSTANCES as usize + 1
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }
}
