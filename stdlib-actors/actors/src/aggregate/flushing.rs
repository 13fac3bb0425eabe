//! When `std/aggregate` sends its groups.

use serde::Deserialize;
use serde::de::IgnoredAny;
use theater_flow_sdk::{Bounds, ConfigSchema, Member, Place, Schema};

/// When the groups of `std/aggregate` are sent and begin anew, beside the end.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Flush(Option<When>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum When {
    /// Not before the end.
    Close,
    /// After as many messages.
    Count(u64),
    /// What `std/window` does: known here only so that the fault can say so.
    Every(IgnoredAny),
}

impl Flush {
    /// Messages between two flushes.
    pub(super) const fn count(&self) -> u64 {
        match self.0 {
            Some(When::Count(count)) => count,
            Some(When::Close | When::Every(_)) | None => u64::MAX,
        }
    }
}

impl ConfigSchema for Flush {
    const SCHEMA: Schema = Schema::Members(&[
        Member::Json(
            "description",
            "\"When groups are sent and begin anew, beside the end: not before it, or after `count` \
             messages.\"",
        ),
        Member::Json("default", "\"close\""),
        Member::AnyOf(&[
            Schema::Text(r#"{"const":"close"}"#),
            Schema::Text(
                r#"{"type":"object","additionalProperties":false,"required":["count"],"properties":{"count":{"type":"integer","minimum":1}}}"#,
            ),
        ]),
    ]);
    const OPTIONAL: bool = true;

    fn check(&self, _: &Bounds, at: &mut Place) {
        match self.0 {
            Some(When::Count(0)) => {
                at.inside("count", |at| at.fault("expected at least 1, found 0"));
            }
            Some(When::Every(_)) => at.inside("every", |at| {
                at.fault("`std/window` flushes by time, and needs the grant `timer` for it");
            }),
            _ => {}
        }
    }
}
