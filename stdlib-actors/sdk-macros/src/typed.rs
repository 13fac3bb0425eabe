//! `#[derive(Typed)]`: the type of a message in the pipeline language.

use proc_macro2::TokenStream;
use quote::quote;
use serde_derive_internals::Derive;
use serde_derive_internals::ast::{Container, Data, Field, Style, Variant};
use serde_derive_internals::attr::TagType;
use syn::{DeriveInput, GenericParam, parse_quote};

use crate::{PRIVATE, refused, with_serde};

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let body = with_serde(input, Derive::Serialize, type_of)?;
    let mut generics = input.generics.clone();
    for param in &mut generics.params {
        if let GenericParam::Type(param) = param {
            param.bounds.push(parse_quote!(::theater_flow_sdk::Typed));
        }
    }
    let (params, arguments, clause) = generics.split_for_impl();
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl #params ::theater_flow_sdk::Typed for #name #arguments #clause {
            const TYPE: ::theater_flow_sdk::Type = #body;
        }
    })
}

fn type_of(container: &Container<'_>) -> syn::Result<TokenStream> {
    let attrs = &container.attrs;
    let other = attrs
        .type_from()
        .or(attrs.type_try_from())
        .or(attrs.type_into());
    if let Some(other) = other {
        return refused(
            other,
            "a message whose JSON is that of another type: derive `Typed` there",
        );
    }
    match &container.data {
        Data::Enum(variants) => enumeration(container, variants),
        Data::Struct(Style::Struct, fields) if attrs.transparent() => {
            let inner = fields.iter().find(|field| !field.attrs.skip_serializing());
            inner.map_or_else(|| Ok(quote!()), field_type)
        }
        Data::Struct(style, fields) => match content(*style, fields)? {
            Some(content) => Ok(content),
            None => refused(
                &container.original.ident,
                "a struct without fields is `null` in JSON, which has no type in the pipeline \
                 language; write `{}` for an empty record",
            ),
        },
    }
}

/// `enum{…}`, or `variant{…}` if a case holds something.
fn enumeration(container: &Container<'_>, variants: &[Variant<'_>]) -> syn::Result<TokenStream> {
    let name = &container.original.ident;
    if !matches!(container.attrs.tag(), TagType::External) {
        return refused(
            name,
            "the pipeline language has no type for a tagged or untagged enum: leave `tag`, \
             `content` and `untagged` out, or use `serde_json::Value`",
        );
    }
    let mut cases = Vec::new();
    for variant in variants {
        if let Some(case) = case(variant)? {
            cases.push(case);
        }
    }
    if cases.is_empty() {
        return refused(name, "an enum without cases has no values");
    }
    if cases.iter().all(|(_, content)| content.is_none()) {
        let names = cases.iter().map(|(name, _)| name);
        return Ok(quote!(::theater_flow_sdk::Type::Enum(&[#(#names),*])));
    }
    let cases = cases.iter().map(|(name, content)| {
        let content = content.as_ref().map_or_else(
            || quote!(::core::option::Option::None),
            |content| quote!(::core::option::Option::Some(#content)),
        );
        quote!((#name, #content))
    });
    Ok(quote!(::theater_flow_sdk::Type::Variant(&[#(#cases),*])))
}

type Case = (String, Option<TokenStream>);

fn case(variant: &Variant<'_>) -> syn::Result<Option<Case>> {
    let attrs = &variant.attrs;
    if skipped(
        (attrs.skip_serializing(), attrs.skip_deserializing()),
        &variant.original.ident,
    )? {
        return Ok(None);
    }
    if attrs.untagged() || attrs.serialize_with().is_some() || attrs.deserialize_with().is_some() {
        return refused(
            &variant.original.ident,
            "the pipeline language has no type for a case that is untagged or written `with` \
             something",
        );
    }
    let name = attrs.name();
    let names = (&name.serialize_name().value, &name.deserialize_name().value);
    let name = one_name(names, &variant.original.ident)?;
    Ok(Some((name, content(variant.style, &variant.fields)?)))
}

/// The type of what a struct or a case holds; `None` if nothing.
fn content(style: Style, fields: &[Field<'_>]) -> syn::Result<Option<TokenStream>> {
    match style {
        Style::Unit => Ok(None),
        Style::Newtype => fields.first().map(field_type).transpose(),
        Style::Tuple => {
            let types: Vec<TokenStream> =
                fields.iter().map(field_type).collect::<Result<_, _>>()?;
            Ok(Some(
                quote!(::theater_flow_sdk::Type::Tuple(&[#(#types),*])),
            ))
        }
        Style::Struct => {
            let mut named = Vec::new();
            for field in fields {
                named.extend(named_field(field)?);
            }
            Ok(Some(
                quote!(::theater_flow_sdk::Type::Record(&[#(#named),*])),
            ))
        }
    }
}

fn named_field(field: &Field<'_>) -> syn::Result<Option<TokenStream>> {
    let attrs = &field.attrs;
    let at = field.original;
    if skipped((attrs.skip_serializing(), attrs.skip_deserializing()), at)? {
        return Ok(None);
    }
    if attrs.flatten() {
        return refused(
            at,
            "`flatten` has no type in the pipeline language: name the fields here",
        );
    }
    let name = attrs.name();
    let name = one_name(
        (&name.serialize_name().value, &name.deserialize_name().value),
        at,
    )?;
    let of = field_type(field)?;
    let of = if attrs.skip_serializing_if().is_some() {
        quote!((#of).may_be_absent())
    } else {
        of
    };
    Ok(Some(quote!((#name, #of))))
}

fn field_type(field: &Field<'_>) -> syn::Result<TokenStream> {
    let attrs = &field.attrs;
    let with = [attrs.serialize_with(), attrs.deserialize_with()];
    let mut with = with
        .into_iter()
        .flatten()
        .filter(|with| !is_serdes_own(with));
    let Some(first) = with.next() else {
        let of = field.ty;
        return Ok(quote!(<#of as ::theater_flow_sdk::Typed>::TYPE));
    };
    let module = first.path.segments.iter().rev().nth(1);
    if module.is_some_and(|module| module.ident == "bytes") {
        return Ok(quote!(::theater_flow_sdk::Type::Named("bytes")));
    }
    refused(
        field.original,
        "what type this has is not known: of `with`, only `theater_flow_sdk::bytes` is",
    )
}

/// What `borrow` stands for is a function of serde's.
pub(crate) fn is_serdes_own(with: &syn::ExprPath) -> bool {
    with.path
        .segments
        .iter()
        .any(|segment| segment.ident == PRIVATE)
}

/// True if neither writing nor reading knows it.
fn skipped(skip: (bool, bool), at: impl quote::ToTokens) -> syn::Result<bool> {
    match skip {
        (true, true) => Ok(true),
        (false, false) => Ok(false),
        _ => refused(at, "it is written or read, but not both: use `skip`"),
    }
}

/// A name that writing and reading agree on, and that the pipeline language can write.
fn one_name(names: (&String, &String), at: impl quote::ToTokens) -> syn::Result<String> {
    let (written, read) = names;
    if written != read {
        return refused(
            at,
            "it has one name when it is written and another when it is read",
        );
    }
    let first = written.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let all = written
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if first && all {
        return Ok(written.clone());
    }
    let message = format!(
        "`{written}` is no name in the pipeline language: those are ASCII letters, digits, `_` and \
         `-`, and begin with a letter or `_`"
    );
    refused(at, &message)
}
