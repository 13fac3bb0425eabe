//! The first record of a fork: where it comes from, and what is not as there.

use theater_flow_kernel::record::{Given, Lineage};

use super::json::{Fields, Json};
use crate::render::escape::escape;

/// What a fork's first record says besides what any first record does.
pub(super) fn lineage(body: &Lineage) -> Fields {
    let state = Json::Object(vec![
        ("digest", Json::text(body.state.digest)),
        ("len", body.state.len.into()),
    ]);
    vec![
        ("parent", Json::text(body.parent)),
        ("after", body.seq.into()),
        ("parent_hash", Json::text(body.hash)),
        ("state", state),
        ("changed", body.changed.iter().map(Json::text).collect()),
        ("given", body.given.iter().map(given).collect()),
    ]
}

fn given(given: &Given) -> Json {
    Json::Object(vec![
        ("instead_of", Json::text(given.of)),
        ("len", given.answer.len.into()),
        ("digest", Json::text(given.answer.digest)),
    ])
}

/// The same in a few words.
pub(super) fn brief(body: &Lineage) -> String {
    let mut text = format!("goes on from {} after record {}", body.parent, body.seq);
    for changed in &body.changed {
        text.push_str("; ");
        text.push_str(&escape(changed));
    }
    text
}
