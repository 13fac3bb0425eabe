//! An actor that keeps a running total, in versions that differ in what they send and in what they keep in mind.

/// A version: takes `u64`s at `in`, and sends the total so far on `out` after each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version {
    /// What stands before and behind each total, so that it shows who sent it.
    pub(crate) marks: (char, char),
    /// It keeps a word before the total in mind, and begins with nothing less.
    pub(crate) long: bool,
    /// The body of `migrate`, if there is one, see [`MIGRATES`].
    pub(crate) migrate: Option<&'static str>,
}

/// Sends a number.
pub(crate) const FIRST: Version = Version { marks: (' ', ' '), long: false, migrate: None };
/// Sends a list, and keeps in mind what the first does.
pub(crate) const SECOND: Version = Version { marks: ('[', ']'), ..FIRST };
/// Sends a text, and keeps in mind more, which it makes of what the others keep.
pub(crate) const THIRD: Version =
    Version { marks: ('"', '"'), long: true, migrate: Some(MIGRATES) };

/// Puts the word before the total; what is no total is a fault.
pub(crate) const MIGRATES: &str = r"
    (if (i32.ne (local.get $len) (i32.const 8)) (then
        (i32.store8 (i32.const 1200) (i32.const 1))
        (i32.store (i32.const 1204) (i32.const 80)) (i32.store (i32.const 1208) (i32.const 9))
        (i32.store (i32.const 1212) (i32.const 96)) (i32.store (i32.const 1216) (i32.const 11))
        (return (i32.const 1200))))
    (i64.store (i32.const 2300) (i64.load (i32.const 112)))
    (i64.store (i32.const 2308) (i64.load (local.get $saved)))
    (i32.store (i32.const 1204) (i32.const 2300)) (i32.store (i32.const 1208) (i32.const 16))";
/// Answers a fault, whatever is saved.
pub(crate) const FAULTS: &str = r"
    (i32.store8 (i32.const 1200) (i32.const 1))
    (i32.store (i32.const 1204) (i32.const 80)) (i32.store (i32.const 1208) (i32.const 9))
    (i32.store (i32.const 1212) (i32.const 96)) (i32.store (i32.const 1216) (i32.const 11))";
pub(crate) const TRAPS: &str = "unreachable";
pub(crate) const LOOPS: &str = "(loop $l (br $l))";
/// Answers with 100 MB, of the memory that it has.
pub(crate) const FLOODS: &str = r"
    (drop (memory.grow (i32.const 1700)))
    (i32.store (i32.const 1204) (i32.const 0)) (i32.store (i32.const 1208) (i32.const 104857600))";

impl Version {
    /// The file of its component.
    pub(crate) fn file(self) -> Vec<u8> {
        let Self { marks: (open, close), long, migrate } = self;
        let migrate = migrate.map_or_else(String::new, |body| {
            format!(
                r#"(func (export "theater:flow/migration@0.1.0#migrate")
                    (param i32 i32) (param $saved i32) (param $len i32) (result i32)
                    {body}
                    (i32.const 1200))"#
            )
        });
        let text = MODULE
            .replace("OPEN", &u32::from(open).to_string())
            .replace("CLOSE", &u32::from(close).to_string())
            .replace("KEPT", if long { "16" } else { "8" })
            .replace("MIGRATE", &migrate);
        wat::parse_str(text).expect("good text")
    }
}

/// What it keeps in mind ends at 2064: the total, behind the word if it keeps that.
const MODULE: &str = r#"(module
  (import "theater:flow/outbox@0.1.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 65536))
  (@custom "component-type" "")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (block $fits
      (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
      (drop (memory.grow (i32.add (i32.div_u (local.get 3) (i32.const 65536)) (i32.const 1)))))
    (local.get $at))
  (data (i32.const 16) "out")
  (data (i32.const 32) "{}")
  (data (i32.const 48) "in")
  (data (i32.const 64) "u64")
  (data (i32.const 72) "json")
  (data (i32.const 80) "bad-state")
  (data (i32.const 96) "not like so")
  (data (i32.const 112) "total is")
  (data (i32.const 1024) "\10\00\00\00\03\00\00\00\20\00\00\00\02\00\00\00\00")
  (data (i32.const 1056) "\00\00\00\00\14\05\00\00\02\00\00\00")
  (data (i32.const 1300)
    "\30\00\00\00\02\00\00\00\00\00\00\00\40\00\00\00\03\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\10\00\00\00\03\00\00\00\01\00\00\00\48\00\00\00\04\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
  (data (i32.const 2048) "total is")
  (func (export "theater:flow/actor@0.1.0#about") (result i32) (i32.const 1024))
  (func (export "theater:flow/actor@0.1.0#ports") (param i32 i32) (result i32) (i32.const 1056))
  (func (export "theater:flow/actor@0.1.0#init")
    (param i32 i32) (param $some i32) (param $saved i32) (param $len i32) (result i32)
    (if (local.get $some) (then
      (if (i32.ne (local.get $len) (i32.const KEPT)) (then
        (i32.store8 (i32.const 1088) (i32.const 1))
        (i32.store (i32.const 1092) (i32.const 80)) (i32.store (i32.const 1096) (i32.const 9))
        (i32.store (i32.const 1100) (i32.const 96)) (i32.store (i32.const 1104) (i32.const 11))
        (return (i32.const 1088))))
      (memory.copy
        (i32.sub (i32.const 2064) (i32.const KEPT)) (local.get $saved) (i32.const KEPT))))
    (i32.const 1088))
  (func $digit (param $at i32) (result i64)
    (i64.extend_i32_u (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
  (func (export "theater:flow/actor@0.1.0#handle")
    (param $case i32) (param i32 i32) (param $body i32) (param $len i32) (result i32)
    (local $number i64) (local $at i32)
    (if (i32.ne (local.get $case) (i32.const 2)) (then (return (i32.const 1120))))
    (local.set $at (local.get $body))
    (loop $more
      (local.set $number (i64.add
        (i64.mul (local.get $number) (i64.const 10)) (call $digit (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $at) (i32.add (local.get $body) (local.get $len)))))
    (i64.store (i32.const 2056) (i64.add (i64.load (i32.const 2056)) (local.get $number)))
    (local.set $number (i64.load (i32.const 2056)))
    (local.set $at (i32.const 4095))
    (i32.store8 (local.get $at) (i32.const CLOSE))
    (loop $more
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i64.store8 (local.get $at)
        (i64.add (i64.rem_u (local.get $number) (i64.const 10)) (i64.const 48)))
      (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
      (br_if $more (i64.ne (local.get $number) (i64.const 0))))
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (i32.store8 (local.get $at) (i32.const OPEN))
    (call $emit (i32.const 16) (i32.const 3)
      (local.get $at) (i32.sub (i32.const 4096) (local.get $at)) (i32.const 3072))
    (i32.const 1120))
  (func (export "cabi_post_theater:flow/actor@0.1.0#handle") (param i32)
    (global.set $next (i32.const 65536)))
  (func (export "theater:flow/actor@0.1.0#snapshot") (result i32)
    (i32.store (i32.const 1152) (i32.sub (i32.const 2064) (i32.const KEPT)))
    (i32.store (i32.const 1156) (i32.const KEPT))
    (i32.const 1152))
  MIGRATE)"#;
