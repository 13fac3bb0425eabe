//! The engine's settings: all that makes guest code run the same everywhere and every time, and all
//! that bounds what one process gives to guests.

use std::path::PathBuf;

use theater_flow_kernel::limits;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

use crate::error::HostError;

/// Bytes of wasm stack. Recursion deeper than this is a trap; workers need a larger stack of their own.
const STACK_BYTES: usize = 512 << 10;
/// Core instances within one component: its module and the glue that component builders put around it.
pub(crate) const CORE_INSTANCES: u32 = 8;
/// Linear memories of one component. One, so that the limit on memory is the limit of the component.
pub(crate) const MEMORIES: u32 = 1;
/// Tables of one component.
pub(crate) const TABLES: u32 = 4;
/// Component handles (resources) alive in one instance. The contract has none.
pub(crate) const HANDLES: usize = 1_024;
/// Address space set aside per instance. As much as a 32-bit memory can be, so that compiled code needs
/// no bounds checks; it is not memory.
const RESERVED_BYTES: u64 = 4 << 30;
/// Instances that one process may hold: address space ends at 128 TiB, memory maps at 65,530.
const INSTANCES_MAX: u32 = 24_000;
/// Instances beyond those asked for, for questions to actors at compile time.
const SPARE_INSTANCES: u32 = 8;
/// Freed slots whose pages are kept for the next instance.
const WARM_SLOTS: u32 = 256;

/// How a [`Host`](crate::Host) is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostConfig {
    /// Folder for compiled code, made with mode 0700 if it is missing; none: nothing is kept.
    pub cache: Option<PathBuf>,
    /// Instances that can be alive at a time; more than 24,000 is cut to that.
    pub instances: u32,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self { cache: None, instances: 1_024 }
    }
}

/// The settings on which results depend, as they stand in the record: `key=value`, sorted.
pub(crate) const FLAGS: &[&str] = &[
    "compiler=cranelift",
    "fuel=1",
    "memory-init-cow=0",
    "memory64=0",
    "multi-memory=0",
    "nan-canonicalization=1",
    "relaxed-simd=deterministic",
    "stack=524288",
    "threads=0",
];

/// The engine with these settings and a pool for `instances`.
pub(crate) fn engine(instances: u32) -> Result<Engine, HostError> {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .concurrency_support(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .memory_init_cow(false)
        .memory_reservation(RESERVED_BYTES)
        .max_wasm_stack(STACK_BYTES)
        .wasm_backtrace_max_frames(None)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    Engine::new(&config).map_err(|error| HostError::Engine(format!("{error:#}")))
}

/// How many of these instances there are places for.
pub(crate) fn places(instances: u32) -> u32 {
    instances.min(INSTANCES_MAX)
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let n = places(instances) + SPARE_INSTANCES;
    let memory = usize::try_from(limits::MEMORY_BYTES_MAX).unwrap_or(usize::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(n)
        .total_core_instances(n * CORE_INSTANCES)
        .total_memories(n * MEMORIES)
        .total_tables(n * TABLES)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .max_memory_size(memory)
        .table_elements(limits::TABLE_ELEMENTS)
        .max_unused_warm_slots(WARM_SLOTS);
    pool
}
