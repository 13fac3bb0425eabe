//! The derive macros of theater-flow-sdk, which has their documentation: `Typed` and `Config`.
//!
//! Both read the attributes of serde with serde's own reader, so that what they say is what serde
//! does.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod bounds;
mod config;
#[cfg(test)]
mod tests;
mod typed;

/// See `theater_flow_sdk::Typed`.
#[proc_macro_derive(Typed, attributes(serde))]
pub fn derive_typed(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expanded(typed::expand(&input))
}

/// See `theater_flow_sdk::ConfigSchema`.
#[proc_macro_derive(Config, attributes(serde, config))]
pub fn derive_config(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expanded(config::expand(&input))
}

fn expanded(made: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    made.unwrap_or_else(|error| error.to_compile_error()).into()
}

/// A segment of every path to a function of serde's own.
const PRIVATE: &str = "__private";

/// What serde makes of a type: its names, its defaults, what it leaves out.
fn with_serde<T>(
    input: &DeriveInput,
    derive: serde_derive_internals::Derive,
    make: impl FnOnce(&serde_derive_internals::ast::Container<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    use serde_derive_internals::{Ctxt, ast::Container};

    let cx = Ctxt::new();
    let private = syn::Ident::new(PRIVATE, proc_macro2::Span::call_site());
    let container = Container::from_ast(&cx, input, derive, &private);
    cx.check()?;
    match container {
        Some(container) => make(&container),
        None => Err(syn::Error::new_spanned(
            &input.ident,
            "serde cannot read this",
        )),
    }
}

/// An error at a piece of the source.
fn refused<T>(at: impl quote::ToTokens, message: &str) -> syn::Result<T> {
    Err(syn::Error::new_spanned(at, message))
}
