//! A file that uses modules as one that uses none: their agents, supervisors, types and channels are written
//! into it, under the names that they have in the plan.

use std::collections::{BTreeMap, VecDeque};

use toml_edit::{DocumentMut, Item, Table};

use super::rewrite::{Given, Renamed, Rewrite, rename_paths, rename_types};
use super::{implicit, with_header};
use crate::compile::Module;
use crate::fault::Fault;
use crate::layout;
use crate::modules::shown_types;
use crate::paths;
use crate::spec_file::ROOT;

/// Writes modules in the place of their uses.
pub(super) fn flatten(
    document: &mut DocumentMut,
    folder: &str,
    modules: &[Module],
) -> Result<(), Vec<Fault>> {
    let parts = parts(document, modules)?;
    let own = Rewrite { own: folder, flat: folder, given: None };
    let mut next: VecDeque<Place<'_>> = uses(document, (&own, ""), &parts).into();
    document.remove("use");
    for part in &parts {
        for (name, mut item) in each(&part.document, "types") {
            rename_types(&mut item, &part.types);
            let name = part.types.get(&name).unwrap_or(&name);
            put(document, "types", name, item);
        }
    }
    while let Some(place) = next.pop_front() {
        let own = &place.part.folder;
        let rewrite = Rewrite { own, flat: folder, given: Some(&place.given) };
        place.write(&rewrite, document);
        next.extend(uses(&place.part.document, (&rewrite, &place.prefix), &parts));
    }
    Ok(())
}

/// The file of a module.
struct Part {
    path: String,
    folder: String,
    document: DocumentMut,
    /// Its types as they are called in the flat file.
    types: BTreeMap<String, String>,
}

fn parts(main: &DocumentMut, modules: &[Module]) -> Result<Vec<Part>, Vec<Fault>> {
    let mut documents = Vec::with_capacity(modules.len());
    for module in modules {
        documents.push(layout::editable(&module.text)?);
    }
    let types = |document: &DocumentMut| {
        let name = document.get("name").and_then(Item::as_str).unwrap_or_default().to_owned();
        (name, each(document, "types").into_iter().map(|(name, _)| name).collect())
    };
    let all: Vec<(String, Vec<String>)> =
        std::iter::once(main).chain(&documents).map(types).collect();
    let shown = shown_types(all.iter().map(|(name, types)| (&**name, &**types)));
    let parts = modules.iter().zip(documents).zip(shown.into_iter().skip(1));
    let part = |((module, document), types): ((&Module, DocumentMut), _)| Part {
        path: module.path.clone(),
        folder: paths::absolute(&module.path, ".."),
        document,
        types,
    };
    Ok(parts.map(part).collect())
}

/// A module in one of the places where it is used.
struct Place<'p> {
    part: &'p Part,
    /// What stands before its names: `audit/`.
    prefix: String,
    given: BTreeMap<String, Given>,
}

/// The places of the modules that a file uses.
fn uses<'p>(
    document: &DocumentMut,
    (rewrite, prefix): (&Rewrite<'_>, &str),
    parts: &'p [Part],
) -> Vec<Place<'p>> {
    let place = |(id, item): (String, Item)| {
        let from = item.get("from")?.as_str()?;
        let path = paths::absolute(rewrite.own, from);
        let part = parts.iter().find(|part| part.path == path)?;
        let defaults = Rewrite { own: &part.folder, flat: rewrite.flat, given: None };
        let mut given = BTreeMap::new();
        for (name, param) in each(&part.document, "params") {
            let value = match item.get("params").and_then(|params| params.get(&name)) {
                Some(value) => rewrite.give(value),
                None => param.get("default").and_then(|value| defaults.give(value)),
            };
            given.extend(value.map(|value| (name, value)));
        }
        Some(Place { part, prefix: format!("{prefix}{id}/"), given })
    };
    each(document, "use").into_iter().filter_map(place).collect()
}

impl Place<'_> {
    fn write(&self, rewrite: &Rewrite<'_>, flat: &mut DocumentMut) {
        let document = &self.part.document;
        for (name, mut item) in each(document, "supervisors") {
            if let Some(children) = below(&mut item, "children").and_then(Item::as_array_mut) {
                for child in children.iter_mut() {
                    let Some(name) = child.as_str() else { continue };
                    let mut new = toml_edit::Value::from(format!("{}{name}", self.prefix));
                    *new.decor_mut() = child.decor().clone();
                    *child = new;
                }
            }
            let name = match name.as_str() {
                ROOT => self.prefix.trim_end_matches('/').to_owned(),
                name => format!("{}{name}", self.prefix),
            };
            put(flat, "supervisors", &name, item);
        }
        for (name, mut item) in each(document, "agents") {
            if let Some(agent) = with_header(&mut item) {
                self.agent(rewrite, agent);
            }
            put(flat, "agents", &format!("{}{name}", self.prefix), item);
        }
        for (name, item) in each(document, "channels") {
            put(flat, "channels", &format!("{}{name}", self.prefix), item);
        }
    }

    fn agent(&self, rewrite: &Rewrite<'_>, agent: &mut Table) {
        let actor = agent.get("actor").and_then(Item::as_str).unwrap_or_default();
        if !actor.starts_with("std/") {
            let path = rewrite.path(actor);
            // What is no path by its look is none.
            let path = if path.contains('/') { path } else { format!("./{path}") };
            super::set(agent, "actor", path);
        }
        if let Some(outputs) = agent.get_mut("outputs") {
            rename_types(outputs, &self.part.types);
        }
        let mut renamed = Renamed::new();
        let files = agent.get_mut("grants").and_then(|grants| below(grants, "files"));
        if let Some(files) = files {
            for side in ["read", "write"] {
                if let Some(roots) = below(files, side).and_then(Item::as_array_mut) {
                    rewrite.roots(roots, &mut renamed);
                }
            }
        }
        if let Some(config) = agent.get_mut("config") {
            // Its own keys are never a reference.
            if let Some(config) = config.as_table_like_mut() {
                config.iter_mut().for_each(|(_, item)| rewrite.item(item));
            }
            rename_paths(config, &renamed);
        }
    }
}

/// What stands under a key. (To index an [`Item`] by a key would make the key.)
fn below<'i>(item: &'i mut Item, key: &str) -> Option<&'i mut Item> {
    item.as_table_like_mut()?.get_mut(key)
}

/// The entries of a section, however it is written.
fn each(document: &DocumentMut, section: &str) -> Vec<(String, Item)> {
    let table = document.get(section).and_then(Item::as_table_like);
    let entries = table.into_iter().flat_map(|table| table.iter());
    entries.map(|(name, item)| (name.to_owned(), item.clone())).collect()
}

fn put(flat: &mut DocumentMut, section: &str, name: &str, item: Item) {
    let all = flat.entry(section).or_insert_with(implicit);
    if let Some(all) = with_header(all) {
        all.insert(name, item);
    }
}
