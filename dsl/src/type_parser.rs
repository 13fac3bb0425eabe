//! Recursive descent over the text of one type; never deeper than `limits::TYPE_DEPTH`.

use std::collections::BTreeSet;

use theater_flow_kernel::limits;

use crate::codes;
use crate::fault::{list, near};
use crate::foreign;
use crate::span::At;
use crate::type_text::{Expr, FORMS, Place, SCALARS, TypeFault};

pub(crate) struct Parser<'t> {
    text: &'t str,
    place: Place,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, TypeFault>;

impl<'t> Parser<'t> {
    pub(crate) const fn new(text: &'t str, place: Place) -> Self {
        Self { text, place, at: 0, depth: 0 }
    }

    /// The whole text as one type.
    pub(crate) fn whole(mut self) -> Parsed<Expr> {
        let expr = self.expr()?;
        self.space();
        if self.at == self.text.len() {
            return Ok(expr);
        }
        Err(self.fault("the type ends before this", self.at, self.text.len()))
    }

    fn expr(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > limits::TYPE_DEPTH {
            let message = format!("types nest at most {} deep", limits::TYPE_DEPTH);
            let (from, to) = (self.at, self.text.len());
            return Err(TypeFault { code: codes::DEEP_TYPE, message, from, to, help: None });
        }
        let expr = self.form();
        self.depth -= 1;
        expr
    }

    fn form(&mut self) -> Parsed<Expr> {
        self.space();
        if self.eat('{') {
            return self.fields();
        }
        let start = self.at;
        if self.eat('$') {
            let name = self.word("a variable's name")?;
            return Ok(Expr::Variable(At::new(name.to_owned(), self.place.span(start, self.at))));
        }
        let word = self.word("a type")?;
        if let Some((_, scalar)) = SCALARS.iter().find(|(name, _)| *name == word) {
            return Ok(Expr::Scalar(scalar.clone()));
        }
        if FORMS.contains(&word) {
            return self.known_form(word);
        }
        // `expand` writes the types of modules as `<module>/<type>`.
        while self.eat('/') {
            self.word("a type's name")?;
        }
        let name = self.text[start..self.at].to_owned();
        Ok(Expr::Name(At::new(name, self.place.span(start, self.at))))
    }

    fn known_form(&mut self, word: &str) -> Parsed<Expr> {
        match word {
            "list" => Ok(Expr::List(Box::new(self.only_argument()?))),
            "option" => Ok(Expr::Option(Box::new(self.only_argument()?))),
            "tuple" => self.tuple(),
            "result" => self.result(),
            "enum" => Ok(Expr::Enum(self.names()?)),
            _ => self.variant(),
        }
    }

    fn only_argument(&mut self) -> Parsed<Expr> {
        self.expect('<')?;
        let inner = self.expr()?;
        self.expect('>')?;
        Ok(inner)
    }

    fn tuple(&mut self) -> Parsed<Expr> {
        self.expect('<')?;
        let mut parts = vec![self.expr()?];
        while self.comma_before('>')? {
            parts.push(self.expr()?);
        }
        Ok(Expr::Tuple(parts))
    }

    /// `result`, `result<T>`, `result<T, E>`, `result<_, E>`.
    fn result(&mut self) -> Parsed<Expr> {
        self.space();
        if !self.eat('<') {
            return Ok(Expr::Result { ok: None, err: None });
        }
        let ok = self.side()?;
        let err = if self.comma_before('>')? {
            let err = self.side()?;
            self.expect('>')?;
            err
        } else {
            None
        };
        Ok(Expr::Result { ok, err })
    }

    fn side(&mut self) -> Parsed<Option<Box<Expr>>> {
        self.space();
        if self.eat('_') {
            return Ok(None);
        }
        Ok(Some(Box::new(self.expr()?)))
    }

    fn names(&mut self) -> Parsed<Vec<String>> {
        self.expect('{')?;
        let (mut seen, mut names) = (BTreeSet::new(), Vec::new());
        loop {
            names.push(self.fresh_name("a case", &mut seen)?);
            if !self.comma_before('}')? {
                return Ok(names);
            }
        }
    }

