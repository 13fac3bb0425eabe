//! Types, words and actors, as others call them. Those stand in a row, without capitals, `_` and `-`.

/// Types.
pub(super) const TYPES: &[(&str, &str)] = &[
    ("string", "str text varchar uuid url date datetime timestamp time path"),
    ("s64", "int integer long bigint i64 int64 isize signed"),
    ("s32", "i32 int32"),
    ("s16", "i16 int16 short"),
    ("s8", "i8 int8"),
    ("u64", "uint uint64 usize unsigned ulong size"),
    ("u32", "uint32"),
    ("u16", "uint16"),
    ("u8", "byte uint8"),
    ("f64", "float double number float64 decimal real"),
    ("f32", "float32 single"),
    ("bool", "boolean flag"),
    ("bytes", "binary blob buffer bytea"),
    ("json", "object any map dict hash dictionary hashmap value unknown mixed anyvalue"),
    ("list", "array vec vector sequence seq set slice"),
    ("option", "optional maybe nullable"),
    ("variant", "union oneof taggedunion"),
];

/// Words of the format.
pub(super) const WORDS: &[(&str, &str)] = &[
    ("permanent", "always unlessstopped true yes"),
    ("transient", "onfailure onerror onabnormal"),
    ("temporary", "never no none false"),
    ("checkpoint", "snapshot latest last state saved resume"),
    ("fresh", "none clean empty new reset initial"),
    ("constant", "fixed static none flat"),
    ("exponential", "exp expo double"),
    ("block", "wait backpressure pause buffer"),
    ("drop-oldest", "dropold dropfirst drophead latest ring circular"),
    ("drop-newest", "dropnew drop droplast droptail discard reject"),
    ("fail", "error crash raise abort"),
    ("one-for-one", "oneone single simpleoneforone individual"),
    ("one-for-all", "all group"),
    ("rest-for-one", "rest restforall following"),
    ("infinity", "infinite forever never unlimited none wait inf drain graceful"),
    (
        "brutal-kill",
        "kill sigkill now immediate immediately force forced abort brutal zero hard terminate",
    ),
    ("any-significant", "any one first anysignificantchild onany"),
    ("all-significant", "all last every allsignificantchildren onall"),
    ("dead-letter", "dlq deadletters deadletter letter drop discard skip"),
    ("reject", "refuse fail error deny abort rollback block strict"),
    ("drain", "finish complete graceful gracefully end"),
    ("stop", "kill halt terminate cancel suspend pause"),
    ("keep", "ignore leave retain nothing none continue run"),
    ("never", "no none off false disabled manual"),
];

/// Actors of the stdlib.
pub(super) const ACTORS: &[(&str, &str)] = &[
    ("std/stdout", "console print echo log"),
    ("std/stdin-lines", "stdin input readline"),
    ("std/file-lines", "lines tail filesource readlines cat"),
    ("std/file-read", "readfile read fileread"),
    ("std/file-walk", "walk glob find ls listfiles directory"),
    ("std/file-write", "file filesink writefile write save"),
    ("std/csv-read", "csv readcsv"),
    ("std/map", "transform remap jq select mapping"),
    ("std/filter", "where"),
    ("std/match", "grep regex regexp"),
    ("std/route", "switch router branch if case"),
    ("std/split", "flatten explode foreach unnest flatmap"),
    ("std/aggregate", "reduce groupby count sum"),
    ("std/dedupe", "dedup distinct unique uniq"),
    ("std/delay", "sleep throttle wait"),
    ("std/template", "jinja render format"),
    ("std/timer", "cron schedule interval tick every"),
];
