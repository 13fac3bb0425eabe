;; `probe-table`: grows a table, for which Rust has no word. By hand, after the canonical ABI.
(module
  (import "theater:flow/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (memory (export "memory") 1)
  (table $grown 1 funcref)
  ;; The next free byte. What the host puts into a call's arguments is gone after the call.
  (global $free (mut i32) (i32.const 1024))

  ;; 0: about's answer, a description: doc, config schema, stateless.
  (data (i32.const 0) "\00\01\00\00\9b\00\00\00\9b\01\00\00\2e\00\00\00\01\00\00\00")
  ;; 32: ports' answer, ok of a list of one.
  (data (i32.const 32) "\00\00\00\00\40\00\00\00\01\00\00\00")
  ;; 64: the port: name, direction, type, optional, doc.
  (data (i32.const 64) "\c9\01\00\00\02\00\00\00\00\00\00\00\cb\01\00\00\04\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00")
  ;; 128: init's and handle's answer: ok, wait. 160: snapshot's, nothing.
  (data (i32.const 256) "Grows a table as far as it can at each message, for tests.\n\nWhat came of it is logged: `table: refused`, or `table: unbounded` at 2^27 elements.\nUses: log.")
  (data (i32.const 411) "{\"type\":\"object\",\"additionalProperties\":false}")
  (data (i32.const 457) "in")
  (data (i32.const 459) "json")
  (data (i32.const 463) "table: refused")
  (data (i32.const 477) "table: unbounded")

  (func (export "theater:flow/actor@0.1.0#about") (result i32)
    (i32.const 0))

  (func (export "theater:flow/actor@0.1.0#ports") (param i32 i32) (result i32)
    (call $forget)
    (i32.const 32))

  (func (export "theater:flow/actor@0.1.0#init") (param i32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.const 128))

  (func (export "theater:flow/actor@0.1.0#handle") (param i32 i32 i32 i32 i32) (result i32)
    (call $forget)
    ;; Case 2 of an event is a message.
    (if (i32.eq (local.get 0) (i32.const 2)) (then (call $grow)))
    (i32.const 128))

  (func (export "theater:flow/actor@0.1.0#snapshot") (result i32)
    (i32.const 160))

  (func $grow
    (loop $more
      (if (i32.eq (table.grow $grown (ref.null func) (i32.const 4096)) (i32.const -1))
        (then (call $log (i32.const 1) (i32.const 463) (i32.const 14)) (return)))
      (br_if $more (i32.lt_u (table.size $grown) (i32.const 0x8000000))))
    (call $log (i32.const 1) (i32.const 477) (i32.const 16)))

  (func $forget
    (global.set $free (i32.const 1024)))

  ;; Takes the next bytes, of any alignment up to 8, and gives none back.
  (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $len i32)
    (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get $len)))
    (block $fits
      (br_if $fits
        (i32.le_u (global.get $free) (i32.shl (memory.size) (i32.const 16))))
      (br_if $fits
        (i32.ne
          (memory.grow (i32.add (i32.shr_u (local.get $len) (i32.const 16)) (i32.const 1)))
          (i32.const -1)))
      (unreachable))
    (memory.copy (local.get $at) (local.get $old) (local.get $had))
    (local.get $at)))
