//! `#[derive(Config)]`: the JSON Schema of a config, and the check of its bounds.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde_derive_internals::Derive;
use serde_derive_internals::ast::{Container, Data, Field, Style, Variant};
use serde_derive_internals::attr::{Default, TagType};
use syn::{DeriveInput, GenericParam, parse_quote};

use crate::bounds::{Said, doc, quoted};
use crate::typed::is_serdes_own;
use crate::{refused, with_serde};

/// What a type's impl is made of.
struct Parts {
    /// The members of the schema.
    members: Vec<TokenStream>,
    /// The body of `check`.
    check: TokenStream,
    /// The body of `json`.
    json: TokenStream,
}

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Parts {
        mut members,
        check,
        json,
    } = with_serde(input, Derive::Deserialize, parts)?;
    members.extend(description(&input.attrs));
    let mut generics = input.generics.clone();
    for param in &mut generics.params {
        if let GenericParam::Type(param) = param {
            param
                .bounds
                .push(parse_quote!(::theater_flow_sdk::ConfigSchema));
        }
    }
    let (params, arguments, clause) = generics.split_for_impl();
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl #params ::theater_flow_sdk::ConfigSchema for #name #arguments #clause {
            const SCHEMA: ::theater_flow_sdk::Schema = ::theater_flow_sdk::Schema::Members(&[#(#members),*]);

            fn check(&self, _: &::theater_flow_sdk::Bounds, at: &mut ::theater_flow_sdk::Place) {
                #check
            }

            fn json(&self) -> ::core::option::Option<::std::string::String> {
                #json
            }
        }
    })
}

