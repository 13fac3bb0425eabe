//! The functions of expressions: jaq's without those that touch the world, and a few of our own
//! where jaq's need large libraries or compile a regular expression at every call.

use jaq_core::load::parse::Def;
use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{DataT, Error, RunPtr, ValR};
use jaq_json::Val;
use jaq_std::ValT as _;

use super::fault::shown;
use super::format;
use super::pattern::{self, HasPatterns, Wanted};
use super::read::read;

type Native<D> = Filter<RunPtr<D>>;

/// Definitions of jaq that rest on functions which are not here, or which have a better one here.
const LEFT_OUT: &[&str] = &[
    "debug",
    "drem",
    "fromdate",
    "gamma",
    "halt",
    "halt_error",
    "logb",
    "nexttoward",
    "scalb",
    "significand",
    "stderr",
    "todate",
];

/// Written in jq.
const OWN: &str = r#"
def test(re): test(re; "");
def toarray: if isarray then . else [.] end;
def ascii: [.] | implode;
def cell_text: if . == null then "" elif isstring then . elif isarray or isobject then error("\(.) cannot stand in a cell") else tostring end;
def @csv: if isarray then . else error("@csv wants an array") end | [.[] | if isstring then csv_cell else cell_text end] | join(",");
def @tsv: if isarray then . else error("@tsv wants an array") end | [.[] | cell_text | tsv_cell] | join("\t");
"#;

/// All definitions.
pub(crate) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let kept = |def: &Def<&str>| !LEFT_OUT.contains(&def.name) && def.name != "test";
    let own = jaq_core::load::parse(OWN, |parser| parser.defs()).unwrap_or_default();
    jaq_core::defs()
        .chain(jaq_std::defs().filter(kept))
        .chain(jaq_json::defs())
        .chain(own)
}

/// All native functions.
///
/// Generic, since the compiler does not see that the values of one certain `D` are `Val` under `for<'a>`.
pub(crate) fn natives<D>() -> impl Iterator<Item = Fun<D>>
where
    D: for<'a> DataT<V<'a> = Val>,
    for<'a> D::Data<'a>: HasPatterns<'a>,
{
    jaq_core::funs()
        .chain(jaq_std::base_funs().filter(|(name, ..)| *name != "halt"))
        .chain(jaq_json::funs().filter(|(name, ..)| !matches!(*name, "fromjson" | "length")))
        .chain(values().into_iter().map(run))
        .chain(patterns().into_iter().map(run))
        .chain(formats().into_iter().map(run))
        .chain(mathematics().into_iter().map(run))
        .chain(mathematics_of_two().into_iter().map(run))
}

fn values<D: for<'a> DataT<V<'a> = Val>>() -> [Native<D>; 2] {
    [
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("length", v(0), |cv| bome(length(cv.1))),
    ]
}

/// jaq's own copies every string, and takes more than JSON.
fn from_json(value: &Val) -> ValR<Val> {
    let text = value.try_as_utf8_bytes_owned()?;
    read(text).map_err(|error| {
        let text = shown(value);
        Error::str(format_args!("cannot parse `{text}` as JSON: {error}"))
    })
}

/// jaq's own wraps around at the smallest of its small integers.
fn length(value: Val) -> ValR<Val> {
    let length = match &value {
        Val::Null => 0,
        Val::Num(_) if value < Val::from(0_usize) => return -value,
        Val::Num(_) => return Ok(value),
        Val::TStr(text) => String::from_utf8_lossy(text).chars().count(),
        Val::BStr(bytes) => bytes.len(),
        Val::Arr(items) => items.len(),
        Val::Obj(fields) => fields.len(),
        Val::Bool(_) => return Err(Error::str(format_args!("{value} has no length"))),
    };
    Ok(Val::from(length))
}

