use serde_json::{Value, json};
use theater_flow_sdk::{Event, Next, Trial};

use super::Template;

/// The message that comes of one, or code and message of the fault.
fn made(config: &Value, body: &str) -> Result<String, String> {
    let mut trial = Trial::<Template>::new(&config.to_string()).expect("a good config");
    let handled = trial.message("in", body);
    handled
        .next
        .map_err(|fault| format!("{}: {}", fault.code, fault.message))?;
    let [(port, body)] = &handled.emitted[..] else {
        panic!("one message became {:?}", handled.emitted);
    };
    assert_eq!(port, "out");
    Ok(body.clone())
}

fn text(template: &str, body: &str) -> String {
    let made = made(&json!({ "template": template }), body);
    made.map_or_else(
        |fault| fault,
        |body| serde_json::from_str(&body).expect("a string"),
    )
}

#[test]
fn fields_are_variables_and_this_is_the_whole() {
    let body = r#"{"z":"x","a":{"b":[1,2]},"n":null}"#;
    let cases = [
        ("{{ z }}-{{ a.b[1] }}", "x-2"),
        ("{{ this.z }}", "x"),
        ("{{ this }}", body),
        ("{% for k in this %}{{ k }} {% endfor %}", "z a n "),
        (
            "{% for k, v in a | items %}{{ k }}={{ v }}{% endfor %}",
            "b=[1,2]",
        ),
        ("{{ a | tojson }}", r#"{"b": [1, 2]}"#),
        ("{{ n }} {{ n is none }} {{ 1 == 1 }}", "null true true"),
        ("{{ z | upper }}{# no #}\n", "X"),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(z) }}", "<x>"),
    ];
    for (template, expected) in cases {
        assert_eq!(text(template, body), expected, "{template}");
    }
    assert_eq!(text("{{ this }} {{ this | length }}", "[1,2]"), "[1,2] 2");
    assert_eq!(text("{{ this }}", "\"a\\n<b>\""), "a\n<b>");
}

#[test]
fn numbers_keep_their_digits() {
    for number in [
        "0",
        "2147483648",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "0.1",
        "1.0",
        "-0.0",
        "1e-7",
        "1e+300",
    ] {
        assert_eq!(text("{{ n }}", &format!(r#"{{"n":{number}}}"#)), number);
        assert_eq!(
            text("{{ this }}", &format!("[{number}]")),
            format!("[{number}]")
        );
    }
    assert_eq!(
        text("{{ n + 1 }}", r#"{"n":9007199254740992}"#),
        "9007199254740993"
    );
}

#[test]
fn what_is_not_there_is_a_fault_unless_it_is_empty() {
    let body = r#"{"item":{"name":"x"}}"#;
    let cases = [
        (
            "a\n{{ item.nme }}",
            "undefined: `template`, line 2, column 4: `item.nme` is undefined",
        ),
        (
            "{% if nope %}{% endif %}",
            "undefined: `template`, line 1, column 7: `nope` is undefined",
        ),
        ("{{ nope | default('-') }}{{ nope is defined }}", "-false"),
    ];
    for (template, expected) in cases {
        assert_eq!(text(template, body), expected);
    }
    let config =
        json!({ "template": "<{{ a.b.c }}{% for x in y %}{% endfor %}>", "undefined": "empty" });
    assert_eq!(made(&config, body), Ok("\"<>\"".into()));
}

#[test]
fn a_path_makes_a_record() {
    let config = json!({ "template": "# {{ t }}", "path": "out/{{ id }}.html", "escape": "html" });
    assert_eq!(
        made(&config, r#"{"id":"a&b","t":"<x> & \"y\""}"#),
        Ok(r##"{"path":"out/a&b.html","text":"# &lt;x&gt; &amp; &quot;y&quot;"}"##.into())
    );
    assert_eq!(
        made(&config, r#"{"t":1}"#),
        Err("undefined: `path`, line 1, column 8: `id` is undefined".into())
    );
}

#[test]
fn what_fails_is_a_fault() {
    let cases = [
        (
            "{{ x + 1 }}",
            "template-error: `template`, line 1, column 4: ",
        ),
        (
            "{% if x == 's' %}{{ x | nope }}{% endif %}",
            "template-error: `template`, line 1, column ",
        ),
        (
            "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(x) }}",
            "template-error: `template`, line 1, ",
        ),
        (
            "{% for i in range(40000) %}{{ big }}{% endfor %}",
            "too-large: the text of `template` has more than 16777216 bytes",
        ),
    ];
    let body = json!({ "x": "s", "big": "y".repeat(1000) }).to_string();
    for (template, expected) in cases {
        let got = text(template, &body);
        assert!(got.starts_with(expected), "{template}: {got}");
    }
    assert!(text("", "{").starts_with("bad-message: "));
}

#[test]
fn a_bad_template_is_refused_with_its_place() {
    let cases = [
        (json!({ "template": "a\n{{ x" }), "/template", "line 2"),
        (json!({ "template": "{% for %}" }), "/template", "line 1"),
        (
            json!({ "template": "{% include 'x' %}" }),
            "/template",
            "unknown statement include",
        ),
        (
            json!({ "template": "a\n {{ x | uper }}" }),
            "/template",
            "line 2, column 9",
        ),
        (json!({ "template": "{{ now() }}" }), "/template", "now"),
        (json!({ "template": "{{ debug() }}" }), "/template", "debug"),
        (json!({ "template": "x", "path": "{{" }), "/path", "line 1"),
        (
            json!({ "template": "x", "path": "" }),
            "/path",
            "expected 1 to 1048576 characters",
        ),
        (
            json!({ "template": "x".repeat(1 << 20) + "x" }),
            "/template",
            "1048576 characters",
        ),
        (
            json!({ "template": "é".repeat(1 << 19) + "x" }),
            "/template",
            "1048576 bytes",
        ),
        (
            json!({ "template": "x", "escape": "xml" }),
            "/escape",
            "unknown variant",
        ),
    ];
    for (config, pointer, message) in cases {
        let faults = Trial::<Template>::new(&config.to_string())
            .err()
            .expect("a fault");
        assert_eq!(faults[0].pointer, pointer);
        assert!(faults[0].message.contains(message), "{}", faults[0].message);
    }
    let both = Trial::<Template>::new(r#"{"template":"{{","path":"{{"}"#).err();
    assert_eq!(both.expect("faults").len(), 2);
}

#[test]
fn other_events_do_nothing() {
    let mut trial = Trial::<Template>::new(r#"{"template":"x"}"#).expect("a good config");
    for event in [Event::Start, Event::Pull, Event::Closed("in".into())] {
        assert_eq!(trial.handle(event).next, Ok(Next::Wait));
    }
    assert!(trial.snapshot().is_empty());
}
