//! The stdlib: prebuilt components, part of the program.

/// A stdlib actor.
struct StdActor {
    name: &'static str,
    component: &'static [u8],
}

macro_rules! actors {
    ($($name:literal),* $(,)?) => {
        &[$(StdActor {
            name: $name,
            component: include_bytes!(concat!("../../stdlib-actors/prebuilt/", $name, ".wasm")),
        }),*]
    };
}

/// In alphabetical order.
const ACTORS: &[StdActor] = actors![
    "aggregate",
    "csv-read",
    "dedupe",
    "delay",
    "file-lines",
    "file-read",
    "file-walk",
    "file-write",
    "filter",
    "http",
    "map",
    "match",
    "report",
    "route",
    "sort",
    "split",
    "stdin-lines",
    "stdout",
    "template",
    "timer",
    "window"
];

/// The names of all stdlib actors, without `std/`.
pub fn names() -> impl Iterator<Item = &'static str> {
    ACTORS.iter().map(|actor| actor.name)
}

/// The component of a stdlib actor, by its name without `std/`.
#[must_use]
pub fn component(name: &str) -> Option<&'static [u8]> {
    ACTORS.iter().find(|actor| actor.name == name).map(|actor| actor.component)
}
