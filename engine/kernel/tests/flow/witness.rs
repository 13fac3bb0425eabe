//! A text that is of one type and not of another, built from the two: what shows that a refusal is just.
//! And what it is when there is none.

use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::json::check;
use theater_flow_kernel::types::{Case, Field, Type, TypeTable};

/// Why a refused pair has no witness: the only reasons there may be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Excuse {
    /// A part of the producer's type has no value, so whatever is said of it holds.
    NoValue,
    /// Cases without values, all of which happen to be base64, into `bytes`.
    ChanceBase64,
    /// Cases with values into a record that requires nothing but what each of them has: one is written as the
    /// other happens to be.
    ChanceRecord,
}

/// Two types, and the way to them.
pub(crate) struct Search<'t> {
    table: &'t TypeTable,
    /// Pairs on the way here: coming back to one shows nothing new.
    path: Vec<(TypeId, TypeId)>,
}

/// A part of the producer's type beside the part of the consumer's that its values meet.
struct Meeting {
    from: TypeId,
    to: TypeId,
    before: String,
    after: String,
}

impl<'t> Search<'t> {
    pub(crate) fn new(table: &'t TypeTable) -> Self {
        Self { table, path: Vec::new() }
    }

    /// A text of `from` that is not of `to`.
    pub(crate) fn witness(&mut self, from: TypeId, to: TypeId) -> Option<String> {
        if self.path.contains(&(from, to)) {
            return None;
        }
        let shows = |text: &String| check(self.table, to, text).is_err();
        if let Some(found) = self.edges(from, to).into_iter().find(shows) {
            return Some(found);
        }
        self.path.push((from, to));
        let found = self.meetings(from, to).into_iter().find_map(|meeting| {
            let inner = self.witness(meeting.from, meeting.to)?;
            Some(format!("{}{inner}{}", meeting.before, meeting.after))
        });
        self.path.pop();
        found
    }

    /// Why there is no witness; `None` if nothing excuses it.
    pub(crate) fn excuse(&mut self, from: TypeId, to: TypeId) -> Option<Excuse> {
        if self.path.contains(&(from, to)) {
            return None;
        }
        if least(self.table, from, &mut Vec::new()).is_none() {
            return Some(Excuse::NoValue);
        }
        let (inner, wanted) = (self.peel(from), self.peel(to));
        if let Some(excuse) = self.chance(inner, wanted) {
            return Some(excuse);
        }
        self.path.push((from, to));
        let mut excuse = None;
        for part in parts(self.table, inner) {
            if least(self.table, part, &mut Vec::new()).is_none() {
                excuse = Some(Excuse::NoValue);
            }
        }
        for meeting in self.meetings(from, to) {
            excuse = excuse.or_else(|| self.excuse(meeting.from, meeting.to));
        }
        self.path.pop();
        excuse
    }

    fn chance(&self, from: TypeId, to: TypeId) -> Option<Excuse> {
        let (from, to) = (self.table.get(from)?, self.table.get(to)?);
        let cases = cases(from)?;
        match to {
            Type::Bytes if cases.iter().all(|(_, held)| *held == Held::Nothing) => {
                Some(Excuse::ChanceBase64)
            }
            Type::Record(fields) => {
                // The key that all cases share, if there is only one case.
                let sure = if let [(name, _)] = cases.as_slice() { Some(*name) } else { None };
                let given = |field: &Field| self.is_option(field.ty) || sure == Some(&field.name);
                let keyed = cases.iter().all(|(_, held)| *held != Held::Nothing);
                (keyed && fields.iter().all(given)).then_some(Excuse::ChanceRecord)
            }
            _ => None,
        }
    }

    fn is_option(&self, ty: TypeId) -> bool {
        matches!(self.table.get(ty), Some(Type::Option(_)))
    }

    fn peel(&self, ty: TypeId) -> TypeId {
        let mut core = ty;
        for _ in 0..64 {
            match self.table.get(core) {
                Some(Type::Option(inner)) => core = *inner,
                _ => break,
            }
        }
        core
    }

    /// Texts of `from` that differ where types do, without going into its parts.
    fn edges(&self, from: TypeId, to: TypeId) -> Vec<String> {
        let least = |ty| least(self.table, ty, &mut Vec::new());
        let Some(ty) = self.table.get(from) else { return Vec::new() };
        match ty {
            Type::Option(inner) => {
                let mut edges = vec!["null".to_owned()];
                edges.extend(least(*inner));
                edges
            }
            Type::List(item) => {
                let mut edges = vec!["[]".to_owned()];
                edges.extend(least(*item).map(|item| format!("[{item}]")));
                edges
            }
            Type::Record(fields) => self.records(fields, to),
            Type::Tuple(_) => least(from).into_iter().collect(),
            scalar => match cases(scalar) {
                Some(cases) => cases.iter().flat_map(|case| self.case(case)).collect(),
                None => numbers_and_texts(scalar),
            },
        }
    }

