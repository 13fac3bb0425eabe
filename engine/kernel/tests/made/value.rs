//! Texts of a type.

use std::fmt::Write as _;

use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::types::{Case, Field, Type, TypeTable};

use super::dice::Dice;

const TEXTS: [&str; 12] = [
    "",
    "a",
    "ok",
    "QUJD",
    "QQ==",
    "😀",
    "é",
    "\"",
    "\\",
    "\u{0}\u{1f}",
    "a/b~c",
    "just some longer text",
];
const DOUBLES: [&str; 10] = [
    "0.0",
    "-0.0",
    "0.1",
    "1e3",
    "-1E+2",
    "3.4028234e38",
    "1e-400",
    "9007199254740993.0",
    "0e999",
    "2.5",
];

/// A text of the type; `None` if the dice led too deep.
pub(crate) fn value(dice: &mut Dice, table: &TypeTable, ty: TypeId) -> Option<String> {
    let mut writer = Writer { dice, table, out: String::new() };
    writer.value(ty, 0)?;
    Some(writer.out)
}

struct Writer<'a> {
    dice: &'a mut Dice,
    table: &'a TypeTable,
    out: String,
}

impl Writer<'_> {
    fn value(&mut self, ty: TypeId, depth: usize) -> Option<()> {
        if depth > 12 {
            return None;
        }
        self.space();
        match self.table.get(ty)?.clone() {
            Type::List(item) => {
                let items = vec![item; self.few(depth)];
                self.items(&items, depth)?;
            }
            Type::Tuple(of) => self.items(&of, depth)?,
            Type::Option(_) if depth > 4 || self.dice.once_in(3) => self.out.push_str("null"),
            Type::Option(held) => self.value(held, depth + 1)?,
            Type::Result { ok, err } => {
                let (key, held) = if self.dice.once_in(2) { ("ok", ok) } else { ("err", err) };
                self.object(&[(key.into(), held)], depth)?;
            }
            Type::Enum(cases) => {
                let case = self.dice.pick(&cases).clone();
                self.text(&case);
            }
            Type::Variant(cases) => {
                let Case { name, ty } = self.dice.pick(&cases).clone();
                match ty {
                    None => self.text(&name),
                    Some(ty) => self.object(&[(name, Some(ty))], depth)?,
                }
            }
            Type::Record(fields) => self.record(&fields, depth)?,
            Type::Json => self.json(depth),
            scalar => self.scalar(&scalar),
        }
        self.space();
        Some(())
    }

    fn few(&mut self, depth: usize) -> usize {
        if depth > 4 { 0 } else { self.dice.below(4) }
    }

    fn space(&mut self) {
        if self.dice.once_in(8) {
            let space = *self.dice.pick(&[" ", "\n", "\t", "\r\n  "]);
            self.out.push_str(space);
        }
    }

    fn items(&mut self, of: &[TypeId], depth: usize) -> Option<()> {
        self.out.push('[');
        for (place, ty) in of.iter().enumerate() {
            if place > 0 {
                self.out.push(',');
            }
            self.value(*ty, depth + 1)?;
        }
        self.out.push(']');
        Some(())
    }

    /// `None` for a type stands for `null`.
    fn object(&mut self, of: &[(String, Option<TypeId>)], depth: usize) -> Option<()> {
        self.out.push('{');
        for (place, (name, ty)) in of.iter().enumerate() {
            if place > 0 {
                self.out.push(',');
            }
            self.space();
            self.text(name);
            self.space();
            self.out.push(':');
            match ty {
                Some(ty) => self.value(*ty, depth + 1)?,
                None => self.out.push_str(" null"),
            }
        }
        self.out.push('}');
        Some(())
    }

    fn record(&mut self, fields: &[Field], depth: usize) -> Option<()> {
        let mut of = Vec::new();
        for field in fields {
            let optional = matches!(self.table.get(field.ty), Some(Type::Option(_)));
            if !(optional && self.dice.once_in(3)) {
                of.push((field.name.clone(), Some(field.ty)));
            }
        }
        // Fields that nobody names, so few of `more` and of the other names that a relative knows.
        for extra in ["more", "x/y", "path", "a"] {
            if self.dice.once_in(6) && fields.iter().all(|field| field.name != extra) {
                of.push((extra.into(), None));
            }
        }
        if self.dice.once_in(2) {
            of.reverse();
        }
        self.object(&of, depth)
    }

    fn json(&mut self, depth: usize) {
        match self.dice.below(if depth > 4 { 5 } else { 7 }) {
            0 => self.out.push_str("null"),
            1 => self.out.push_str(if self.dice.once_in(2) { "true" } else { "false" }),
            2 => self.string(),
            3 => {
                let edge = *self.dice.pick(&["-9223372036854775808", "18446744073709551615", "-0"]);
                self.out.push_str(edge);
            }
            4 => self.double(),
            5 => {
                self.out.push('[');
                self.json(depth + 1);
                self.out.push(']');
            }
            _ => {
                self.out.push_str("{\"k\":");
                self.json(depth + 1);
                self.out.push('}');
            }
        }
    }

    fn scalar(&mut self, ty: &Type) {
        let signed = |bits: u32| (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1);
        let unsigned = |bits: u32| (0, (1_i128 << bits) - 1);
        let (low, high) = match ty {
            Type::U8 => unsigned(8),
            Type::U16 => unsigned(16),
            Type::U32 => unsigned(32),
            Type::U64 => unsigned(64),
            Type::S8 => signed(8),
            Type::S16 => signed(16),
            Type::S32 => signed(32),
            Type::S64 => signed(64),
            Type::F32 => (-(1 << 24), 1 << 24),
            Type::F64 => (-(1 << 53), 1 << 53),
            Type::Bool => {
                return self.out.push_str(if self.dice.once_in(2) { "true" } else { "false" });
            }
            Type::Char => {
                let one = *self.dice.pick(&["a", "😀", "\u{0}", "\"", "\\", "é"]);
                return self.text(one);
            }
            Type::Bytes => {
                let bytes = *self.dice.pick(&["", "QQ==", "QUI=", "QUJD", "+/+/", "QUJDRA=="]);
                return self.text(bytes);
            }
            _ => return self.string(),
        };
        let float = matches!(ty, Type::F32 | Type::F64);
        match self.dice.below(6) {
            0 | 1 if float => self.double(),
            2 if *ty == Type::F64 => self.out.push_str("1.7976931348623157e308"),
            0 | 2 => self.out.push_str(&low.to_string()),
            1 | 3 => self.out.push_str(&high.to_string()),
            4 => self.out.push('0'),
            _ => {
                let any = low + i128::from(self.dice.roll()) % (high - low + 1);
                self.out.push_str(&any.to_string());
            }
        }
    }

    fn double(&mut self) {
        let double = *self.dice.pick(&DOUBLES);
        self.out.push_str(double);
    }

    fn string(&mut self) {
        let text = *self.dice.pick(&TEXTS);
        self.text(text);
    }

    /// A string, its characters as they are or escaped in one of the ways there are.
    fn text(&mut self, text: &str) {
        self.out.push('"');
        let escape_all = self.dice.once_in(8);
        for char in text.chars() {
            let must = char < ' ' || char == '"' || char == '\\';
            if must || escape_all || self.dice.once_in(16) {
                let mut units = [0; 2];
                for unit in char.encode_utf16(&mut units) {
                    write!(self.out, "\\u{unit:04x}").expect("a string takes all");
                }
            } else if char == '/' && self.dice.once_in(2) {
                self.out.push_str("\\/");
            } else {
                self.out.push(char);
            }
        }
        self.out.push('"');
    }
}
