//! Keys of tables, as others call them, and where they belong. Words stand in a row, without capitals, `_` and `-`.

/// A key, and what others call it.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// Other words for the same value.
    pub(super) same: &'static str,
    /// Other words for something like it, with a value of another form.
    pub(super) like: &'static str,
    /// How it is written here.
    pub(super) example: &'static str,
}

const fn key(
    name: &'static str,
    same: &'static str,
    like: &'static str,
    example: &'static str,
) -> Key {
    Key { name, same, like, example }
}

pub(super) const KEYS: &[Key] = &[
    // The file.
    key("format", "version apiversion schemaversion", "pipeline workflow metadata", "format = 1"),
    key("name", "id title", "pipeline workflow metadata", "name = \"my-pipeline\""),
    key(
        "agents",
        "agent nodes tasks jobs services sources transforms sinks components actors processors stages workers operators",
        "steps processes dag flows edges",
        "[agents.<name>] with actor = \"std/…\"",
    ),
    key(
        "supervisors",
        "supervisor supervision groups",
        "",
        "[supervisors.root] with children = [\"…\"]",
    ),
    key(
        "params",
        "inputs parameters args arguments variables vars",
        "env environment",
        "[params] with <name> = { type = \"string\", default = \"…\" }",
    ),
    key(
        "types",
        "schemas definitions models messages",
        "",
        "[types] with <Name> = { <field> = \"string\" }",
    ),
    key(
        "errors",
        "",
        "handleron onerror onfailure errorhandler onexit deadletter dlq",
        "[errors] with dead_letter = \"<agent>\"",
    ),
    key(
        "reload",
        "hotreload livereload reloading",
        "onreload watch update updates updateconfig upgrade",
        "[reload] with on_state_mismatch = \"fresh\"",
    ),
    key("defaults", "default global globals settings", "", "[defaults.agent]"),
    key(
        "channels",
        "channel queues buffers topics wires",
        "edges connections links",
        "[channels.\"<agent>.<output>\"]",
    ),
    key(
        "use",
        "uses modules imports import includes include",
        "",
        "[use.<name>] with from = \"part.toml\"",
    ),
    // An agent.
    key(
        "actor",
        "type uses use kind component image module wasm plugin operator processor",
        "command cmd exec entrypoint script call",
        "actor = \"std/stdout\", or the path of a component",
    ),
    key(
        "inputs",
        "needs dependson depends dependencies from source sources after in reads requires upstream subscribe",
        "",
        "inputs = \"<agent>\"",
    ),
    key("config", "with settings options args properties parameters params", "", "config = { … }"),
    key(
        "grants",
        "permissions capabilities permission capability grant allow",
        "",
        "grants = { stdout = true }",
    ),
    key(
        "retry",
        "retrypolicy retryconfig",
        "retries maxretries attempts maxattempts retrycount",
        "retry = { max = 3 }",
    ),
    key(
        "timeout",
        "deadline",
        "timeoutseconds timeoutsecs timeoutms timeoutsec timeoutminutes",
        "timeout = \"30s\"",
    ),
    key("restart", "restartpolicy", "", "restart = \"transient\""),
    key("restore", "recover recovery resume", "", "restore = \"checkpoint\""),
    key(
        "limits",
        "resources limit quota quotas",
        "mem memorylimit cpu",
        "limits = { memory = \"64MiB\" }",
    ),
    // A supervisor.
    key(
        "children",
        "childs child agents members nodes workers childspecs processes start",
        "",
        "children = [\"<agent>\", \"<agent>\"]",
    ),
    key("intensity", "maxrestarts restarts maxr restartlimit", "", "intensity = 3"),
    key("period", "window within restartwindow maxt", "maxseconds seconds", "period = \"5s\""),
    key(
        "delay",
        "restartdelay restartbackoff restartsec restartinterval cooldown",
        "wait pause",
        "delay = { base = \"100ms\", cap = \"10s\" }",
    ),
    key(
        "auto_shutdown",
        "autoshutdown shutdownon exitpolicy",
        "autostop exitonidle",
        "auto_shutdown = \"any-significant\"",
    ),
    // An agent or a supervisor.
    key(
        "shutdown",
        "shutdowntimeout shutdowntime graceperiod stopgraceperiod terminationgraceperiod stoptimeout killtimeout killafter timeoutstopsec",
        "terminationgraceperiodseconds brutalkill kill stopsignal killsignal drain stop exitstrategy",
        "shutdown = \"5s\"",
    ),
    key("significant", "essential critical important main", "", "significant = true"),
    // Below an agent.
    key(
        "max",
        "attempts maxattempts maximum limit count times retries tries maxretries",
        "",
        "max = 3",
    ),
    key(
        "backoff",
        "strategy policy type kind",
        "factor multiplier jitter",
        "backoff = \"exponential\"",
    ),
    key(
        "base",
        "delay initial interval wait initialdelay initialinterval mindelay min",
        "intervalsec delayms delayseconds",
        "base = \"100ms\"",
    ),
    key("cap", "maxdelay maxinterval maxbackoff maxwait", "", "cap = \"10s\""),
    key("memory", "mem ram", "memorymb memorymib", "memory = \"64MiB\""),
    key("fuel", "cpu gas instructions steps", "", "fuel = 2_000_000_000"),
    key(
        "files",
        "file filesystem fs storage paths",
        "read write folders dirs",
        "files = { read = [\"data\"], write = [\"out\"] }",
    ),
    key("stdout", "console print output terminal tty", "stdio", "stdout = true"),
    key("stdin", "input keyboard", "", "stdin = true"),
    key("clock", "time now date datetime", "", "clock = true"),
    key("random", "rand rng entropy", "", "random = true"),
    key("timer", "timers sleep delay", "", "timer = true"),
    key(
        "http",
        "network net internet https web url",
        "",
        "http = [{ host = \"api.example.com\" }]",
    ),
    key("host", "hostname domain server", "url address", "host = \"api.example.com\""),
    key("methods", "verbs", "method verb", "methods = [\"GET\"]"),
    key("read", "readable input inputs in ro", "", "read = [\"data\"]"),
    key("write", "writable writeable output outputs out append rw", "", "write = [\"out\"]"),
    // Wires.
    key("from", "source agent node producer input port", "", "from = \"<agent>.<output>\""),
    key("feedback", "loop cycle back", "", "feedback = true"),
    key(
        "rounds",
        "round maxrounds iterations maxiterations max limit times loops count",
        "",
        "rounds = 5",
    ),
    key(
        "capacity",
        "size queuesize buffer buffersize maxsize limit max length maxevents",
        "",
        "capacity = 256",
    ),
    key(
        "overflow",
        "whenfull onfull queuepolicy policy onoverflow full backpressure",
        "",
        "overflow = \"block\"",
    ),
    // Params and the rest.
    key("type", "kind ty schema", "", "type = \"string\""),
    key("default", "value defaultvalue initial", "", "default = \"…\""),
    key("description", "doc help desc comment about", "", "description = \"…\""),
    key(
        "dead_letter",
        "dlq deadletters deadletterqueue sink handler agent failure",
        "",
        "dead_letter = \"<agent>\"",
    ),
    key(
        "on_state_mismatch",
        "onstate statemismatch onstatechange onmigrationfailure onmigrationerror",
        "state migrate migration",
        "on_state_mismatch = \"fresh\"",
    ),
    key(
        "on_type_mismatch",
        "ontype typemismatch ontypechange onmisfit onschemachange",
        "messages type queued",
        "on_type_mismatch = \"dead-letter\"",
    ),
    key(
        "on_delete",
        "ondeleted onremove onremoval ondeletion deletionpolicy deletepolicy",
        "delete remove",
        "on_delete = \"stop\"",
    ),
    key("agent", "node agents", "", "[defaults.agent]"),
];

