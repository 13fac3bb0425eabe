//! Finds faults of regular expressions that stand in an expression as they are, before any message.

use jaq_core::load::lex::{Lexer, StrPart, Tok, Token};

use super::fault::place;
use super::pattern;

/// The functions whose first argument is a regular expression.
const SEARCHING: &[&str] = &["capture", "gsub", "match", "scan", "splits", "sub", "test"];

/// The faults, each with its place.
pub(crate) fn faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if let Ok(tokens) = Lexer::new(text).lex() {
        look(text, &tokens, &mut faults);
    }
    faults
}

fn look(text: &str, tokens: &[Token<&str>], faults: &mut Vec<String>) {
    for (nth, Token(word, kind)) in tokens.iter().enumerate() {
        match kind {
            Tok::Word if SEARCHING.contains(word) => {
                if let Some(Token(_, Tok::Block(arguments))) = tokens.get(nth + 1) {
                    faults.extend(first_argument(text, arguments));
                }
            }
            Tok::Block(inner) => look(text, inner, faults),
            Tok::Str(parts) => {
                let terms = parts.iter().filter_map(|part| match part {
                    StrPart::Term(term) => Some(term),
                    _ => None,
                });
                for term in terms {
                    look(text, std::slice::from_ref(term), faults);
                }
            }
            _ => {}
        }
    }
}

/// The fault of an argument that is a string and nothing else.
fn first_argument(text: &str, arguments: &[Token<&str>]) -> Option<String> {
    let [Token(source, Tok::Str(parts)), Token(after, _), ..] = arguments else {
        return None;
    };
    if !matches!(*after, ")" | ";") {
        return None;
    }
    let mut pattern = String::new();
    for part in parts {
        match part {
            StrPart::Str(piece) => pattern.push_str(piece),
            StrPart::Char(c) => pattern.push(*c),
            StrPart::Term(_) => return None,
        }
    }
    let offset = (source.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    // The flags are an argument of their own; one of them allows comments and more white space.
    pattern::check(&pattern, "x").err()?;
    let fault = pattern::check(&pattern, "").err()?;
    Some(format!("{}: {fault}", place(text, offset)))
}