fn parts(container: &Container<'_>) -> syn::Result<Parts> {
    let attrs = &container.attrs;
    if let Some(other) = attrs.type_from().or(attrs.type_try_from()) {
        return refused(other, "write the schema by hand: `impl ConfigSchema`");
    }
    match &container.data {
        Data::Enum(variants) => enumeration(container, variants),
        Data::Struct(Style::Struct, fields) if !attrs.transparent() => {
            let object = Object {
                closed: attrs.deny_unknown_fields(),
                tag: None,
            };
            let members = object.members(fields, attrs.default())?;
            let names = fields.iter().map(|field| &field.member);
            let names: Vec<TokenStream> = names.map(|name| quote!(&self.#name)).collect();
            Ok(Parts {
                members,
                check: checks(fields, &names)?,
                json: quote!(None),
            })
        }
        Data::Struct(_, fields) => {
            let [field] = fields.as_slice() else {
                return refused(&container.original.ident, "a config has named fields");
            };
            let (of, name) = (field.ty, &field.member);
            Ok(Parts {
                members: vec![like(of)],
                check: quote!(let _ = ::theater_flow_sdk::ConfigSchema::check(
                    &self.#name, &::theater_flow_sdk::Bounds::NONE, at);),
                json: quote!(::theater_flow_sdk::ConfigSchema::json(&self.#name)),
            })
        }
    }
}

fn like(of: &syn::Type) -> TokenStream {
    quote!(::theater_flow_sdk::Member::Like(&<#of as ::theater_flow_sdk::ConfigSchema>::SCHEMA))
}

fn member(key: &str, json: &str) -> TokenStream {
    quote!(::theater_flow_sdk::Member::Json(#key, #json))
}

fn description(attributes: &[syn::Attribute]) -> Option<TokenStream> {
    let text = doc(attributes);
    (!text.is_empty()).then(|| member("description", &quoted(&text)))
}

/// The schema of something with named fields.
struct Object {
    closed: bool,
    /// A property that tells variants apart, and its value here.
    tag: Option<(String, String)>,
}

impl Object {
    fn members(&self, fields: &[Field<'_>], whole: &Default) -> syn::Result<Vec<TokenStream>> {
        let mut properties = Vec::new();
        if let Some((tag, value)) = &self.tag {
            let value = member("const", &quoted(value));
            properties.push(property(tag, &[value], &quote!(true)));
        }
        for field in fields
            .iter()
            .filter(|field| !field.attrs.skip_deserializing())
        {
            properties.push(field_property(field, whole)?);
        }
        let mut members = vec![member("type", "\"object\"")];
        if self.closed {
            members.push(member("additionalProperties", "false"));
        }
        members.push(quote!(::theater_flow_sdk::Member::Properties(&[#(#properties),*])));
        Ok(members)
    }
}

fn property(name: &str, members: &[TokenStream], required: &TokenStream) -> TokenStream {
    quote! {
        ::theater_flow_sdk::Property {
            name: #name,
            schema: ::theater_flow_sdk::Schema::Members(&[#(#members),*]),
            required: #required,
        }
    }
}

fn field_property(field: &Field<'_>, whole: &Default) -> syn::Result<TokenStream> {
    let attrs = &field.attrs;
    if attrs.flatten() {
        return refused(field.original, "`flatten`: name the fields here instead");
    }
    let said = Said::read(&field.original.attrs)?;
    let own = !is_read_with(field);
    let of = match &said.like {
        Some(like) => like,
        None if own => field.ty,
        None => {
            let message = "what is read `with` something needs `#[config(like = …)]`: the type \
                           whose schema it has";
            return refused(field.original, message);
        }
    };
    let mut members = vec![like(of)];
    members.extend(description(&field.original.attrs));
    members.extend(said.members.iter().map(|(key, json)| member(key, json)));
    if said.like.is_none() && own {
        members.extend(default(field, whole));
    }
    let none = attrs.default().is_none() && whole.is_none();
    let required = match none {
        // serde fills in what is `Option`, but not if it is read in another way.
        true if own => {
            let of = field.ty;
            quote!(!<#of as ::theater_flow_sdk::ConfigSchema>::OPTIONAL)
        }
        required => quote!(#required),
    };
    Ok(property(
        &attrs.name().deserialize_name().value,
        &members,
        &required,
    ))
}

/// True if a function reads it, of which the type says nothing.
fn is_read_with(field: &Field<'_>) -> bool {
    field
        .attrs
        .deserialize_with()
        .is_some_and(|with| !is_serdes_own(with))
}

/// What serde takes for a field that is not given.
fn default(field: &Field<'_>, whole: &Default) -> Option<TokenStream> {
    let (of, name) = (field.ty, &field.member);
    let value = match (field.attrs.default(), whole) {
        (Default::Default, _) => quote!(<#of as ::core::default::Default>::default()),
        (Default::Path(path), _) => quote!(#path()),
        (Default::None, Default::Default) => {
            quote!(<Self as ::core::default::Default>::default().#name)
        }
        (Default::None, Default::Path(path)) => quote!(#path().#name),
        (Default::None, Default::None) => return None,
    };
    Some(quote! {
        ::theater_flow_sdk::Member::Default(
            || <#of as ::theater_flow_sdk::ConfigSchema>::json(&#value)
        )
    })
}

/// The checks of all fields, which stand in `names`.
fn checks(fields: &[Field<'_>], names: &[TokenStream]) -> syn::Result<TokenStream> {
    let mut checks = Vec::new();
    for (field, name) in fields.iter().zip(names) {
        let said = Said::read(&field.original.attrs)?;
        // What is like another type has no value of that type to be checked.
        if field.attrs.skip_deserializing() || said.like.is_some() || is_read_with(field) {
            continue;
        }
        let bounds = said.tokens(field.ty);
        let step = &field.attrs.name().deserialize_name().value;
        checks.push(quote!(at.inside(#step, |at| {
            ::theater_flow_sdk::ConfigSchema::check(#name, &#bounds, at);
        });));
    }
    if checks.is_empty() {
        return Ok(quote!(let _ = at;));
    }
    Ok(quote!(#(#checks)*))
}

fn enumeration(container: &Container<'_>, variants: &[Variant<'_>]) -> syn::Result<Parts> {
    let variants: Vec<&Variant<'_>> = variants
        .iter()
        .filter(|variant| !variant.attrs.skip_deserializing())
        .collect();
    let tag = container.attrs.tag();
    let units = variants
        .iter()
        .all(|variant| matches!(variant.style, Style::Unit));
    if units && matches!(tag, TagType::External) {
        return Ok(names(&variants));
    }
    let closed = container.attrs.deny_unknown_fields();
    let (mut schemas, mut checked) = (Vec::new(), Vec::new());
    for variant in variants {
        let members = alternative(variant, tag, closed)?;
        schemas.push(quote!(::theater_flow_sdk::Schema::Members(&[#(#members),*])));
        checked.push(arm(variant, tag)?);
    }
    Ok(Parts {
        members: vec![quote!(::theater_flow_sdk::Member::AnyOf(&[#(#schemas),*]))],
        check: quote! {
            #[allow(unreachable_patterns, reason = "a variant that is never read")]
            match self { #(#checked)* _ => {} }
        },
        json: quote!(None),
    })
}

/// An enum that is a choice of names.
fn names(variants: &[&Variant<'_>]) -> Parts {
    let name = |variant: &&Variant<'_>| variant.attrs.name().deserialize_name().value.clone();
    let listed: Vec<String> = variants
        .iter()
        .map(|variant| quoted(&name(variant)))
        .collect();
    let arms = variants.iter().zip(&listed).map(|(variant, name)| {
        let ident = &variant.ident;
        quote!(Self::#ident => Some(::std::string::String::from(#name)),)
    });
    Parts {
        members: vec![member("enum", &format!("[{}]", listed.join(",")))],
        check: quote!(let _ = at;),
        json: quote! {
            #[allow(unreachable_patterns, reason = "a variant that is never read")]
            match self { #(#arms)* _ => None }
        },
    }
}

/// The schema of one variant.
fn alternative(
    variant: &Variant<'_>,
    tag: &TagType,
    closed: bool,
) -> syn::Result<Vec<TokenStream>> {
    let name = &variant.attrs.name().deserialize_name().value;
    let mut members = match tag {
        TagType::None => content(variant, closed)?,
        TagType::External if matches!(variant.style, Style::Unit) => {
            vec![member("const", &quoted(name))]
        }
        TagType::External => {
            let content = property(name, &content(variant, closed)?, &quote!(true));
            vec![
                member("type", "\"object\""),
                member("additionalProperties", "false"),
                quote!(::theater_flow_sdk::Member::Properties(&[#content])),
            ]
        }
        TagType::Internal { tag } if matches!(variant.style, Style::Struct | Style::Unit) => {
            let object = Object {
                closed,
                tag: Some((tag.clone(), name.clone())),
            };
            object.members(&variant.fields, &Default::None)?
        }
        TagType::Internal { .. } | TagType::Adjacent { .. } => {
            return refused(
                &variant.original.ident,
                "with `tag`, a variant has named fields or none; and there is no `content`",
            );
        }
    };
    members.extend(description(&variant.original.attrs));
    Ok(members)
}

fn content(variant: &Variant<'_>, closed: bool) -> syn::Result<Vec<TokenStream>> {
    match (variant.style, variant.fields.as_slice()) {
        (Style::Newtype, [field]) => Ok(vec![like(field.ty)]),
        (Style::Struct, fields) => Object { closed, tag: None }.members(fields, &Default::None),
        (Style::Unit, _) => Ok(vec![member("type", "\"null\"")]),
        _ => refused(
            &variant.original.ident,
            "a variant holds one value, or named fields",
        ),
    }
}

/// The check of one variant's content.
fn arm(variant: &Variant<'_>, tag: &TagType) -> syn::Result<TokenStream> {
    let ident = &variant.ident;
    let checked = match variant.style {
        Style::Unit | Style::Tuple => return Ok(quote!()),
        Style::Newtype => quote! {
            ::theater_flow_sdk::ConfigSchema::check(
                content, &::theater_flow_sdk::Bounds::NONE, at);
        },
        Style::Struct => {
            let fields = &variant.fields;
            let names: Vec<Ident> = (0..fields.len())
                .map(|nth| format_ident!("field_{nth}"))
                .collect();
            let members = fields.iter().map(|field| &field.member);
            let read: Vec<TokenStream> = names.iter().map(|name| quote!(#name)).collect();
            let checks = inside(variant, tag, &checks(fields, &read)?);
            return Ok(quote! {
                #[allow(unused_variables, reason = "not every field is checked")]
                Self::#ident { #(#members: #names),* } => { #checks }
            });
        }
    };
    let checked = inside(variant, tag, &checked);
    Ok(quote!(Self::#ident(content) => { #checked }))
}

/// The content of an externally tagged variant stands a step deeper.
fn inside(variant: &Variant<'_>, tag: &TagType, checked: &TokenStream) -> TokenStream {
    if matches!(tag, TagType::External) {
        let step = &variant.attrs.name().deserialize_name().value;
        return quote!(at.inside(#step, |at| { #checked }););
    }
    checked.clone()
}
