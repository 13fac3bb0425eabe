//! Values without parts, and `json`.

use theater_flow_kernel::types::Type;

use crate::{bad, good};

#[test]
fn integers_are_written_without_point_or_exponent_and_in_range() {
    for (ty, low, high, below, above) in [
        (Type::U8, "0", "255", "-1", "256"),
        (Type::U16, "0", "65535", "-1", "65536"),
        (Type::U32, "0", "4294967295", "-1", "4294967296"),
        (Type::U64, "0", "18446744073709551615", "-1", "18446744073709551616"),
        (Type::S8, "-128", "127", "-129", "128"),
        (Type::S16, "-32768", "32767", "-32769", "32768"),
        (Type::S32, "-2147483648", "2147483647", "-2147483649", "2147483648"),
        (
            Type::S64,
            "-9223372036854775808",
            "9223372036854775807",
            "-9223372036854775809",
            "9223372036854775808",
        ),
    ] {
        good(&ty, &["0", "7", " 7\n", low, high]);
        bad(&ty, &[below, above, "-0", "1.0", "1e0", "00", "07", "+1", "0x1", "-", "", "\"1\""]);
        bad(&ty, &["1 2", "1,", "null", "true", "[1]", "99999999999999999999999999999999", "1a"]);
    }
}

#[test]
fn floats_are_finite_and_integers_exact() {
    good(
        &Type::F64,
        &["0", "-0", "9007199254740992", "-9007199254740992", "0.1", "1e308", "1E-999"],
    );
    good(&Type::F64, &["9007199254740993.0", "1.7976931348623157e308", "-1.5e+3", "0e99999999999"]);
    bad(&Type::F64, &["9007199254740993", "-9007199254740993", "1e309", "-1e309", "1.8e308"]);
    bad(&Type::F64, &["NaN", "Infinity", "1.", ".5", "1e", "1e+", "-.5", "01.5", "null", "\"1\""]);
    good(&Type::F32, &["-0", "16777216", "-16777216", "0.1", "3.4028235e38", "16777217.0"]);
    bad(&Type::F32, &["16777217", "-16777217", "3.5e38", "1e39", "-1e39"]);
    let zeros = "0".repeat(400);
    good(&Type::F64, &[&format!("0.{zeros}"), &format!("0.{zeros}1e400")]);
    bad(&Type::F64, &[&format!("1{zeros}.0"), &format!("1{zeros}")]);
    good(&Type::F32, &["99999999999999999999999999999999999.9", &format!("1{}.0", &zeros[..38])]);
    bad(&Type::F32, &[&format!("1{}.0", &zeros[..39])]);
}

#[test]
fn strings_hold_no_control_characters_or_lone_surrogates() {
    good(
        &Type::String,
        &["\"\"", "\"a\"", r#""\"\\\/\b\f\n\r\t""#, r#""\ud83d\ude00""#, "\"😀\u{7f}\""],
    );
    bad(&Type::String, &["\"", "\"a", "\"\\\"", "\"\n\"", "\"\u{1f}\"", "\"\u{0}\"", "'a'", "a"]);
    bad(
        &Type::String,
        &[r#""\x""#, r#""\u12""#, r#""\u12g4""#, r#""\u+123""#, "\"\\é\"", "\"a\" \"b\""],
    );
    bad(&Type::String, &[r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\u0041""#, r#""\ud83d\ud83d""#]);
    bad(
        &Type::String,
        &[r#""\ud83dude00""#, r#""\ud83d\n""#, r#""\ud83d\ude0""#, r#""\ude00\ud83d""#],
    );
    good(&Type::Char, &["\"a\"", "\"😀\"", r#""\u0000""#, r#""\ud83d\ude00""#, r#""\n""#]);
    bad(&Type::Char, &["\"\"", "\"ab\"", "\"e\u{301}\"", "97", r#""\ud83d""#]);
}

#[test]
fn bytes_are_canonical_padded_base64() {
    good(
        &Type::Bytes,
        &["\"\"", "\"QQ==\"", "\"QUI=\"", "\"QUJD\"", "\"AAAA+/+/\"", r#""\/\/\/\/""#],
    );
    bad(
        &Type::Bytes,
        &["\"QQ\"", "\"QR==\"", "\"QUJ=\"", "\"QUJD=\"", "\"====\"", "\"Q===\"", "\"=QQ=\""],
    );
    bad(
        &Type::Bytes,
        &["\"QUJ-\"", "\"QU_D\"", "\"QQ==QUJD\"", "\"QQ= \"", "\"Q=Q=\"", "\"éé\"", "[1]"],
    );
}

#[test]
fn booleans_are_two_words() {
    good(&Type::Bool, &["true", "false", "\ttrue\r\n"]);
    bad(&Type::Bool, &["True", "tru", "truee", "1", "\"true\"", "null", "true false"]);
}

#[test]
fn json_is_any_value() {
    good(
        &Type::Json,
        &["null", "true", "\"\"", "[]", "{}", "[ ]", "{ }", "[1,[2],{\"a\":{}}]", "-0"],
    );
    good(&Type::Json, &["-9223372036854775808", "18446744073709551615", "1e308", "-0.0"]);
    bad(&Type::Json, &["-9223372036854775809", "18446744073709551616", "1e309", "[1e309]"]);
    bad(
        &Type::Json,
        &["", " ", "[", "]", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}"],
    );
    bad(
        &Type::Json,
        &["{a:1}", "{1:1}", "nul", "[}", "{]", "\u{feff}1", "\u{a0}1", "//", "{\"a\":1 \"b\":2}"],
    );
}