    fn case(&self, (name, held): &(&str, Held)) -> Vec<String> {
        match held {
            Held::Nothing => vec![format!("\"{name}\"")],
            Held::Null => vec![format!("{{\"{name}\":null}}")],
            Held::Value(ty) => {
                let held = [*ty, self.peel(*ty)].map(|ty| least(self.table, ty, &mut Vec::new()));
                held.into_iter().flatten().map(|value| format!("{{\"{name}\":{value}}}")).collect()
            }
        }
    }

    /// The record with as little as may be, and with one field more: one that nobody names, or one that only
    /// the consumer names, with a value that it does not expect.
    fn records(&self, fields: &[Field], to: TypeId) -> Vec<String> {
        let Some(members) = members(self.table, fields, &mut Vec::new()) else { return Vec::new() };
        let with = |more: &str| {
            let all = members.iter().map(String::as_str).chain(Some(more));
            format!("{{{}}}", all.collect::<Vec<_>>().join(","))
        };
        let mut edges = vec![format!("{{{}}}", members.join(",")), with("\"nobody/s\":0")];
        if let Some(Type::Record(wanted)) = self.table.get(self.peel(to)) {
            let only =
                wanted.iter().filter(|field| fields.iter().all(|own| own.name != field.name));
            for Field { name, .. } in only {
                let odd = ["0.5", "-1", "\"no case\"", "[]", "{}"];
                edges.extend(odd.iter().map(|value| with(&format!("\"{name}\":{value}"))));
            }
        }
        edges
    }

    fn meetings(&self, from: TypeId, to: TypeId) -> Vec<Meeting> {
        let whole = |from, to| Meeting { from, to, before: String::new(), after: String::new() };
        let (Some(given), Some(wanted)) = (self.table.get(from), self.table.get(to)) else {
            return Vec::new();
        };
        match (given, wanted) {
            (Type::Option(inner), _) => vec![whole(*inner, to)],
            (_, Type::Option(inner)) => vec![whole(from, *inner)],
            (Type::List(from), Type::List(to)) => {
                vec![Meeting { from: *from, to: *to, before: "[".into(), after: "]".into() }]
            }
            (Type::Tuple(places), Type::List(to)) => self.tuple(places, &vec![*to; places.len()]),
            (Type::Tuple(places), Type::Tuple(to)) => self.tuple(places, to),
            (Type::Record(fields), Type::Record(to)) => {
                to.iter().filter_map(|wanted| self.field(fields, wanted)).collect()
            }
            _ => Self::same_cases(given, wanted),
        }
    }

    fn tuple(&self, places: &[TypeId], to: &[TypeId]) -> Vec<Meeting> {
        let all: Option<Vec<String>> =
            places.iter().map(|ty| least(self.table, *ty, &mut Vec::new())).collect();
        let Some(all) = all else { return Vec::new() };
        let meeting = |(at, (from, to)): (usize, (&TypeId, &TypeId))| {
            let before = all[..at].iter().flat_map(|item| [item, ","]).collect::<String>();
            let after = all[at + 1..].iter().flat_map(|item| [",", item]).collect::<String>();
            Meeting {
                from: *from,
                to: *to,
                before: format!("[{before}"),
                after: format!("{after}]"),
            }
        };
        places.iter().zip(to).enumerate().map(meeting).collect()
    }

    fn field(&self, fields: &[Field], wanted: &Field) -> Option<Meeting> {
        let own = fields.iter().find(|field| field.name == wanted.name)?;
        let others: Vec<Field> =
            fields.iter().filter(|field| field.name != wanted.name).cloned().collect();
        let others = members(self.table, &others, &mut Vec::new())?;
        let others = [String::new()].into_iter().chain(others).collect::<Vec<_>>().join(",");
        let before = format!("{{\"{}\":", wanted.name);
        Some(Meeting { from: own.ty, to: wanted.ty, before, after: format!("{others}}}") })
    }

