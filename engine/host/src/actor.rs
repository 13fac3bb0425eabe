//! Components that are actors: what they import, and that they export what an actor must.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use theater_flow_kernel::ids::Digest;
use theater_flow_kernel::limits;
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

use crate::error::LoadError;
use crate::imports::{self, Data, INTERFACES, Needs};
use crate::wire::{ConfigFault, Description, Event, Fault, Next, Port};

/// The interface that every actor exports.
const ACTOR: &str = "theater:flow/actor@0.1.0";
/// The interface that an actor exports that can go on from another version's state.
const MIGRATION: &str = "theater:flow/migration@0.1.0";
/// What interfaces of the contract and of other `theater:` packages begin with.
const OURS: &str = "theater:";
/// The interface that holds the contract's types. It has no functions.
const TYPES: &str = "theater:flow/types@0.1.0";

/// What [`Actor::imports`] gives: an interface and a function of it.
pub type Import = (String, String);
/// What `ports` answers.
pub(crate) type Ports = (Result<Vec<Port>, Vec<ConfigFault>>,);
/// What `init` answers.
pub(crate) type Began = (Result<(), Fault>,);
/// What `handle` answers.
pub(crate) type Handled = (Result<Next, Fault>,);
/// What `migrate` answers.
pub(crate) type Migrated = (Result<Vec<u8>, Fault>,);

/// A component that has been found to be an actor, compiled. Cloning shares it.
#[derive(Clone)]
pub struct Actor(Arc<Loaded>);

pub(crate) struct Loaded {
    digest: Digest,
    component: Component,
    imports: Vec<Import>,
    needs: Needs,
    pub(crate) exports: Exports,
    /// Ready to instantiate, by what is linked.
    ready: Mutex<BTreeMap<Needs, InstancePre<Data>>>,
}

/// Where the exported functions are.
pub(crate) struct Exports {
    pub(crate) about: ComponentExportIndex,
    pub(crate) ports: ComponentExportIndex,
    pub(crate) init: ComponentExportIndex,
    pub(crate) handle: ComponentExportIndex,
    pub(crate) snapshot: ComponentExportIndex,
    /// If it has it.
    pub(crate) migrate: Option<ComponentExportIndex>,
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Actor").field("digest", &self.0.digest).finish_non_exhaustive()
    }
}

impl Actor {
    /// Checks that a compiled component is an actor.
    pub(crate) fn new(digest: Digest, component: Component) -> Result<Self, LoadError> {
        let (imports, needs) = imports_of(&component)?;
        let exports = exports_of(&component)?;
        let ready = Mutex::default();
        let actor = Self(Arc::new(Loaded { digest, component, imports, needs, exports, ready }));
        actor.ready(Needs::ALL).map_err(|error| LoadError::WrongWorld(format!("{error:#}")))?;
        Ok(actor)
    }

    /// SHA-256 of the component's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Every function that the component imports, with its interface: `("files", "read")` for one of the
    /// contract, `("wasi:io/streams@0.2.0", "…")` for a foreign one; a function that is imported by
    /// itself has an empty interface. In the component's order.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.0.imports
    }

    /// True if it can go on from what another version of it kept in mind.
    #[must_use]
    pub fn migrates(&self) -> bool {
        self.0.exports.migrate.is_some()
    }

    #[cfg(test)]
    pub(crate) fn component(&self) -> &Component {
        &self.0.component
    }

    /// True if somebody else has it too.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub(crate) fn needs(&self) -> Needs {
        self.0.needs
    }

    pub(crate) fn exports(&self) -> &Exports {
        &self.0.exports
    }

    /// The component with `granted` linked. Foreign imports are there too, and trap when they are called.
    pub(crate) fn ready(&self, granted: Needs) -> wasmtime::Result<InstancePre<Data>> {
        let mut ready = self.0.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = ready.get(&granted) {
            return Ok(found.clone());
        }
        let component = &self.0.component;
        let mut linker = imports::linker(component.engine(), granted)?;
        if self.has_foreign_imports() {
            // Only what is foreign is unknown: `needs` of an instance are all granted.
            linker.define_unknown_imports_as_traps(component)?;
        }
        let made = linker.instantiate_pre(component)?;
        ready.insert(granted, made.clone());
        Ok(made)
    }

    fn has_foreign_imports(&self) -> bool {
        let known = |name: &str| INTERFACES.iter().any(|interface| interface.name == name);
        self.0.imports.iter().any(|(interface, _)| !known(interface))
    }
}

