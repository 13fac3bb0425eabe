//! Every fault code, in one table. Each has a page in `explain/` and at least one case in
//! `tests/cases/`; a test fails where either is missing. Codes are never reused.

/// A kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code {
    /// `TF0102`.
    pub id: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Its page, in Markdown.
    pub page: &'static str,
}

macro_rules! codes {
    ($($(#[$group:meta])* $name:ident = $id:literal $title:literal)*) => {
        $(
            $(#[$group])*
            pub(crate) const $name: Code = Code {
                id: $id,
                title: $title,
                page: include_str!(concat!("../explain/", $id, ".md")),
            };
        )*

        /// All of them, by number.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    // TF01xx: syntax and shape.
    SYNTAX = "TF0101" "not TOML"
    UNKNOWN_KEY = "TF0102" "unknown key"
    MISSING_KEY = "TF0103" "missing key"
    WRONG_KIND = "TF0104" "wrong kind of value"
    FORMAT = "TF0105" "not format 1"
    BAD_NAME = "TF0106" "not a name"
    NOT_YET = "TF0107" "part of format 1, but not in this version"
    UNIT = "TF0108" "not a duration or a size"
    WORD = "TF0109" "not one of the allowed words"
    TOO_LARGE = "TF0110" "too large a file"
    NOT_MODULE = "TF0111" "not a module, or only one"
    // TF02xx: names and wiring.
    ORPHAN = "TF0201" "no supervisor"
    TWO_PARENTS = "TF0202" "two supervisors"
    UNKNOWN_CHILD = "TF0203" "unknown child"
    SUPERVISOR_CYCLE = "TF0204" "supervisors in a circle"
    UNKNOWN_ACTOR = "TF0205" "unknown actor"
    BAD_COMPONENT = "TF0206" "not an actor"
    UNKNOWN_AGENT = "TF0207" "unknown agent"
    UNKNOWN_PORT = "TF0208" "unknown port"
    BAD_REFERENCE = "TF0209" "unclear reference"
    UNWIRED = "TF0210" "unwired input"
    CYCLE = "TF0211" "cycle without feedback"
    UNUSED_OUTPUT = "TF0212" "unused output"
    TWICE = "TF0213" "the same wire twice"
    UNKNOWN_CHANNEL = "TF0214" "unknown channel"
    DEAD_LETTER = "TF0215" "not an agent for dead letters"
    PIN = "TF0216" "another component than the pinned one"
    SAME_NAME = "TF0217" "one name for two things"
    NO_CYCLE = "TF0218" "feedback without a cycle"
    INSIDE = "TF0219" "inside of a module"
    MODULE_CYCLE = "TF0220" "modules in a circle"
    UNREACHED = "TF0221" "agents that nothing reaches"
    SIGNIFICANT = "TF0222" "`significant` without an effect"
    ABOVE_ROOT = "TF0223" "key without a meaning at the root"
    GROUP_RESTORED = "TF0224" "group that comes back as it was"
    NOBODY_SIGNIFICANT = "TF0225" "`auto_shutdown` without a significant child"
    COMES_BACK = "TF0226" "supervisor that shuts itself down and is started again"
    // TF03xx: types.
    TYPE_SYNTAX = "TF0301" "not a type"
    UNKNOWN_TYPE = "TF0302" "unknown type"
    REFUSED_TYPE = "TF0303" "refused type"
    ENDLESS_TYPE = "TF0304" "type without an end"
    DEEP_TYPE = "TF0305" "types too deep or too many"
    MISMATCH = "TF0306" "type mismatch"
    CONFLICT = "TF0307" "two types for one variable"
    UNSOLVED = "TF0308" "open type"
    BAD_OUTPUTS = "TF0309" "`outputs` does not fit the actor"
    ACTOR_PORTS = "TF0310" "the actor's ports make no sense"
    // TF04xx: grants and limits.
    NO_GRANT = "TF0401" "missing grant"
    IDLE_GRANT = "TF0402" "grant without use"
    NO_ROOT = "TF0403" "missing file root"
    RANGE = "TF0404" "number out of range"
    SAME_FILE = "TF0405" "two agents write one file"
    BAD_ROOT = "TF0406" "not a file root"
    NO_IMPORT = "TF0407" "the actor wants what this engine does not offer"
    BAD_HOST = "TF0408" "not an HTTP grant"
    FRESH_ASKER = "TF0409" "`http` and a restart with empty state"
    // TF05xx: values, params and config.
    UNKNOWN_PARAM = "TF0501" "unknown param"
    PARAM_TYPE = "TF0502" "param of the wrong type"
    NO_VALUE = "TF0503" "param without a value"
    UNUSED_PARAM = "TF0504" "unused param"
    UNKNOWN_SET = "TF0505" "`--set` of an unknown param"
    NO_ENV = "TF0506" "missing environment variable"
    NO_FILE = "TF0507" "file cannot be read"
    CONFIG = "TF0508" "bad config"
    NO_JSON = "TF0509" "value without a JSON form"
    MISPLACED = "TF0510" "reference in the wrong place"
    NOT_REPLACED = "TF0511" "text that stays as it is"
    // TF06xx: tests.
    TEST_NAME = "TF0601" "tests that cannot be told apart"
    TEST_VALUE = "TF0602" "message of a test that its port does not take"
}

/// The page of a code: what it means, a wrong example, a right one. `None` for an unknown code. The
/// case of the code's letters does not matter.
#[must_use]
pub fn explain(code: &str) -> Option<&'static str> {
    ALL.iter().find(|known| known.id.eq_ignore_ascii_case(code)).map(|known| known.page)
}
