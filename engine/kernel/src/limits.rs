//! Every bound in one place. What a file may set has its default and its ceiling here too.

/// Emissions of one event. A guest that meets it gets `full`.
pub const EMISSIONS_PER_EVENT: u32 = 1_024;
/// Parts of one event of any kind: answers, denials, staged writes, timers.
pub const PARTS_PER_EVENT: usize = 8_192;
/// Bytes of one payload: a message, an answer, a staged write.
pub const PAYLOAD_BYTES: usize = 16 << 20;
/// Payload bytes of one event, all parts together.
pub const EVENT_BYTES: usize = 64 << 20;
/// Log lines kept of one event.
pub const LOG_LINES_PER_EVENT: u32 = 256;
/// Bytes kept of one log line.
pub const LOG_LINE_BYTES: usize = 8 << 10;
/// Bytes of one `files.read`.
pub const FILE_READ_BYTES: u32 = 1 << 20;
/// Entries of one `files.list`.
pub const FILE_LIST_ENTRIES: usize = 65_536;
/// Bytes of one `stdin.read`.
pub const STDIN_READ_BYTES: u32 = 64 << 10;
/// Bytes of one `random.bytes`.
pub const RANDOM_BYTES: u32 = 64 << 10;
/// Asks of one event.
pub const ASKS_PER_EVENT: u32 = 64;
/// Payload bytes of one event before an ask: what was read, sent and answered so far, which the ask's record holds
/// again.
pub const ASKED_BYTES: usize = 16 << 20;
/// Bytes of a request's address.
pub const URL_BYTES: usize = 8 << 10;
/// Headers of a request or a response.
pub const HEADERS: usize = 128;
/// Bytes of all of these.
pub const HEADER_BYTES: usize = 64 << 10;
/// Bytes of a response's body, by default.
pub const HTTP_BODY_BYTES: u64 = 1 << 20;
/// … and at most: with its headers it is one payload.
pub const HTTP_BODY_BYTES_MAX: u64 = 15 << 20;
/// Requests of one run that are under way at a time; others wait, which counts as their events' time.
pub const REQUESTS_AT_ONCE: usize = 64;
/// Addresses of one host that are tried.
pub const ADDRESSES_TRIED: usize = 8;
/// Redirects that a request may follow, at most.
pub const REDIRECTS_MAX: u32 = 10;
/// Timers one agent may have set at a time.
pub const TIMERS_PER_AGENT: usize = 1_024;
/// Files one agent may hold open for writing.
pub const OPEN_FILES_PER_AGENT: usize = 256;
/// Bytes of a timer's name, a port's name, a path.
pub const NAME_BYTES: usize = 4_096;
/// Bytes of a guest's fault or of a crash message.
pub const MESSAGE_BYTES: usize = 8 << 10;
/// Bytes of one snapshot.
pub const SNAPSHOT_BYTES: usize = 64 << 20;

/// Nesting of a JSON value.
pub const JSON_DEPTH: usize = 64;
/// Nesting of a type in the pipeline language.
pub const TYPE_DEPTH: usize = 32;

/// Events handed to a worker at a time.
pub const BATCH_EVENTS: usize = 256;
/// Payload bytes handed to a worker at a time, and given back by it; one event always fits.
pub const BATCH_BYTES: usize = 4 << 20;

/// Bytes of dead letters that a run keeps so that they can be tried again; what comes beyond is counted.
pub const LETTER_BYTES: u64 = 64 << 20;
/// … of which each takes so many beside its content.
pub const LETTER_COST: u64 = 128;

/// Messages that may wait at one feedback edge, for which its producer does not wait.
pub const FEEDBACK_MESSAGES: u32 = 1 << 16;
/// Rounds that a feedback edge may allow.
pub const ROUNDS_MAX: u32 = 1_000_000;
/// Free places of a channel, by default.
pub const CAPACITY: u32 = 1_024;
/// … and at most.
pub const CAPACITY_MAX: u32 = 1 << 20;

/// Wall time of one handled event, by default, in ms.
pub const TIMEOUT_MS: u64 = 30_000;
/// Linear memory of one instance, by default, in bytes.
pub const MEMORY_BYTES: u64 = 64 << 20;
/// … and at most.
pub const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Fuel of one handled event, by default; about one unit a wasm instruction.
pub const FUEL: u64 = 2_000_000_000;
/// Elements of one table of an instance.
pub const TABLE_ELEMENTS: usize = 65_536;

/// Restarts allowed within the period, by default.
pub const INTENSITY: u32 = 3;
/// The window in which restarts are counted, by default, in ms.
pub const PERIOD_MS: u64 = 5_000;
/// How long a child may take to come to rest when it is stopped, by default, in ms.
pub const SHUTDOWN_MS: u64 = 5_000;
/// How long a reload waits for an agent that may take for ever to come to rest, in ms.
pub const RELOAD_MS: u64 = 60_000;
/// Further attempts at an event after the first, by default.
pub const RETRIES: u32 = 3;
/// Wait before the first retry, by default, in ms.
pub const RETRY_BASE_MS: u64 = 100;
/// Longest wait between two attempts, by default, in ms.
pub const RETRY_CAP_MS: u64 = 10_000;

/// Calls re-handled after a crash, at most: a snapshot is taken before more gather. Where the last snapshot was
/// long there may be more, see [`SNAPSHOT_BYTES_PER_CALL`].
pub const REDO_CALLS: u64 = 4_096;
/// … of an agent that asks, which handles them again after each ask.
pub const REDO_CALLS_OF_ASKERS: usize = 64;
/// Bytes of snapshots that a call may cost, about: an agent with a long state is saved less often, so that its
/// log does not grow with the state's length at every few calls.
pub const SNAPSHOT_BYTES_PER_CALL: u64 = 256;
/// Bytes of calls re-handled after a crash, unless the snapshot itself is larger.
pub const REDO_BYTES: u64 = 256 << 10;
/// A checkpoint is due when the log since the last one is this long, in bytes, or twice the checkpoint's size.
pub const CHECKPOINT_BYTES: u64 = 4 << 20;

/// Bytes of a checkpoint that is written whenever a run is let go; a longer one only if the log since the last one is at
/// least half as long.
pub const LAST_CHECKPOINT_BYTES: u64 = 64 << 10;

/// Bytes of one component file.
pub const COMPONENT_BYTES: u64 = 64 << 20;
/// Bytes of one pipeline file.
pub const SOURCE_BYTES: u64 = 1 << 20;
/// Supervisors within each other, the root counted.
pub const SUPERVISOR_DEPTH: usize = 64;
/// Agents of one pipeline.
pub const AGENTS: usize = 10_000;
/// Modules of one pipeline: uses of them, those inside of modules included.
pub const MODULES: usize = 1_024;
/// Nesting of modules.
pub const MODULE_DEPTH: usize = 16;
/// Bytes of a value stored under one key; a longer payload is cut into chunks.
pub const CHUNK_BYTES: usize = 16 << 10;

/// Staged bytes of one agent that wait to be written; beyond it the agent waits too.
pub const UNWRITTEN_BYTES: u64 = 8 << 20;
/// Files that one agent has closed and that wait to be written; beyond it the agent waits too.
pub const UNWRITTEN_FILES: usize = 64;
/// Named types of one pipeline.
pub const TYPES: usize = 4_096;