/// Compiles bytes that look like a component.
pub(crate) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadError> {
    Component::from_binary(engine, bytes).map_err(|error| {
        let message = crate::crash::bounded(format!("{error:#}"), limits::MESSAGE_BYTES);
        if message.contains("unexpected end") {
            return LoadError::Truncated(message);
        }
        LoadError::Malformed(message)
    })
}

/// What a WebAssembly file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Component,
    Module,
}

/// Looks at the first eight bytes, which tell components and modules from all else.
pub(crate) fn look(bytes: &[u8]) -> Result<Kind, LoadError> {
    const MODULE: [u8; 4] = [1, 0, 0, 0];
    const COMPONENT: [u8; 4] = [13, 0, 1, 0];
    let length = bytes.len() as u64;
    if length > limits::COMPONENT_BYTES {
        return Err(LoadError::TooLarge(length));
    }
    let start = &bytes[..bytes.len().min(4)];
    if start.is_empty() || *start != b"\0asm"[..start.len()] {
        return Err(LoadError::NotAComponent);
    }
    match bytes.get(4..8) {
        None => Err(LoadError::Truncated(format!("it has {length} bytes"))),
        Some(version) if *version == MODULE => Ok(Kind::Module),
        Some(version) if *version == COMPONENT => Ok(Kind::Component),
        Some(version) => Err(LoadError::Malformed(format!("unknown format version {version:?}"))),
    }
}

fn imports_of(component: &Component) -> Result<(Vec<Import>, Needs), LoadError> {
    let engine = component.engine();
    let ty = component.component_type();
    let mut imports = Vec::new();
    let mut needs = Needs::default();
    for (name, item) in ty.imports(engine) {
        let interface = INTERFACES.iter().find(|interface| interface.full == name);
        if interface.is_none() && name.starts_with(OURS) && name != TYPES {
            return Err(LoadError::WrongWorld(format!(
                "it imports `{name}`, which is not known here"
            )));
        }
        let short = interface.map_or(name, |interface| interface.name);
        let functions = match &item.ty {
            ComponentItem::ComponentFunc(_) => vec![(String::new(), name.to_string())],
            ComponentItem::ComponentInstance(instance) => instance
                .exports(engine)
                .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
                .map(|(function, _)| (short.to_string(), function.to_string()))
                .collect(),
            _ => Vec::new(),
        };
        if let Some(interface) = interface
            && !functions.is_empty()
        {
            needs.add(interface);
        }
        imports.extend(functions);
    }
    Ok((imports, needs))
}

/// Whether a function is of the type that it must be of.
type Fits<'a> = &'a dyn Fn(&ComponentFunc) -> wasmtime::Result<()>;

fn exports_of(component: &Component) -> Result<Exports, LoadError> {
    let missing = || {
        let found: Vec<String> = component
            .component_type()
            .exports(component.engine())
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let found = if found.is_empty() { String::from("nothing") } else { found.join(", ") };
        LoadError::WrongWorld(format!("it does not export `{ACTOR}`; it exports {found}"))
    };
    let (_, actor) = component.get_export(None, ACTOR).ok_or_else(missing)?;
    let migration = component.get_export(None, MIGRATION).map(|(_, migration)| migration);
    let find = |(interface, within): (&str, &ComponentExportIndex), name: &str, fits: Fits<'_>| {
        let found = component.get_export(Some(within), name);
        let Some((ComponentItem::ComponentFunc(function), index)) = found else {
            return Err(LoadError::WrongWorld(format!("`{interface}` has no function `{name}`")));
        };
        fits(&function).map_err(|error| {
            LoadError::WrongWorld(format!("`{name}` of `{interface}` has another type: {error:#}"))
        })?;
        Ok(index)
    };
    let ty = component.component_type();
    let cx = ty.instance_type();
    let own = (ACTOR, &actor);
    let migrate = migration.as_ref().map(|migration| {
        let fits: Fits<'_> = &|f| f.typecheck::<(&str, &[u8]), Migrated>(&cx);
        find((MIGRATION, migration), "migrate", fits)
    });
    Ok(Exports {
        about: find(own, "about", &|f| f.typecheck::<(), (Description,)>(&cx))?,
        ports: find(own, "ports", &|f| f.typecheck::<(&str,), Ports>(&cx))?,
        init: find(own, "init", &|f| f.typecheck::<(&str, Option<&[u8]>), Began>(&cx))?,
        handle: find(own, "handle", &|f| f.typecheck::<(Event<'_>,), Handled>(&cx))?,
        snapshot: find(own, "snapshot", &|f| f.typecheck::<(), (Vec<u8>,)>(&cx))?,
        migrate: migrate.transpose()?,
    })
}
