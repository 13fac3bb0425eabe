//! A type with variables laid over a type without.

use theater_flow_kernel::ids::TypeId;
use theater_flow_kernel::types::{Type, TypeTable};

use crate::type_table::Solved;
use crate::type_text::Expr;

/// What each variable of `expr` would be for `expr` to be `ty`, in the order of `expr`. Where the two
/// have different shapes there is nothing to say: the check of the wire will say it.
pub(crate) fn matched(table: &TypeTable, expr: &Expr, ty: TypeId) -> Vec<(String, TypeId)> {
    let mut found = Vec::new();
    walk(table, expr, ty, &mut found);
    found
}

/// Whether every variable of a type is solved.
pub(crate) fn solved(expr: &Expr, known: &Solved) -> bool {
    match expr {
        Expr::Variable(name) => known.contains_key(&name.value),
        _ => expr.parts().into_iter().all(|part| solved(part, known)),
    }
}

fn walk(table: &TypeTable, expr: &Expr, ty: TypeId, out: &mut Vec<(String, TypeId)>) {
    match (expr, table.get(ty)) {
        (Expr::Variable(name), Some(_)) => out.push((name.value.clone(), ty)),
        (Expr::List(expr), Some(Type::List(ty))) | (Expr::Option(expr), Some(Type::Option(ty))) => {
            walk(table, expr, *ty, out);
        }
        // A value flows into an option of its type.
        (Expr::Option(expr), Some(_)) => walk(table, expr, ty, out),
        (Expr::Tuple(exprs), Some(Type::Tuple(types))) => {
            for (expr, ty) in exprs.iter().zip(types) {
                walk(table, expr, *ty, out);
            }
        }
        (Expr::Result { ok, err }, Some(Type::Result { ok: ok_type, err: err_type })) => {
            for (expr, ty) in [(ok, ok_type), (err, err_type)] {
                if let (Some(expr), Some(ty)) = (expr, ty) {
                    walk(table, expr, *ty, out);
                }
            }
        }
        (Expr::Record(exprs), Some(Type::Record(fields))) => {
            for (name, expr) in exprs {
                if let Some(field) = fields.iter().find(|field| field.name == *name) {
                    walk(table, expr, field.ty, out);
                }
            }
        }
        (Expr::Variant(exprs), Some(Type::Variant(cases))) => {
            for (name, expr) in exprs {
                let case = cases.iter().find(|case| case.name == *name);
                if let (Some(expr), Some(ty)) = (expr, case.and_then(|case| case.ty)) {
                    walk(table, expr, ty, out);
                }
            }
        }
        _ => {}
    }
}