    /// What a case holds meets what the case or the field of the same name holds.
    fn same_cases(from: &Type, to: &Type) -> Vec<Meeting> {
        let taken = |name: &str| match to {
            Type::Record(fields) => fields.iter().find(|f| f.name == name).map(|field| field.ty),
            _ => cases(to)?.into_iter().find(|(own, _)| *own == name)?.1.ty(),
        };
        let meeting = |(name, held): (&str, Held)| {
            let (from, to) = (held.ty()?, taken(name)?);
            Some(Meeting { from, to, before: format!("{{\"{name}\":"), after: "}".into() })
        };
        cases(from).unwrap_or_default().into_iter().filter_map(meeting).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    Null,
    Value(TypeId),
}

impl Held {
    fn ty(self) -> Option<TypeId> {
        match self {
            Self::Value(ty) => Some(ty),
            _ => None,
        }
    }
}

fn cases(ty: &Type) -> Option<Vec<(&str, Held)>> {
    let side = |ty: &Option<TypeId>| ty.map_or(Held::Null, Held::Value);
    let held = |case: &Case| case.ty.map_or(Held::Nothing, Held::Value);
    Some(match ty {
        Type::Enum(names) => names.iter().map(|name| (name.as_str(), Held::Nothing)).collect(),
        Type::Variant(cases) => cases.iter().map(|case| (case.name.as_str(), held(case))).collect(),
        Type::Result { ok, err } => vec![("ok", side(ok)), ("err", side(err))],
        _ => return None,
    })
}

fn parts(table: &TypeTable, ty: TypeId) -> Vec<TypeId> {
    match table.get(ty) {
        Some(Type::List(inner) | Type::Option(inner)) => vec![*inner],
        Some(Type::Tuple(of)) => of.clone(),
        Some(Type::Record(fields)) => fields.iter().map(|field| field.ty).collect(),
        Some(ty) => cases(ty).into_iter().flatten().filter_map(|(_, held)| held.ty()).collect(),
        None => Vec::new(),
    }
}

/// The least text of a type; `None` if it has none. A type within itself on the way adds nothing.
fn least(table: &TypeTable, ty: TypeId, path: &mut Vec<TypeId>) -> Option<String> {
    if path.contains(&ty) {
        return None;
    }
    path.push(ty);
    let found = match table.get(ty)? {
        Type::Option(_) => Some("null".to_owned()),
        Type::List(_) => Some("[]".to_owned()),
        Type::Tuple(of) => {
            let all: Option<Vec<String>> = of.iter().map(|ty| least(table, *ty, path)).collect();
            all.map(|all| format!("[{}]", all.join(",")))
        }
        Type::Record(fields) => {
            members(table, fields, path).map(|members| format!("{{{}}}", members.join(",")))
        }
        other => match cases(other) {
            Some(cases) => cases.into_iter().find_map(|(name, held)| match held {
                Held::Nothing => Some(format!("\"{name}\"")),
                Held::Null => Some(format!("{{\"{name}\":null}}")),
                Held::Value(ty) => {
                    least(table, ty, path).map(|value| format!("{{\"{name}\":{value}}}"))
                }
            }),
            None => numbers_and_texts(other).into_iter().next(),
        },
    };
    path.pop();
    found
}

/// The fields that must be there, each as `"name":value`.
fn members(table: &TypeTable, fields: &[Field], path: &mut Vec<TypeId>) -> Option<Vec<String>> {
    let must = |field: &&Field| !matches!(table.get(field.ty), Some(Type::Option(_)));
    let member = |Field { name, ty }: &Field| {
        least(table, *ty, path).map(|value| format!("\"{name}\":{value}"))
    };
    fields.iter().filter(must).map(member).collect()
}

fn numbers_and_texts(scalar: &Type) -> Vec<String> {
    let edges: &[&str] = match scalar {
        Type::Bool => &["true", "false"],
        Type::U8 => &["0", "255"],
        Type::U16 => &["0", "65535"],
        Type::U32 => &["0", "4294967295"],
        Type::U64 => &["0", "18446744073709551615"],
        Type::S8 => &["-128", "127"],
        Type::S16 => &["-32768", "32767"],
        Type::S32 => &["-2147483648", "2147483647"],
        Type::S64 => &["-9223372036854775808", "9223372036854775807"],
        Type::F32 => &["0.5", "-0", "16777216", "3.4028234e38"],
        Type::F64 => &["0.5", "-0", "9007199254740992", "1e308"],
        Type::Char => &["\"é\"", "\"a\""],
        Type::String => &["\"no case\"", "\"\"", "\"a\""],
        Type::Bytes => &["\"QQ==\"", "\"\""],
        Type::Json => &["0", "9007199254740993", "null", "true", "0.5", "\"no case\"", "[]", "{}"],
        _ => &[],
    };
    edges.iter().map(ToString::to_string).collect()
}
