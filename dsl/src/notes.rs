//! What is gathered while a file is compiled.

use std::collections::{BTreeMap, BTreeSet};

use crate::codes::Code;
use crate::facts::{Facts, Mode, Need, Source};
use crate::fault::{Fault, Severity};
use crate::paths;

/// The inputs of a compilation, with the faults and needs found so far. Every stage writes here and
/// goes on with what it could make out, so that one compilation tells of everything.
pub(crate) struct Notes<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) facts: &'a Facts,
    /// The pipeline's own first; a span names one by its position.
    files: Vec<File<'a>>,
    faults: Vec<Fault>,
    needs: BTreeSet<Need>,
    /// A value is not known, though that is no error in this mode.
    incomplete: bool,
    /// Faults by code, those that were not kept too.
    counts: BTreeMap<&'static str, usize>,
}

/// A file whose text is compiled.
#[derive(Clone, Debug)]
pub(crate) struct File<'a> {
    /// Its name for display.
    pub(crate) name: String,
    /// Its absolute path.
    pub(crate) path: String,
    /// The absolute folder that its relative paths are against.
    pub(crate) folder: String,
    pub(crate) text: &'a str,
}

/// Faults kept of one code: nobody reads more, and a file of nothing but faults must not take long.
const KEPT: usize = 100;

impl<'a> Notes<'a> {
    pub(crate) fn new(source: Source<'a>, facts: &'a Facts) -> Self {
        let (name, folder) = (source.name.to_owned(), source.folder.to_owned());
        let path = paths::absolute(&folder, name.rsplit('/').next().unwrap_or_default());
        Self {
            source,
            facts,
            files: vec![File { name, path, folder, text: source.text }],
            faults: Vec::new(),
            needs: BTreeSet::new(),
            incomplete: false,
            counts: BTreeMap::new(),
        }
    }

    /// Adds a module's file; its number.
    pub(crate) fn add(&mut self, file: File<'a>) -> u32 {
        self.files.push(file);
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// All files, the pipeline's own first.
    pub(crate) fn files(&self) -> &[File<'a>] {
        &self.files
    }

    /// The text of a file.
    pub(crate) fn text(&self, file: u32) -> &'a str {
        self.file(file).map_or("", |file| file.text)
    }

    /// The absolute folder of a file.
    pub(crate) fn folder(&self, file: u32) -> &str {
        self.file(file).map_or("/", |file| &file.folder)
    }

    /// The name of a file.
    pub(crate) fn name(&self, file: u32) -> &str {
        self.file(file).map_or("", |file| &file.name)
    }

    fn file(&self, file: u32) -> Option<&File<'a>> {
        self.files.get(usize::try_from(file).ok()?)
    }

    /// Keeps a fault, unless there are [enough](Self::enough) of its code, or it was said already: a
    /// module that is used twice has its faults once.
    pub(crate) fn fault(&mut self, fault: Fault) {
        let count = self.counts.entry(fault.code).or_default();
        if *count >= KEPT {
            *count += 1;
        } else if !self.faults.contains(&fault) {
            *count += 1;
            self.faults.push(fault);
        }
    }

    /// How many faults there are.
    pub(crate) fn told(&self) -> usize {
        self.counts.values().sum()
    }

    /// Whether another fault of this code would not be kept: a reason not to make a dear one.
    pub(crate) fn enough(&self, code: Code) -> bool {
        self.has(code) >= KEPT
    }

    /// How many faults of this code there are.
    pub(crate) fn has(&self, code: Code) -> usize {
        self.counts.get(code.id).copied().unwrap_or_default()
    }

    pub(crate) fn need(&mut self, need: Need) {
        self.needs.insert(need);
    }

    /// A value is not known, and need not be.
    pub(crate) const fn leave_open(&mut self) {
        self.incomplete = true;
    }

    /// A value that the file leaves to the world is not there: only a run is stopped by that.
    pub(crate) fn missing(&mut self, fault: Fault) {
        self.incomplete = true;
        self.fault(match self.source.mode {
            Mode::Check => fault.warning(),
            Mode::Run | Mode::Test(_) => fault,
        });
    }

    /// Whether a plan can be made of what was read.
    pub(crate) fn is_sound(&self) -> bool {
        !self.incomplete && self.faults.iter().all(|fault| fault.severity == Severity::Warning)
    }

    /// The needs, if there are any.
    pub(crate) fn take_needs(&mut self) -> Vec<Need> {
        std::mem::take(&mut self.needs).into_iter().collect()
    }

    /// The faults in file order; those without a place first.
    pub(crate) fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|fault| fault.labels.first().map(|label| label.span));
        self.faults
    }
}
