//! The JSON Schemas of the types that configs are made of.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};

use serde_json::Value;

use crate::schema::{Bounds, ConfigSchema, Measure, Member, Place, Schema};

macro_rules! numbers {
    ($($rust:ty: $kind:literal $(, $key:literal = $bound:literal)*;)*) => {
        $(impl ConfigSchema for $rust {
            const SCHEMA: Schema = Schema::Members(&[
                Member::Json("type", $kind),
                $(Member::Json($key, $bound),)*
            ]);
            const MEASURE: Measure = Measure::Value;

            fn check(&self, bounds: &Bounds, at: &mut Place) {
                #[allow(
                    clippy::cast_lossless,
                    clippy::cast_precision_loss,
                    trivial_numeric_casts,
                    reason = "bounds are at most 2^53, and rounding keeps the order"
                )]
                bounds.check(*self as f64, || serde_json::to_string(self).unwrap_or_default(), at);
            }

            fn json(&self) -> Option<String> {
                serde_json::to_string(self).ok()
            }
        })*
    };
}

numbers! {
    u8: "\"integer\"", "minimum" = "0", "maximum" = "255";
    u16: "\"integer\"", "minimum" = "0", "maximum" = "65535";
    u32: "\"integer\"", "minimum" = "0", "maximum" = "4294967295";
    u64: "\"integer\"", "minimum" = "0";
    usize: "\"integer\"", "minimum" = "0";
    i8: "\"integer\"", "minimum" = "-128", "maximum" = "127";
    i16: "\"integer\"", "minimum" = "-32768", "maximum" = "32767";
    i32: "\"integer\"", "minimum" = "-2147483648", "maximum" = "2147483647";
    i64: "\"integer\"";
    f32: "\"number\"";
    f64: "\"number\"";
}

macro_rules! non_zero {
    ($($rust:ty = $of:ty),*) => {
        $(impl ConfigSchema for $rust {
            const SCHEMA: Schema = Schema::Members(&[
                Member::Like(&<$of>::SCHEMA),
                Member::Json("minimum", "1"),
            ]);
            const MEASURE: Measure = Measure::Value;

            fn check(&self, bounds: &Bounds, at: &mut Place) {
                self.get().check(bounds, at);
            }

            fn json(&self) -> Option<String> {
                self.get().json()
            }
        })*
    };
}

non_zero! {
    NonZeroU8 = u8, NonZeroU16 = u16, NonZeroU32 = u32, NonZeroU64 = u64, NonZeroUsize = usize
}

impl ConfigSchema for bool {
    const SCHEMA: Schema = Schema::Members(&[Member::Json("type", "\"boolean\"")]);

    fn json(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl ConfigSchema for str {
    const SCHEMA: Schema = Schema::Members(&[Member::Json("type", "\"string\"")]);
    const MEASURE: Measure = Measure::Characters;

    fn check(&self, bounds: &Bounds, at: &mut Place) {
        bounds.check_len(self.chars().count(), at);
    }

    fn json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

impl ConfigSchema for char {
    const SCHEMA: Schema = Schema::Members(&[
        Member::Json("type", "\"string\""),
        Member::Json("minLength", "1"),
        Member::Json("maxLength", "1"),
    ]);

    fn json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

impl ConfigSchema for Value {
    const SCHEMA: Schema = Schema::Members(&[]);

    fn json(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! same {
    ($([$($bound:tt)*] $rust:ty = $of:ty, $optional:literal;)*) => {
        $(impl $($bound)* ConfigSchema for $rust {
            const SCHEMA: Schema = <$of>::SCHEMA;
            const OPTIONAL: bool = $optional;
            const MEASURE: Measure = <$of>::MEASURE;

            fn check(&self, bounds: &Bounds, at: &mut Place) {
                (**self).check(bounds, at);
            }

            fn json(&self) -> Option<String> {
                (**self).json()
            }
        })*
    };
}

same! {
    [] String = str, false;
    [] Cow<'_, str> = str, false;
    [<T: ConfigSchema>] Box<T> = T, false;
}

impl<T: ConfigSchema> ConfigSchema for Option<T> {
    const SCHEMA: Schema = T::SCHEMA;
    const OPTIONAL: bool = true;
    const MEASURE: Measure = T::MEASURE;

    fn check(&self, bounds: &Bounds, at: &mut Place) {
        if let Some(value) = self {
            value.check(bounds, at);
        }
    }

    fn json(&self) -> Option<String> {
        self.as_ref()?.json()
    }
}

macro_rules! lists {
    ($($rust:ty),*) => {
        $(impl<T: ConfigSchema> ConfigSchema for $rust {
            const SCHEMA: Schema = Schema::Members(&[
                Member::Json("type", "\"array\""),
                Member::Schema("items", &T::SCHEMA),
            ]);
            const MEASURE: Measure = Measure::Items;

            fn check(&self, bounds: &Bounds, at: &mut Place) {
                bounds.check_len(self.len(), at);
                for (nth, value) in self.iter().enumerate() {
                    at.inside(&nth.to_string(), |at| value.check(&Bounds::NONE, at));
                }
            }

            fn json(&self) -> Option<String> {
                let items: Option<Vec<String>> = self.iter().map(T::json).collect();
                Some(format!("[{}]", items?.join(",")))
            }
        })*
    };
}

lists! { Vec<T>, BTreeSet<T> }

impl<T: ConfigSchema> ConfigSchema for BTreeMap<String, T> {
    const SCHEMA: Schema = Schema::Members(&[
        Member::Json("type", "\"object\""),
        Member::Schema("additionalProperties", &T::SCHEMA),
    ]);
    const MEASURE: Measure = Measure::Properties;

    fn check(&self, bounds: &Bounds, at: &mut Place) {
        bounds.check_len(self.len(), at);
        for (key, value) in self {
            at.inside(key, |at| value.check(&Bounds::NONE, at));
        }
    }

    fn json(&self) -> Option<String> {
        // What stands in it rarely makes a default worth showing.
        self.is_empty().then(|| String::from("{}"))
    }
}