    fn variant(&mut self) -> Parsed<Expr> {
        self.expect('{')?;
        let (mut seen, mut cases) = (BTreeSet::new(), Vec::new());
        loop {
            let name = self.fresh_name("a case", &mut seen)?;
            self.space();
            let ty = if self.eat('(') {
                let ty = self.expr()?;
                self.expect(')')?;
                Some(ty)
            } else {
                None
            };
            cases.push((name, ty));
            if !self.comma_before('}')? {
                return Ok(Expr::Variant(cases));
            }
        }
    }

    /// A record, after its `{`.
    fn fields(&mut self) -> Parsed<Expr> {
        let (mut seen, mut fields) = (BTreeSet::new(), Vec::new());
        self.space();
        if self.eat('}') {
            return Ok(Expr::Record(Vec::new()));
        }
        loop {
            let name = self.fresh_name("a field", &mut seen)?;
            self.expect(':')?;
            fields.push((name, self.expr()?));
            if !self.comma_before('}')? {
                return Ok(Expr::Record(fields));
            }
        }
    }

    fn fresh_name(&mut self, what: &str, seen: &mut BTreeSet<&'t str>) -> Parsed<String> {
        self.space();
        let start = self.at;
        let name = self.word(&format!("{what}'s name"))?;
        if !seen.insert(name) {
            return Err(self.fault(&format!("`{name}` stands here twice"), start, self.at));
        }
        Ok(name.to_owned())
    }

    /// True after a comma with something behind it; false after `close`, which may follow a comma.
    fn comma_before(&mut self, close: char) -> Parsed<bool> {
        self.space();
        let comma = self.eat(',');
        self.space();
        if self.eat(close) {
            return Ok(false);
        }
        if comma {
            return Ok(true);
        }
        Err(self.expected(&format!("`,` or `{close}`")))
    }

    fn expect(&mut self, wanted: char) -> Parsed<()> {
        self.space();
        if self.eat(wanted) { Ok(()) } else { Err(self.expected(&format!("`{wanted}`"))) }
    }

    fn eat(&mut self, wanted: char) -> bool {
        let there = self.rest().starts_with(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn word(&mut self, wanted: &str) -> Parsed<&'t str> {
        let rest = self.rest();
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let len = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let word = &rest[..len];
        if !word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return Err(self.expected(wanted));
        }
        self.at += len;
        Ok(word)
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn expected(&self, wanted: &str) -> TypeFault {
        let (found, len) = match self.rest().chars().next() {
            None => ("the end".to_owned(), 0),
            Some(c) => (format!("`{c}`"), c.len_utf8()),
        };
        self.fault(&format!("expected {wanted}, found {found}"), self.at, self.at + len)
    }

    fn fault(&self, message: &str, from: usize, to: usize) -> TypeFault {
        let message = format!("`{}` is not a type: {message}", shown(self.text));
        TypeFault { code: codes::TYPE_SYNTAX, message, from, to, help: self.help() }
    }

    /// How that is written here which other languages write with the sign that stands here.
    fn help(&self) -> Option<String> {
        let before = self.text[..self.at].trim_end();
        let word = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let help = match self.rest().chars().next() {
            Some('<') => {
                match near(word, FORMS.iter().copied(), 1).or(foreign::type_called(word)) {
                    Some(form) if FORMS.contains(&form) => format!("here it is `{form}<…>`"),
                    Some("json") => "there are no maps; `json` takes any value".to_owned(),
                    _ => {
                        format!("types in `<…>` belong to {}", list(&["list", "option", "result"]))
                    }
                }
            }
            Some('[') => "a list is `list<string>`".to_owned(),
            Some('?') => "what may be absent is `option<string>`".to_owned(),
            Some('|') => "what may be absent is `option<string>`, one of some words `enum{a, b}`, \
                          one of some types `variant{a(u32), b(string)}`"
                .to_owned(),
            Some('=') => "a field is `name: type`".to_owned(),
            Some('\'' | '"') => "names stand here without quotes".to_owned(),
            Some('(') => "cases stand in `{…}`, types in `<…>`".to_owned(),
            Some('{') if word == "record" => "a record is `{ name: type }`".to_owned(),
            None if FORMS.contains(&word) => format!("say of what, as in `{}`", example(word)),
            _ => return None,
        };
        Some(help)
    }
}

fn example(form: &str) -> &'static str {
    match form {
        "list" => "list<string>",
        "option" => "option<string>",
        "tuple" => "tuple<string, u32>",
        "enum" => "enum{open, done}",
        _ => "variant{text(string), none}",
    }
}

/// The text, cut where it is too long for a message.
fn shown(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
