//! What a run went over to, was to, or did not, as JSON and in a few words.

use theater_flow_kernel::record::{Carry, Counts, Move, NextPlan, Proposed, Refused, Reloaded};
use theater_flow_kernel::reload::Changes;

use super::json::{Fields, Json};
use super::{Row, View, time};
use crate::render::escape::escape;
use crate::render::{Look, Tone, columns};
use crate::revisions::Revision;

/// Where what differs stands among the record's own payloads: behind the plan.
const CHANGES: usize = 1;
/// Characters of a digest that tell plans apart.
const DIGEST: usize = 12;

impl View<'_> {
    /// The fields of a reload.
    pub(super) fn reloaded(&self, body: &Reloaded, row: &Row) -> Fields {
        let mut fields = next(&body.next, row);
        fields.extend([
            ("moves", body.moves.iter().map(|moved| self.moved(moved)).collect()),
            ("dead_letters", body.set_aside.into()),
            ("again", body.again.iter().map(|id| Json::text(self.agent(*id))).collect()),
            ("proposal", body.proposal.into()),
            ("by", body.by.as_ref().map(Json::text).into()),
        ]);
        fields
    }

    fn moved(&self, moved: &Move) -> Json {
        let how = match moved.how {
            Carry::As => "as",
            Carry::Migrated => "migrated",
            Carry::Fresh => "fresh",
        };
        Json::Object(vec![
            ("agent", Json::text(self.agent(moved.agent))),
            ("state", Json::text(how)),
        ])
    }
}

/// The fields of a plan that waits for somebody to approve it.
pub(super) fn proposed(body: &Proposed, row: &Row) -> Fields {
    let mut fields = next(&body.next, row);
    fields.extend([
        ("widens", body.widens.iter().map(Json::text).collect()),
        ("by", body.by.as_ref().map(Json::text).into()),
    ]);
    fields
}

/// The fields of a reload that did not happen.
pub(super) fn refused(body: &Refused) -> Fields {
    vec![
        ("source", body.source.map(Json::text).into()),
        ("proposal", body.proposal.into()),
        ("why", Json::text(&body.why)),
        ("by", body.by.as_ref().map(Json::text).into()),
    ]
}

fn next(next: &NextPlan, row: &Row) -> Fields {
    let Counts { added, changed, removed } = next.counts;
    let changes = row.nth_own_payload(CHANGES).map(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        text.lines().map(Json::text).collect::<Json>()
    });
    vec![
        ("revision", next.revision.into()),
        ("from", Json::text(next.from)),
        ("to", Json::text(next.to)),
        ("source", Json::text(next.source)),
        ("added", added.into()),
        ("changed", changed.into()),
        ("removed", removed.into()),
        ("changes", changes.into()),
    ]
}

/// A plan's number and how much differs: `rev 7→8 (+1 ~2 -0)`.
#[must_use]
pub fn step(revision: u32, Counts { added, changed, removed }: Counts) -> String {
    format!("rev {}→{revision} (+{added} ~{changed} -{removed})", revision.saturating_sub(1))
}

/// That messages became dead letters with a reload, if any did.
#[must_use]
pub fn lost(set_aside: u64) -> String {
    match set_aside {
        0 => String::new(),
        1 => String::from(", 1 message became a dead letter"),
        more => format!(", {more} messages became dead letters"),
    }
}

/// Who had ended and is started again with a reload, if anybody is.
#[must_use]
pub fn again(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!(", started again: {}", escape(&names.join(", "))),
    }
}

/// A reload in a few words.
pub(super) fn reloaded_brief(body: &Reloaded) -> String {
    format!("{}{}", step(body.next.revision, body.next.counts), lost(body.set_aside))
}

/// A plan that waits, in a few words.
pub(super) fn proposed_brief(body: &Proposed) -> String {
    let widens: Vec<_> = body.widens.iter().map(|what| escape(what)).collect();
    format!("{} widens {}", step(body.next.revision, body.next.counts), widens.join(", "))
}

/// A reload that did not happen, in a few words.
pub(super) fn refused_brief(body: &Refused) -> String {
    escape(body.why.lines().next().unwrap_or_default()).into_owned()
}

/// A plan of a run as a JSON object.
#[must_use]
pub fn revision_json(revision: &Revision) -> Json {
    let Counts { added, changed, removed } = revision.counts;
    Json::Object(vec![
        ("revision", revision.number.into()),
        ("record", revision.record.into()),
        ("at", revision.at.into()),
        ("plan", Json::text(revision.plan)),
        ("source", Json::text(revision.source)),
        ("added", added.into()),
        ("changed", changed.into()),
        ("removed", removed.into()),
        ("dead_letters", revision.set_aside.into()),
        ("proposal", revision.proposal.into()),
        ("by", revision.by.as_ref().map(Json::text).into()),
        ("waits", revision.waits.into()),
    ])
}

/// The plans of a run for people, a line each.
#[must_use]
pub fn revision_lines(all: &[Revision], look: Look) -> Vec<String> {
    let line = |one: &Revision| {
        let Counts { added, changed, removed } = one.counts;
        let number = look.paint(Tone::Strong, &format!("rev {}", one.number));
        let since = time::date_time(one.at);
        let plan: String = one.plan.to_string().chars().take(DIGEST).collect();
        let by = one
            .by
            .as_ref()
            .map_or_else(String::new, |by| format!("  by {}", escape(&by.to_string())));
        let how = match (one.waits, one.proposal) {
            (true, _) => look.paint(Tone::Warn, "  waits for approval"),
            (false, Some(proposal)) => format!("  approved, proposed in record {proposal}"),
            (false, None) => String::new(),
        };
        let lost = lost(one.set_aside);
        format!(
            "{number}  {since}  record {}  +{added} ~{changed} -{removed}{lost}  plan {plan}{by}{how}",
            one.record
        )
    };
    all.iter().map(line).collect()
}

/// What differs between two plans for people: a line each, in columns, whose state goes, and what it gives to whom.
#[must_use]
pub fn change_lines(changes: &Changes, look: Look) -> Vec<String> {
    let width = changes.all.iter().map(|change| columns(&escape(&change.name))).max().unwrap_or(0);
    let line = |change: &theater_flow_kernel::reload::Change| {
        let name = escape(&change.name);
        let pad = " ".repeat(width.saturating_sub(columns(&name)));
        let tone = match change.kind.sign() {
            '+' => Tone::Good,
            '-' => Tone::Bad,
            _ => Tone::Warn,
        };
        let sign = look.paint(tone, &change.kind.sign().to_string());
        format!("{sign} {name}{pad}  {}", change.kind)
    };
    let widens = changes.widenings.iter().map(|widening| {
        let whose = if widening.agent.is_empty() { "the pipeline" } else { &widening.agent };
        let what = format!("! {} gets more: {}", escape(whose), escape(&widening.more()));
        look.paint(Tone::Bad, &what)
    });
    let forgets = changes.forgets.iter().map(|name| {
        let what = format!("! {} goes, and what it keeps in mind goes with it", escape(name));
        look.paint(Tone::Warn, &what)
    });
    changes.all.iter().map(line).chain(forgets).chain(widens).collect()
}
