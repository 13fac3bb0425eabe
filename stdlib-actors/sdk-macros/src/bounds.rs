//! `#[config(…)]` at a field: what its values must keep to, beyond their type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Lit, Type, UnOp};

use crate::refused;

/// The bounds by what they are called here and in JSON Schema, what they measure, and the words for
/// one and for many of that.
const KEYS: [(&str, &str, &str, [&str; 2]); 8] = [
    ("minimum", "minimum", "Value", ["", ""]),
    ("maximum", "maximum", "Value", ["", ""]),
    (
        "min_length",
        "minLength",
        "Characters",
        [" character", " characters"],
    ),
    (
        "max_length",
        "maxLength",
        "Characters",
        [" character", " characters"],
    ),
    ("min_items", "minItems", "Items", [" item", " items"]),
    ("max_items", "maxItems", "Items", [" item", " items"]),
    (
        "min_properties",
        "minProperties",
        "Properties",
        [" entry", " entries"],
    ),
    (
        "max_properties",
        "maxProperties",
        "Properties",
        [" entry", " entries"],
    ),
];
/// Whole numbers up to here are exact as `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What stands in `#[config(…)]`.
#[derive(Default)]
pub(crate) struct Said {
    /// Members of the JSON Schema: key and JSON.
    pub(crate) members: Vec<(&'static str, String)>,
    /// The type whose schema the field has instead of its own.
    pub(crate) like: Option<Type>,
    least: Option<(f64, String)>,
    most: Option<(f64, String)>,
    measure: Option<usize>,
}

impl Said {
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut said = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("config") {
                attribute.parse_nested_meta(|meta| said.key(&meta))?;
            }
        }
        Ok(said)
    }

    fn key(&mut self, meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
        let name = meta
            .path
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default();
        if name == "like" {
            self.like = Some(meta.value()?.parse()?);
            return Ok(());
        }
        if let Some(nth) = KEYS.iter().position(|(key, ..)| *key == name) {
            return self.bound(nth, &meta.value()?.parse()?);
        }
        let key = match name.as_str() {
            "default" => "default",
            "format" => "format",
            _ => {
                let keys: Vec<&str> = KEYS.iter().map(|(key, ..)| *key).collect();
                let message = format!("expected one of {}, default, format, like", keys.join(", "));
                return Err(meta.error(message));
            }
        };
        let value: Expr = meta.value()?.parse()?;
        self.members.push((key, json(&value)?));
        Ok(())
    }

    fn bound(&mut self, nth: usize, value: &Expr) -> syn::Result<()> {
        let (_, key, measure, _) = KEYS[nth];
        if self.measure.is_some_and(|before| KEYS[before].2 != measure) {
            return refused(value, "these bounds are about different things");
        }
        let text = json(value)?;
        let number: f64 = match text.parse() {
            Ok(number) => number,
            Err(_) => return refused(value, "a bound is a number"),
        };
        if number.abs() > EXACT {
            return refused(value, "a bound is at most 2^53");
        }
        self.measure = Some(nth);
        let place = if nth.is_multiple_of(2) {
            &mut self.least
        } else {
            &mut self.most
        };
        *place = Some((number, text.clone()));
        self.members.push((key, text));
        Ok(())
    }

    /// The bounds as `Bounds`, with the check that they fit the field's type.
    pub(crate) fn tokens(&self, of: &Type) -> TokenStream {
        let Some(nth) = self.measure else {
            return quote!(::theater_flow_sdk::Bounds::NONE);
        };
        let (_, _, measure, words) = KEYS[nth];
        let measure = syn::Ident::new(measure, of.span());
        let range = self.range(words);
        let edge = |edge: &Option<(f64, String)>, none: TokenStream| match edge {
            Some((number, _)) => quote!(#number),
            None => none,
        };
        let least = edge(&self.least, quote!(f64::NEG_INFINITY));
        let most = edge(&self.most, quote!(f64::INFINITY));
        // At the type's place, so that the error of a bound that does not fit points there.
        quote_spanned! {of.span()=> {
            const BOUNDS: ::theater_flow_sdk::Bounds = ::theater_flow_sdk::Bounds::new(
                (<#of as ::theater_flow_sdk::ConfigSchema>::MEASURE,
                 ::theater_flow_sdk::Measure::#measure),
                (#least, #most),
                #range,
            );
            BOUNDS
        }}
    }

    /// `from 1 to 9`, `at least 1 character`.
    fn range(&self, [one, many]: [&str; 2]) -> String {
        let word = |text: &str| if text == "1" { one } else { many };
        match (&self.least, &self.most) {
            (Some((_, least)), Some((_, most))) => format!("{least} to {most}{}", word(most)),
            (Some((_, least)), None) => format!("at least {least}{}", word(least)),
            (None, Some((_, most))) => format!("at most {most}{}", word(most)),
            (None, None) => String::new(),
        }
    }
}

/// A literal as JSON.
fn json(value: &Expr) -> syn::Result<String> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(quoted(&text.value())),
        Expr::Lit(ExprLit {
            lit: Lit::Bool(is), ..
        }) => Ok(is.value.to_string()),
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => Ok(number.base10_digits().to_owned()),
        Expr::Lit(ExprLit {
            lit: Lit::Float(number),
            ..
        }) => Ok(number.base10_digits().to_owned()),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => Ok(format!("-{}", json(expr)?)),
        _ => refused(value, "write it as a literal: a number, a string or a bool"),
    }
}

/// Text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c < ' ' => json.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

/// The doc comment: its lines joined, since they are broken where the source's width ends.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        syn::Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    };
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    lines
        .join("\n")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
