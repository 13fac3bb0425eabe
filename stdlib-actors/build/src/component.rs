//! Makes components of core modules, and reads what a component imports.

use std::path::Path;

use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::{Error, at};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A component of a module that wit-bindgen has written its world into. Imports that the module
/// does not have are not in the component either.
pub(crate) fn of_module(name: &str, module: &[u8]) -> Result<Vec<u8>, Error> {
    let encode = || {
        ComponentEncoder::default()
            .validate(true)
            .module(module)?
            .encode()
    };
    encode().map_err(|error| Error::Component {
        name: name.into(),
        source: error.into(),
    })
}

/// A component of a module in text form, of the world `agent` in the folder `wit`.
pub(crate) fn of_text(wit: &Path, source: &Path) -> Result<Vec<u8>, Error> {
    let name = source
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let text = std::fs::read_to_string(source).map_err(at(source))?;
    let module = with_world(wit, &text);
    let module = module.map_err(|source| Error::Component {
        name: name.clone(),
        source,
    })?;
    of_module(&name, &module)
}

fn with_world(wit: &Path, text: &str) -> Result<Vec<u8>, Cause> {
    let mut module = wat::parse_str(text)?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], Some("agent"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}

/// The names of the interfaces that a component imports: `theater:flow/log@0.1.0`.
///
/// # Errors
/// If the bytes are no component.
pub fn imports(component: &[u8]) -> Result<Vec<String>, wasmparser::BinaryReaderError> {
    let mut names = Vec::new();
    // Modules inside the component have imports of their own, which are nobody's business.
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.push(import?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}
