//! What is wrong with a pipeline file, said so that it can be mended.

use std::fmt::Display;

use miette::{Diagnostic, LabeledSpan};

use crate::codes::Code;
use crate::span::Span;

/// How bad a [`Fault`] is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// There is a plan all the same.
    Warning,
    /// There is no plan.
    Error,
}

/// One thing that is wrong, with the places that show it. No source text is attached: the shell, which
/// knows the file's name, adds it for rendering.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// `TF0102`; [`explain`](crate::explain) has its page.
    pub code: &'static str,
    /// Whether there can be a plan.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where it shows, the main place first; empty where the fault is not in the file (`--set`).
    pub labels: Vec<Label>,
    /// How to mend it.
    pub help: Option<String>,
}

/// A place, and what is to be seen there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What; maybe empty.
    pub text: String,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: code.id,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            help: None,
        }
    }

    pub(crate) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    pub(crate) fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = self.help.or(help);
        self
    }
}

impl Diagnostic for Fault {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.labels.iter();
        Some(Box::new(labels.map(|label| {
            let text = (!label.text.is_empty()).then(|| label.text.clone());
            LabeledSpan::new_with_span(text, label.span)
        })))
    }
}

/// Candidates looked at for a misspelt word, so that a huge file of faults stays quick.
const LOOKED_AT: usize = 1_000;
/// Candidates listed when none is near.
const LISTED: usize = 15;

/// The candidate nearest to a misspelt word, as a question; or, if none is near, the candidates when
/// they are few.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().take(LOOKED_AT).collect();
    match (nearest(word, candidates.iter().copied()), candidates.as_slice()) {
        (Some(question), _) => Some(question),
        (None, []) => None,
        (None, [only]) => Some(format!("there is only `{only}`")),
        (None, few) if few.len() <= LISTED => Some(format!("there are {}", list(few))),
        (None, _) => None,
    }
}

/// The candidate nearest to a misspelt word, as a question.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let found = near(word, candidates, 2)?;
    Some(format!("did you mean `{found}`?"))
}

/// The candidate nearest to a word; in short words few letters are changed by mistake.
pub(crate) fn near<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Option<&'a str> {
    let found = candidates.into_iter().take(LOOKED_AT);
    let found = found.filter_map(|known| Some((distance(word, known, most)?, known)));
    found.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// How many letters two words differ in, if they are few. Capitals, `_` and `-` count for nothing.
fn distance(word: &str, known: &str, most: usize) -> Option<usize> {
    let bare = |word: &'_ str| -> Vec<char> {
        let letters = word.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | ':'));
        letters.flat_map(char::to_lowercase).collect()
    };
    // This is asked of every key for every key: most pairs differ at both ends, and one letter does not do that.
    let ends = |word: &str| word.bytes().next_back().map(|byte| byte.to_ascii_lowercase());
    let begins =
        |word: &str| word.bytes().find(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase());
    if most < 2 && begins(word) != begins(known) && ends(word) != ends(known) {
        return None;
    }
    let (word, known) = (bare(word), bare(known));
    let length = word.len().max(known.len());
    let most = most.min(length / 3);
    if word.len().abs_diff(known.len()) > most {
        return None;
    }
    let distance = strsim::generic_damerau_levenshtein(&word, &known);
    (distance <= most && distance < known.len()).then_some(distance)
}

/// Whether a word is another one with one letter changed, or with other capitals and signs.
pub(crate) fn alike(word: &str, known: &str) -> bool {
    near(word, [known], 1).is_some()
}

/// `a`, `b` and `c`, each in backticks.
pub(crate) fn list<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
