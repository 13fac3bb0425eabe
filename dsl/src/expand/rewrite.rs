//! What stands in a module's file, as it stands in the file that the module is written into.

use std::collections::BTreeMap;

use toml_edit::{Array, InlineTable, Item, Table, TableLike, Value};

use crate::paths;
use crate::span::Span;
use crate::type_text::{self, Expr, Place};

/// The value of a module's param, already as it stands in the flat file.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) value: Value,
    /// The folder that a relative path in it is against.
    pub(super) folder: String,
}

/// From one file to the flat file.
pub(super) struct Rewrite<'r> {
    /// The folder of the file.
    pub(super) own: &'r str,
    /// The folder of the flat file.
    pub(super) flat: &'r str,
    /// The params of the module; `None` for the pipeline, whose params stay.
    pub(super) given: Option<&'r BTreeMap<String, Given>>,
}

/// Paths that are called otherwise: as they were written, and as they are now.
pub(super) type Renamed = BTreeMap<String, String>;

impl Rewrite<'_> {
    /// A value that the file gives to a module, or that a param is by default.
    pub(super) fn give(&self, item: &Item) -> Option<Given> {
        let mut value = item.clone().into_value().ok()?;
        let folder = self.folder_of(&value).to_owned();
        self.value(&mut value);
        value.decor_mut().clear();
        Some(Given { value, folder })
    }

    /// The folder that a path in a value is against.
    fn folder_of(&self, value: &Value) -> &str {
        match (reference(value), self.given) {
            (Some(("param", name)), Some(given)) => given.get(name).map(|given| &*given.folder),
            _ => None,
        }
        .unwrap_or(self.own)
    }

    /// The references in an item.
    pub(super) fn item(&self, item: &mut Item) {
        match item {
            Item::None => {}
            Item::Value(value) => self.value(value),
            Item::Table(table) if is_reference(table) => {
                let table = std::mem::take(table).into_inline_table();
                let mut value = Value::InlineTable(table);
                self.value(&mut value);
                *item = Item::Value(value);
            }
            Item::Table(table) => table.iter_mut().for_each(|(_, item)| self.item(item)),
            Item::ArrayOfTables(tables) => {
                for table in tables.iter_mut() {
                    table.iter_mut().for_each(|(_, item)| self.item(item));
                }
            }
        }
    }

    fn value(&self, value: &mut Value) {
        let replaced = match (reference(value), self.given) {
            (Some(("param", name)), Some(given)) => {
                given.get(name).map(|given| given.value.clone())
            }
            (Some(("file", path)), _) => {
                let mut file = InlineTable::new();
                file.insert("file", self.path(path).into());
                Some(Value::InlineTable(file))
            }
            (Some(_), _) => return,
            (None, _) => None,
        };
        match (replaced, value) {
            (Some(mut replaced), value) => {
                *replaced.decor_mut() = value.decor().clone();
                *value = replaced;
            }
            (None, Value::Array(items)) => items.iter_mut().for_each(|item| self.value(item)),
            (None, Value::InlineTable(table)) => {
                table.iter_mut().for_each(|(_, value)| self.value(value));
            }
            _ => {}
        }
    }

    /// A path of this file as one of the flat file.
    pub(super) fn path(&self, path: &str) -> String {
        moved(path, (self.own, self.flat))
    }

    /// File roots, with those that are called otherwise now.
    pub(super) fn roots(&self, roots: &mut Array, renamed: &mut Renamed) {
        for root in roots.iter_mut() {
            let folder = self.folder_of(root).to_owned();
            self.value(root);
            let Some(old) = root.as_str() else { continue };
            let new = moved(old, (&folder, self.flat));
            if new != old {
                renamed.insert(old.to_owned(), new.clone());
                let decor = root.decor().clone();
                *root = Value::from(new);
                *root.decor_mut() = decor;
            }
        }
    }
}

/// A path written in one folder, as it would be in another one.
fn moved(path: &str, (from, to): (&str, &str)) -> String {
    if from == to || path.starts_with('/') {
        return path.to_owned();
    }
    match paths::relative(to, &paths::absolute(from, path)).as_str() {
        "" => ".".to_owned(),
        path => path.to_owned(),
    }
}

/// Keys under which configs hold paths. Other texts may look like one and be none.
const PATHS: &[&str] = &["file", "files", "folder", "path", "paths", "root", "roots"];

/// Follows roots that are called otherwise: a guest's paths begin with the root's name.
pub(super) fn rename_paths(config: &mut Item, renamed: &Renamed) {
    let rename = |text: &str| {
        renamed.iter().find_map(|(old, new)| {
            let rest = text.strip_prefix(old.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{new}{rest}"))
        })
    };
    for (key, item) in config.as_table_like_mut().into_iter().flat_map(TableLike::iter_mut) {
        if PATHS.contains(&key.get()) {
            each_string(item, &rename);
        }
    }
}

/// Follows types that are called otherwise.
pub(super) fn rename_types(item: &mut Item, names: &BTreeMap<String, String>) {
    each_string(item, &|text| {
        let expr = type_text::parse(text, Place::Exact(Span::top(0))).ok()?;
        let mut places = Vec::new();
        named(&expr, &mut places);
        let mut out = text.to_owned();
        // From the end, so that what is before keeps its place.
        places.sort_by_key(|(span, _)| std::cmp::Reverse(*span));
        for (span, name) in places {
            if let Some(new) = names.get(name) {
                out.replace_range(span.start..span.end, new);
            }
        }
        Some(out)
    });
}

fn named<'e>(expr: &'e Expr, places: &mut Vec<(Span, &'e str)>) {
    if let Expr::Name(name) = expr {
        places.push((name.span, &name.value));
    }
    expr.parts().into_iter().for_each(|part| named(part, places));
}

fn each_string(item: &mut Item, change: &dyn Fn(&str) -> Option<String>) {
    match item {
        Item::None => {}
        Item::Value(value) => each_text(value, change),
        Item::Table(table) => table.iter_mut().for_each(|(_, item)| each_string(item, change)),
        Item::ArrayOfTables(tables) => {
            for table in tables.iter_mut() {
                table.iter_mut().for_each(|(_, item)| each_string(item, change));
            }
        }
    }
}

fn each_text(value: &mut Value, change: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::InlineTable(table) => {
            table.iter_mut().for_each(|(_, value)| each_text(value, change));
        }
        _ => {
            let new = value.as_str().and_then(|old| change(old).filter(|new| new != old));
            if let Some(new) = new {
                let decor = value.decor().clone();
                *value = Value::from(new);
                *value.decor_mut() = decor;
            }
        }
    }
}

fn is_reference(table: &Table) -> bool {
    let mut entries = table.iter();
    match (entries.next(), entries.next()) {
        (Some((key, item)), None) => is_kind(key) && item.is_str(),
        _ => false,
    }
}

/// A table of exactly one key that is `param`, `env`, `secret` or `file`.
fn reference(value: &Value) -> Option<(&str, &str)> {
    let mut entries = value.as_inline_table()?.iter();
    let (key, value) = entries.next().filter(|(key, _)| is_kind(key))?;
    value.as_str().filter(|_| entries.next().is_none()).map(|name| (key, name))
}

fn is_kind(key: &str) -> bool {
    matches!(key, "param" | "env" | "secret" | "file")
}
