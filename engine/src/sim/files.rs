//! Files in memory, with what a power cut leaves of them.

use std::collections::BTreeMap;

use super::dice::Dice;

/// A file by its number: renaming it does not change that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Node(usize);

/// Files and their names. What was not synced survives the end of a process, but not a power cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    nodes: Vec<Content>,
    names: BTreeMap<String, Node>,
    /// The names that are durable.
    synced: BTreeMap<String, Node>,
}

/// A file's bytes.
#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// Writes since the last sync, in order.
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl Files {
    pub(super) fn node(&self, path: &str) -> Option<Node> {
        self.names.get(path).copied()
    }

    pub(super) fn bytes(&self, path: &str) -> Option<&[u8]> {
        self.node(path).map(|node| &self.nodes[node.0].now[..])
    }

    /// What is certain to be in an open file after a power cut.
    pub(super) fn synced_len(&self, path: &str) -> usize {
        self.node(path).map_or(0, |node| self.nodes[node.0].synced.len())
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    /// Makes an empty file, if there is none.
    pub(super) fn create(&mut self, path: &str) {
        if !self.names.contains_key(path) {
            self.names.insert(String::from(path), Node(self.nodes.len()));
            self.nodes.push(Content::default());
        }
    }

    pub(super) fn write(&mut self, node: Node, offset: u64, bytes: &[u8]) {
        let content = &mut self.nodes[node.0];
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        put(&mut content.now, from, bytes);
        content.unsynced.push((from, bytes.to_vec()));
    }

    pub(super) fn sync(&mut self, node: Node) {
        let content = &mut self.nodes[node.0];
        content.synced = content.now.clone();
        content.unsynced.clear();
    }

    pub(super) fn sync_names(&mut self) {
        self.synced = self.names.clone();
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if let Some(node) = self.names.remove(from) {
            self.names.insert(String::from(to), node);
        }
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.names.remove(path);
    }

    /// The power goes: of the writes that were not synced some of the first are there, the last of them
    /// maybe in part; and the names are as they were synced, or as they were last.
    pub(super) fn cut(&mut self, dice: &mut Dice) {
        for content in &mut self.nodes {
            let mut kept = std::mem::take(&mut content.synced);
            let unsynced = std::mem::take(&mut content.unsynced);
            let whole = dice.below(unsynced.len() + 1);
            for (nth, (from, bytes)) in unsynced.iter().take(whole).enumerate() {
                let torn = nth + 1 == whole && dice.one_in(2);
                let len = if torn { dice.below(bytes.len() + 1) } else { bytes.len() };
                put(&mut kept, *from, &bytes[..len]);
            }
            content.synced.clone_from(&kept);
            content.now = kept;
        }
        if dice.one_in(2) {
            self.names = self.synced.clone();
        }
        self.synced = self.names.clone();
    }
}

fn put(content: &mut Vec<u8>, from: usize, bytes: &[u8]) {
    let end = from.saturating_add(bytes.len());
    content.resize(content.len().max(end), 0);
    content[from..end].copy_from_slice(bytes);
}