/// Words that mean something else, or nothing here, in tables that know a key.
pub(super) const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "actor",
        "to next then output outputs_to publish target targets sendto downstream",
        "the reader names the producer: write inputs = \"<this agent>\" at the agent that reads it",
    ),
    (
        "actor",
        "run shell bash entrypoint",
        "an agent runs a WebAssembly component, no command: actor = \"std/…\", or the path of a component",
    ),
    (
        "actor",
        "env environment envs",
        "an agent has no environment: a config takes a variable as { env = \"X\" }",
    ),
    (
        "actor",
        "onerror onfailure catch continueon continueonerror errors fallback handleron",
        "a message that fails goes by `retry`, then to the agent of [errors] dead_letter = \"<agent>\"",
    ),
    (
        "actor",
        "queuesize buffer buffersize maxinflight whenfull",
        "a queue is a channel's: [channels.\"<agent>.<output>\"] with `capacity` and `overflow`",
    ),
    (
        "actor",
        "if when condition unless filter",
        "an agent takes all that comes to it: put std/filter or std/route before it",
    ),
    (
        "actor",
        "replicas instances parallel parallelism concurrency foreach scale maxconcurrent",
        "an agent is one instance; two agents may read one output",
    ),
    (
        "actor",
        "maxrestarts restartlimit restartwindow restartdelay restartbackoff restartsec cooldown",
        "restarts are counted by the supervisor: `intensity`, `period` and `delay` of [supervisors.<name>]",
    ),
    ("actor", "name id label", "an agent's name stands in its header: [agents.<name>]"),
    (
        "actor",
        "supervisor parent group stage",
        "a supervisor names its agents: [supervisors.<name>] with children = [\"<agent>\"]",
    ),
    ("actor", "description doc comment", "write it as a comment: # …"),
    (
        "agents",
        "schedule cron on trigger triggers every interval",
        "a pipeline runs when it is started; inside, std/timer sends a message every so often",
    ),
    (
        "agents",
        "env environment secrets secret",
        "a config takes them where it needs them: { env = \"X\" } or { secret = \"X\" }",
    ),
    (
        "agents",
        "pipeline workflow metadata project",
        "`format` and `name` stand at the top of the file, below no section",
    ),
    (
        "channel",
        "restart shutdown",
        "for all agents it stands in [defaults.agent], for all supervisors in [defaults.supervisor]",
    ),
    ("channel", "restore retry timeout limits", "for all agents it stands in [defaults.agent]"),
    ("channel", "capacity overflow", "for all channels it stands in [defaults.channel]"),
    (
        "channel",
        "strategy intensity period delay autoshutdown",
        "for all supervisors it stands in [defaults.supervisor]",
    ),
    (
        "clock",
        "env environment secrets secret",
        "it takes no grant: a config takes a variable as { env = \"X\" }, a secret as { secret = \"X\" }",
    ),
];