fn patterns<D>() -> [Native<D>; 4]
where
    D: for<'a> DataT<V<'a> = Val>,
    for<'a> D::Data<'a>: HasPatterns<'a>,
{
    [
        ("test", v(2), |cv| bome(pattern::test(cv))),
        ("matches", v(2), |cv| {
            bome(pattern::parts(cv, Wanted::Matches))
        }),
        ("split_", v(2), |cv| {
            bome(pattern::parts(cv, Wanted::Between))
        }),
        ("split_matches", v(2), |cv| {
            bome(pattern::parts(cv, Wanted::Both))
        }),
    ]
}

fn formats<D: for<'a> DataT<V<'a> = Val>>() -> [Native<D>; 8] {
    [
        ("csv_cell", v(0), |cv| bome(text(&cv.1, format::csv_cell))),
        ("tsv_cell", v(0), |cv| bome(text(&cv.1, format::tsv_cell))),
        ("escape_html", v(0), |cv| {
            bome(text(&cv.1, format::escape_html))
        }),
        ("unescape_html", v(0), |cv| {
            bome(text(&cv.1, format::unescape_html))
        }),
        ("encode_uri", v(0), |cv| {
            bome(text(&cv.1, format::encode_uri))
        }),
        ("decode_uri", v(0), |cv| {
            bome(bytes(&cv.1, format::decode_uri))
        }),
        ("encode_base64", v(0), |cv| {
            bome(text(&cv.1, theater_flow_sdk::bytes::encode))
        }),
        ("decode_base64", v(0), |cv| {
            bome(bytes(&cv.1, format::decode_base64))
        }),
    ]
}

fn text(value: &Val, f: impl Fn(&[u8]) -> String) -> ValR<Val> {
    Ok(f(value.try_as_utf8_bytes()?).into())
}

fn bytes(value: &Val, f: impl Fn(&[u8]) -> Result<Vec<u8>, String>) -> ValR<Val> {
    let bytes = f(value.try_as_utf8_bytes()?).map_err(Error::str)?;
    Ok(Val::utf8_str(bytes))
}

macro_rules! of_one {
    ($($name:literal: $function:expr),* $(,)?) => {
        [$(($name, v(0), |cv| bome(double(&cv.1).map(|x| Val::from($function(x)))))),*]
    };
}

fn mathematics<D: for<'a> DataT<V<'a> = Val>>() -> [Native<D>; 21] {
    of_one! {
        "acos": f64::acos,
        "asin": f64::asin,
        "atan": f64::atan,
        "cbrt": f64::cbrt,
        "cos": f64::cos,
        "cosh": f64::cosh,
        "exp": f64::exp,
        "exp10": |x| f64::powf(10.0, x),
        "exp2": f64::exp2,
        "expm1": f64::exp_m1,
        "fabs": f64::abs,
        "log": f64::ln,
        "log10": f64::log10,
        "log1p": f64::ln_1p,
        "log2": f64::log2,
        "sin": f64::sin,
        "sinh": f64::sinh,
        "sqrt": f64::sqrt,
        "tan": f64::tan,
        "tanh": f64::tanh,
        "trunc": f64::trunc,
    }
}

macro_rules! of_two {
    ($($name:literal: $function:expr),* $(,)?) => {
        [$(($name, v(2), |mut cv| {
            let second = cv.0.pop_var();
            unary(cv, move |_, first| {
                Ok(Val::from($function(double(&first)?, double(&second)?)))
            })
        })),*]
    };
}

fn mathematics_of_two<D: for<'a> DataT<V<'a> = Val>>() -> [Native<D>; 7] {
    of_two! {
        "atan2": f64::atan2,
        "copysign": f64::copysign,
        "fmax": f64::max,
        "fmin": f64::min,
        "fmod": |x: f64, y| x % y,
        "hypot": f64::hypot,
        "pow": f64::powf,
    }
}

fn double(value: &Val) -> Result<f64, Error<Val>> {
    let fail = || Error::typ(value.clone(), "number");
    value.as_f64().ok_or_else(fail)
}