/// Where the words of the format stand; these have their `_`.
pub(super) const HOMES: &[(&str, &str)] = &[
    (
        "capacity overflow",
        "belongs to a channel: [channels.\"<agent>.<output>\"], or [defaults.channel]",
    ),
    (
        "strategy children intensity period delay auto_shutdown",
        "belongs to a supervisor: [supervisors.<name>]",
    ),
    (
        "actor sha256 inputs outputs config grants restore retry timeout limits",
        "belongs to an agent: [agents.<name>]",
    ),
    (
        "restart shutdown significant",
        "belongs to an agent or a supervisor: [agents.<name>] or [supervisors.<name>]",
    ),
    ("max", "belongs to `retry` of an agent: retry = { max = 3, backoff = \"exponential\" }"),
    (
        "backoff base cap",
        "belongs to `retry` of an agent or `delay` of a supervisor: { backoff = \"exponential\", base = \"100ms\", cap = \"10s\" }",
    ),
    ("memory fuel", "belongs to `limits` of an agent: limits = { memory = \"64MiB\" }"),
    (
        "clock random timer stdin stdout files http",
        "belongs to `grants` of an agent: grants = { … }",
    ),
    ("read write", "belongs to `files` of the grants: grants = { files = { read = [\"…\"] } }"),
    (
        "host scheme port methods paths local redirects max_body on_unknown",
        "belongs to an entry of `http`: grants = { http = [{ host = \"api.example.com\" }] }",
    ),
    ("dead_letter", "belongs to [errors], once for all agents"),
    (
        "on_state_mismatch on_type_mismatch on_delete",
        "belongs to [reload], once for the whole pipeline",
    ),
    (
        "feedback rounds",
        "belongs to an edge: { from = \"<agent>.<output>\", feedback = true, rounds = 5 }",
    ),
    ("agents", "is a section of its own: [agents.<name>]"),
    ("supervisors", "is a section of its own: [supervisors.<name>]"),
    ("params types errors reload", "is a section of its own, below nothing else"),
];
